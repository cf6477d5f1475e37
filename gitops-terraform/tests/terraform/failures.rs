//! What can go wrong around a run, and what is said about it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gitops_core::*;
use gitops_terraform::{Removal, Terraform, TerraformRender};

use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

async fn world() -> (World, Things, String) {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    (World::new(&[]).built(|builder| builder.mirror(mirror())), things, lock)
}

async fn blocked(world: &World) -> String {
    let plan = world.plan().await;
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    plan.blocked[0].why.to_string()
}

/// The processes that have the root's folder for their home.
fn at_work(folder: &Path) -> usize {
    let home = format!("HOME={}/home", folder.display());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments.filter(|bytes| bytes.split(|byte| *byte == 0).any(|part| part == home.as_bytes())).count()
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_shown_with_its_holder_and_left_alone() {
    let (world, things, lock) = world().await;
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "1")])), (LOCK, &lock)]);
    world.plan().await;
    things.with(|inner| inner.takes = Duration::from_secs(5));
    let folder = world.root_folder();
    let mut person = Command::new(tofu());
    person.args(["apply", "-auto-approve"]).current_dir(tree(&folder).join("app")).stdout(Stdio::null());
    person.env("TF_DATA_DIR", data(&folder)).env("TF_CLI_CONFIG_FILE", world.work().join("cli.tfrc"));
    let mut person = person.spawn().unwrap();
    things.made(1).await;
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "2")])), (LOCK, &lock)]);
    let why = blocked(&world).await;
    assert!(why.contains("state lock") && why.contains("held by: ") && why.contains("since: "), "{why}");
    assert!(why.contains("never done for you"), "{why}");
    let ended = tokio::task::spawn_blocking(move || person.wait().unwrap()).await.unwrap();
    assert!(ended.success(), "the holder was left alone");
}

#[tokio::test]
async fn a_plan_that_takes_for_ever_ends_with_its_call() {
    let (world, things, lock) = world().await;
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "1")])), (LOCK, &lock)]);
    assert!(world.apply().await.is_converged());
    things.with(|inner| inner.silent = true);
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "2")])), (LOCK, &lock)]);
    let world = world.built(|builder| {
        builder.mirror(mirror()).patience(Duration::from_millis(500)).plan_timeout(Duration::from_secs(5))
    });
    let why = blocked(&world).await;
    assert!(why.contains("the deadline passed"), "{why}");
    let folder = world.root_folder();
    let cx = world.cx.within(Duration::from_secs(60));
    while at_work(&folder) > 0 {
        cx.sleep(Duration::from_millis(50)).await.expect("the tool and its providers are gone");
    }
}

#[tokio::test]
async fn an_apply_that_takes_too_long_is_interrupted_and_keeps_what_it_made() {
    let (world, things, lock) = world().await;
    let list = [("a", "1"), ("b", "1"), ("c", "1")];
    world.files.declare(&[("app/main.tf", &things.root(&list)), (LOCK, &lock)]);
    let plan = world.plan().await;
    things.with(|inner| inner.takes = Duration::from_secs(2));
    let mut world = world.built(|builder| builder.mirror(mirror()).apply_timeout(Duration::from_secs(3)));
    // The engine's own limit for calls is another one.
    world.call_timeout = Duration::from_secs(2);
    let target = world.target();
    let report = world.engine(&target).await.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert!(matches!(report.results[0].outcome, StepOutcome::Unknown { .. }), "{:?}", report.results);
    things.with(|inner| inner.takes = Duration::ZERO);
    world.call_timeout = Duration::from_secs(600);
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(things.with(|inner| inner.made.values().copied().collect::<Vec<_>>()), [1, 1, 1]);
}

/// How many bytes the flood has; 5 MB if nothing is set.
const FLOOD: &str = "GITOPS_TERRAFORM_FLOOD";

#[tokio::test]
async fn a_flood_of_output_is_taken_and_not_kept() {
    let bytes: u64 =
        std::env::var(FLOOD).map_or(5_000_000, |bytes| bytes.parse().expect("a number of bytes"));
    let command = format!("head -c {bytes} /dev/zero | tr '\\\\0' x | fold -w 1000");
    let main = format!(
        "resource \"terraform_data\" \"a\" {{\n  provisioner \"local-exec\" {{\n    command = \"{command}\"\n  }}\n}}\n"
    );
    let world = World::new(&[("app/main.tf", &main)]);
    assert!(world.apply().await.is_converged());
    let size = |path: &std::path::PathBuf| std::fs::metadata(path).unwrap().len();
    assert!(files_below(world.folder.path()).iter().map(size).max().unwrap() < 1 << 20);
}

#[tokio::test]
async fn a_provider_that_can_not_be_had_without_a_network_is_named() {
    let (_, things, lock) = world().await;
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_owned();
    let world = World::new(&[("app/main.tf", &things.root(&[])), (LOCK, &lock)]);
    let world = world.built(move |builder| builder.mirror(&path));
    let why = blocked(&world).await;
    assert!(
        why.contains("gitops/counting") && why.starts_with("a dry run of the change fails: init: "),
        "{why}"
    );
}

#[tokio::test]
async fn a_lock_file_of_providers_is_asked_for_and_never_written() {
    let (world, things, _) = world().await;
    world.files.declare(&[("app/main.tf", &things.root(&[]))]);
    let why = blocked(&world).await;
    assert!(why.contains(".terraform.lock.hcl"), "{why}");
    assert!(!files_below(&world.work()).iter().any(|path| path.ends_with(".terraform.lock.hcl")));
}

#[tokio::test]
async fn revoked_credentials_are_the_providers_own_word() {
    let (world, things, lock) = world().await;
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "1")])), (LOCK, &lock)]);
    world.apply().await;
    things.with(|inner| inner.token = "another".into());
    world.files.declare(&[("app/main.tf", &things.root(&[("a", "2")])), (LOCK, &lock)]);
    let why = blocked(&world).await;
    assert!(why.contains("the token is revoked") && why.contains("counting_thing.a"), "{why}");
}

#[tokio::test]
async fn a_tool_that_is_too_old_is_refused_with_the_version_that_is_needed() {
    let world = World::new(&[("app/main.tf", "")]);
    let old = world.folder.path().join("old");
    std::fs::write(&old, "#!/bin/sh\necho 'Terraform v1.5.7'\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let target = Terraform::builder(&old, world.work()).open(&world.cx).unwrap();
    let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
    let why = plan.blocked[0].why.to_string();
    assert!(
        why.contains("Terraform 1.5.7 is too old")
            && why.contains("OpenTofu 1.9 or newer, or Terraform 1.11 or newer"),
        "{why}"
    );
}

/// A program that does what the tool does, but for one command.
fn wrapped(world: &World, case: &str) -> PathBuf {
    let (path, tofu) = (world.folder.path().join("wrapped"), tofu());
    let script = format!("#!/bin/sh\ncase \"$1\" in\n{case}\nesac\nexec {} \"$@\"\n", tofu.display());
    let script = script.replace("TOOL", &tofu.display().to_string());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_plan_that_leaves_something_for_later_is_not_applied() {
    let world = World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {}")]);
    let deferred = "show) TOOL \"$@\" | sed 's/\"complete\":true,//; s/^{/{\"complete\":false,/'; exit ;;";
    let target = Terraform::builder(wrapped(&world, deferred), world.work()).open(&world.cx).unwrap();
    let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
    assert!(plan.steps.is_empty());
    assert!(
        plan.blocked[0].why.to_string().contains("does not cover the whole root"),
        "{}",
        plan.blocked[0].why
    );
}

#[tokio::test]
async fn a_plan_of_another_form_is_named_and_not_applied() {
    let world = World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {}")]);
    for (shown, said) in [
        ("echo '{\"format_version\":\"2.0\"}'", "newer than 1"),
        ("echo oops", "JSON"),
        ("exit 3", "show ended"),
    ] {
        let target = Terraform::builder(wrapped(&world, &format!("show) {shown}; exit ;;")), world.work());
        let target = target.open(&world.cx).unwrap();
        let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
        let why = plan.blocked[0].why.to_string();
        assert!(plan.steps.is_empty() && why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn roots_that_run_at_once_share_a_cache_of_providers() {
    let (_, things, lock) = world().await;
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path().join("plugins");
    let names = ["r1", "r2", "r3", "r4", "r5", "r6"];
    let files: Vec<(String, String)> = names
        .iter()
        .flat_map(|name| {
            let main = things.root(&[(*name, "1")]);
            [(format!("{name}/main.tf"), main), (format!("{name}/.terraform.lock.hcl"), lock.clone())]
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world =
        World::new(&files).built(move |builder| builder.mirror(mirror()).plugin_cache(&path).concurrency(6));
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), names);
}

/// The outcome of an apply of all that is declared, with a program that does something else than to apply.
async fn outcome_of(world: &World, target: &Terraform) -> StepOutcome {
    let mut engine = world.engine(target).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap().results.remove(0).outcome
}

#[tokio::test]
async fn an_apply_that_ends_well_and_does_not_say_so_or_says_so_and_ends_badly_is_not_done() {
    for case in ["apply) exit 0 ;;", "apply) TOOL \"$@\"; exit 3 ;;"] {
        let world = World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {}")]);
        let target = Terraform::builder(wrapped(&world, case), world.work()).open(&world.cx).unwrap();
        let outcome = outcome_of(&world, &target).await;
        assert!(!matches!(outcome, StepOutcome::Done), "{case}: {outcome:?}");
    }
}

/// The second declaration fails before it does anything. What is told is that nothing was done, and what is removed later is what
/// was applied: by the policy that it was applied with.
#[tokio::test]
async fn an_apply_that_failed_without_an_effect_is_known_and_leaves_what_was_applied_before() {
    let file = |input: u8| format!("resource \"terraform_data\" \"a\" {{ input = {input} }}");
    let other = ("other/main.tf", "output \"o\" { value = 1 }");
    let policy = |policy: &str| format!("{{\"removal\":\"{policy}\"}}");
    let (first, destroy) = (file(1), policy("destroy"));
    let world = World::new(&[("app/main.tf", &*first), ("app/gitops.json", &*destroy), other]);
    let flag = world.folder.path().join("burns");
    let case =
        format!("apply) [ -e '{}' ] && {{ echo 'the disk is on fire' >&2; exit 1; }} ;;", flag.display());
    let target = Terraform::builder(wrapped(&world, &case), world.work()).open(&world.cx).unwrap();
    assert!(converge(&world.cx, &mut world.engine(&target).await).await.is_converged());

    std::fs::write(&flag, "").unwrap();
    let (second, forget) = (file(2), policy("forget"));
    world.files.declare(&[("app/main.tf", &*second), ("app/gitops.json", &*forget), other]);
    match outcome_of(&world, &target).await {
        StepOutcome::Failed { error, .. } => assert!(error.contains("the disk is on fire"), "{error}"),
        outcome => panic!("nothing was done, and that is known: {outcome:?}"),
    }
    std::fs::remove_file(&flag).unwrap();
    world.files.declare(&[other]);
    let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
    let removed = plan.steps.iter().find(|step| step.key == root_key("app")).unwrap();
    assert_eq!(removed.action, Action::Delete);
    assert!(diff(&plan).iter().any(|row| row.starts_with("delete/terraform_data.a")), "{:?}", diff(&plan));
}

/// What a failed apply made is removed with the files that it was made of.
#[tokio::test]
async fn what_a_failed_first_apply_made_is_destroyed_when_its_root_leaves() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    things.with(|inner| inner.refused.insert("b".to_owned()));
    let main = things.root(&[("a", "1"), ("b", "1")]);
    let other = ("other/main.tf", "output \"o\" { value = 1 }");
    let render = TerraformRender::new("tf").removal(Removal::Destroy);
    let world = World::new(&[("app/main.tf", &main), ("app/.terraform.lock.hcl", &lock), other])
        .rendered(render)
        .built(|builder| builder.mirror(mirror()));
    assert!(!world.apply().await.is_converged());
    assert_eq!(things.names(), ["a"]);
    world.files.declare(&[other]);
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), [""; 0]);
}

/// A value that only the plan calls sensitive, in the words of a server that refuses it.
#[tokio::test]
async fn what_the_plan_calls_sensitive_is_in_no_error_of_its_apply() {
    let (world, things, lock) = world().await;
    things.with(|inner| inner.refused.insert("a".to_owned()));
    let main = things.root(&[("a", "hunter2-of-the-plan")]);
    let main =
        main.replace("\"hunter2-of-the-plan\"", "sensitive(join(\"-\", [\"hunter2\", \"of\", \"plan\"]))");
    world.files.declare(&[("app/main.tf", &main), ("app/.terraform.lock.hcl", &lock)]);
    let outcome = format!("{:?}", outcome_of(&world, &world.target()).await);
    assert!(outcome.contains("not this one") && !outcome.contains("hunter2-of-plan"), "{outcome}");
}
