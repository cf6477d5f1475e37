//! Several applications in one configuration: each for itself, and one answer.

use std::os::unix::fs::MetadataExt;

use serde_json::Value;

use crate::support::World;

pub const TWO: &str = "\
source: { git: { url: ./repository, ref: { branch: main } } }
sync: { interval: 1s }
applications:
- name: one
  source: { git: { path: site/a } }
  target: { directory: { root: ./live/a } }
- name: two
  labels: { environment: production }
  source: { git: { path: site/b } }
  target: { directory: { root: ./live/b } }
";

/// Two applications with a file each, not yet applied.
pub fn two() -> World {
    let world = World::empty();
    world.configure(TWO);
    std::fs::create_dir(world.path("live")).unwrap();
    world.commit("Begin", &[("a/page", Some("a\n")), ("b/page", Some("b\n"))]);
    world
}

/// The file without its second application.
pub fn without_two() -> String {
    TWO.split("- name: two").next().unwrap().to_owned()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["application"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_is_of_all_with_one_sum_and_an_apply_does_all() {
    let world = two();
    let plan = world.gitops(&["plan"]).expect(0).says("[one]").says("environment=production");
    let plan = plan.says("2 applications: 2 to create").says("gitops -a two apply --plan-id");
    assert!(plan.stdout.find("[one]") < plan.stdout.find("[two]"));
    world.gitops(&["plan", "--detailed-exitcode"]).expect(2);
    world.gitops(&["apply", "--yes"]).expect(0).says("2 applications: 2 changes applied, 0 not");
    assert_eq!(
        (world.live("a/page").as_deref(), world.live("b/page").as_deref()),
        (Some("a\n"), Some("b\n"))
    );
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0).says("2 applications: in sync");
    world.gitops(&["status"]).expect(0).says("[two]");
    world.gitops(&["apply", "--yes"]).expect(0).says("nothing to do");
}

/// Each application fetched the repository that all of them have.
#[test]
fn a_repository_is_fetched_once_for_all_applications_whose_state_has_its_default_place() {
    let world = two();
    let third = "- name: three\n  state: ./elsewhere\n  source: { git: { path: site/b } }\n  target: { directory: { root: ./live/c } }\n";
    world.configure(&(TWO.to_owned() + third));
    world.gitops(&["apply", "--yes"]).expect(0);
    let mirrors = |folder: &str| {
        let entries = std::fs::read_dir(world.path(folder)).unwrap().flatten();
        entries.filter(|entry| entry.path().join("HEAD").is_file()).count()
    };
    assert_eq!((mirrors(".gitops/~mirrors"), mirrors("elsewhere/mirrors")), (1, 1));
    assert!(!world.path(".gitops/one/mirrors").exists() && !world.path(".gitops/two/mirrors").exists());
    assert_eq!(std::fs::metadata(world.path(".gitops/~mirrors")).unwrap().mode() & 0o777, 0o700);
    // Without it, everything is as it was.
    std::fs::remove_dir_all(world.path(".gitops/~mirrors")).unwrap();
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["-a", "two", "history"]).expect(0);
}

#[test]
fn a_document_of_several_is_a_list_and_of_one_is_what_it_always_was() {
    let world = two();
    let list = world.json(&["plan"]);
    assert_eq!((&list["kind"], names(&list)), (&"List".into(), vec!["one", "two"]));
    assert_eq!(list["summary"]["create"], 2);
    assert_eq!(list["items"][1]["steps"][0]["key"], "dir:File/-/page");
    let one = world.json(&["-a", "two", "plan"]);
    assert_eq!((&one["kind"], &one["application"]), (&"Plan".into(), &"two".into()));
    for verb in ["status", "diff", "drift", "history"] {
        assert_eq!(names(&world.json(&[verb])), ["one", "two"], "{verb}");
    }
}

#[test]
fn one_is_chosen_by_its_name_and_the_other_is_left_alone() {
    let world = two();
    world.gitops(&["-a", "two", "apply", "--yes"]).expect(0);
    assert_eq!((world.live("a/page"), world.live("b/page").as_deref()), (None, Some("b\n")));
    world.gitops(&["-a", "twoo", "plan"]).expect(1).warns("did you mean `two`?");
    world.gitops(&["-a", "two", "why", "page"]).expect(0).says("dir:File/-/page");
}

#[test]
fn a_rollback_takes_the_name_as_its_first_word() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    let first = world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    world.commit("Break both", &[("a/page", Some("bad\n")), ("b/page", Some("bad\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let of_two = || world.live("b/page");
    // Without a revision to the last good one, and the other one is left as it is.
    world.gitops(&["rollback", "two", "--yes"]).expect(0).warns("rollback --end");
    assert_eq!((world.live("a/page").as_deref(), of_two().as_deref()), (Some("bad\n"), Some("b\n")));
    world.gitops(&["rollback", "two", "--end", "--yes"]).expect(0);
    assert_eq!(of_two().as_deref(), Some("bad\n"));
    world.gitops(&["rollback", "two", &first, "--yes"]).expect(0);
    assert_eq!(of_two().as_deref(), Some("b\n"));
    // What means nothing, or two things, is refused.
    world.gitops(&["rollback", "three", &first, "--yes"]).expect(64).warns("there are one, two");
    world.gitops(&["-a", "one", "rollback", "two", &first, "--yes"]).expect(64).warns("`-a` chooses `one`");
    world.gitops(&["rollback", "two", &first, "--end"]).expect(64);
    // Where one is chosen, the word is a revision.
    world
        .gitops(&["-a", "one", "rollback", "two", "--yes"])
        .expect(1)
        .warns("no branch, tag or commit `two`");
}

#[test]
fn what_is_about_one_application_asks_which() {
    let world = two();
    for arguments in [
        &["why", "page"][..],
        &["plan", "--out", "plan.json"],
        &["apply", "--plan-id", "0123456789ab"],
        &["rollback", "main", "--yes"],
        &["audit", "verify"],
    ] {
        world.gitops(arguments).expect(64).warns("choose one with `-a NAME`: one, two");
    }
}

#[test]
fn an_application_that_fails_costs_the_others_nothing() {
    let world = two();
    world.configure(&TWO.replace("path: site/a }", "path: site/a, url: ./nowhere }"));
    let ran = world.gitops(&["apply", "--yes"]).expect(1).says("failed: one");
    assert_eq!(world.live("b/page").as_deref(), Some("b\n"), "{}", ran.stderr);
    let list = world.json(&["plan"]);
    assert_eq!(
        (&list["items"][0]["kind"], &list["items"][0]["application"]),
        (&"Error".into(), &"one".into())
    );
    assert_eq!((&list["items"][1]["kind"], &list["exit_code"]), (&"Plan".into(), &1.into()));
}

#[test]
fn an_application_that_leaves_the_file_is_orphaned_and_nothing_of_it_is_deleted() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    world.configure(&without_two());
    for verb in [&["plan"][..], &["status"], &["apply", "--yes"]] {
        world.gitops(verb).expect(0).warns("`two` is no longer in gitops.yaml and owns 1 object: File/page");
    }
    let list = world.json(&["plan"]);
    assert_eq!(list["orphaned"][0]["application"], "two");
    assert_eq!(list["orphaned"][0]["objects"][0], "dir:File/-/page");
    assert_eq!(world.live("b/page").as_deref(), Some("b\n"));
    // Put back, it goes on where it was.
    world.configure(TWO);
    let plan = world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(!plan.stderr.contains("Orphaned"), "{}", plan.stderr);
}

#[test]
fn an_application_of_a_file_that_was_removed_is_orphaned_too() {
    let world = two();
    let beside = "name: three\nsource: { git: { url: ./repository, ref: { branch: main }, path: site/a } }\n\
                  target: { directory: { root: ./live/c } }\n";
    std::fs::write(world.path("three.yaml"), beside).unwrap();
    world.gitops(&["-f", "three.yaml", "apply", "--yes"]).expect(0);
    let plan = world.gitops(&["plan"]).expect(0);
    assert!(!plan.stderr.contains("Orphaned"), "another file has it: {}", plan.stderr);
    std::fs::remove_file(world.path("three.yaml")).unwrap();
    world.gitops(&["plan"]).expect(0).warns("`three` is no longer in three.yaml");
}

#[test]
fn a_renamed_application_takes_nothing_of_its_former_self_until_it_is_told_to() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    world.configure(&TWO.replace("name: two", "name: zwei"));
    world.gitops(&["apply", "--yes"]).expect(1).warns("`two` is no longer in gitops.yaml");
    assert_eq!(world.live("b/page").as_deref(), Some("b\n"));
    world.gitops(&["apply", "--yes", "--renamed-from", "two"]).expect(64);
    let both = world.gitops(&["-a", "zwei", "apply", "--yes", "--renamed-from", "two"]).expect(1);
    both.warns("the new one owns nothing: remove it, `rm -r .gitops/zwei`");
    std::fs::remove_dir_all(world.path(".gitops/zwei")).unwrap();
    world.gitops(&["-a", "zwei", "apply", "--yes", "--renamed-from", "two"]).expect(0);
    let plan = world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(!plan.stderr.contains("Orphaned"), "{}", plan.stderr);
}

#[test]
fn two_applications_of_one_folder_keep_to_their_own_files() {
    let world = two();
    world.configure(&TWO.replace("root: ./live/b", "root: ./live/a"));
    world.commit("Both declare it", &[("b/only-b", Some("b\n"))]);
    world.gitops(&["apply", "--yes"]).expect(1).says("conflict");
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"), "it belongs to who was first");
    assert_eq!(world.live("a/only-b").as_deref(), Some("b\n"));
    world.commit("Only one declares it", &[("b/page", None)]);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"));
    assert_eq!(world.live("a/only-b").as_deref(), Some("b\n"), "it belongs to the other");
}

#[test]
fn applications_that_would_share_a_state_are_refused() {
    let world = two();
    for (state, target) in [("./state", "./live/b"), ("./state/inner", "./live/b"), ("./other", "./state")] {
        let text = TWO.replace("- name: one\n", "- name: one\n  state: ./state\n");
        let text = text.replace("- name: two\n", &format!("- name: two\n  state: {state}\n"));
        world.configure(&text.replace("./live/b", target));
        world.gitops(&["plan"]).expect(1).warns("in one another");
    }
}

/// Met with a fleet of which one could not be looked at: the last line, which is all that people read, said "in sync".
#[test]
fn the_sum_counts_what_could_not_be_looked_at() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["status"]).expect(0).says("2 applications: in sync");
    world.git(&["mv", "site/a", "site/aa"]);
    world.commit("Moved", &[]);
    world.gitops(&["status"]).expect(0).says("2 applications: 1 in sync; unknown: one");
    for verb in [&["plan"][..], &["drift"]] {
        world.gitops(verb).expect(1).says("2 applications: 1 in sync; failed: one");
    }
}

/// Met with a freeze that held for nobody, because the environment was misspelt.
#[test]
fn a_rule_for_an_environment_that_nobody_has_is_refused() {
    let world = World::new();
    let window = |environment: &str| {
        let deny = "deny: { from: 2026-01-01T00:00, to: 2027-01-01T00:00 }";
        format!("windows:\n- {{ name: freeze, zone: UTC, environments: [{environment}], {deny} }}\n")
    };
    let approval = |environment: &str| {
        format!("approvals: [{{ name: two, needs: 2, environments: [{environment}] }}]\n")
    };
    let labels = "labels: { environment: Production }\n";
    for (environment, help) in
        [("production", "did you mean `Production`?"), ("\"prod*\"", "known are `Production`")]
    {
        for rule in [window(environment), approval(environment)] {
            world.configure(&(labels.to_owned() + &rule + crate::support::CONFIG));
            world.gitops(&["plan"]).expect(1).warns("no application has the environment").warns(help);
        }
    }
    for rule in [window("production"), approval("production")] {
        world.configure(&(rule + crate::support::CONFIG));
        world.gitops(&["plan"]).expect(1).warns("labels: { environment: production }");
    }
    // A shared part may speak of environments that are elsewhere.
    world.configure(
        &("labels: { environment: staging }\n".to_owned() + &window("production") + crate::support::CONFIG),
    );
    world.gitops(&["plan"]).expect(0);
}

/// Met with a root below another one: each application adopted the other's file in turn, for ever, and all was green.
#[test]
fn roots_that_lie_in_one_another_are_refused_and_one_root_is_not() {
    let world = two();
    std::fs::create_dir_all(world.path("live")).unwrap();
    std::os::unix::fs::symlink(world.path("live"), world.path("link")).unwrap();
    for inner in ["./live/a/b", "./live", "./link/a/b", "./link/a/../a/b/c"] {
        world.configure(&TWO.replace("root: ./live/b", &format!("root: {inner}")));
        for verb in [&["plan"][..], &["apply", "--yes"], &["status"]] {
            world.gitops(verb).expect(1).warns("lie in one another").warns("live/a");
        }
    }
    world.configure(&TWO.replace("root: ./live/b", "root: ./link/a"));
    world.gitops(&["plan"]).expect(0);
}

#[test]
fn a_shared_gate_holds_for_every_application() {
    let world = two();
    let gate = "gates: [{ name: none, rule: plan.create == 0, otherwise: deny }]\n";
    let own = "- name: two\n  gates: [{ name: own, rule: plan.create < 9, otherwise: warn }]\n";
    world.configure(&(gate.to_owned() + &TWO.replace("- name: two\n", own)));
    world.gitops(&["apply", "--yes"]).expect(3).says("failed: one, two");
    assert_eq!((world.live("a/page"), world.live("b/page")), (None, None));
}

#[test]
fn a_folder_of_files_is_all_of_them_and_a_shared_part_is_none() {
    let world = two();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(world.path("conf")).unwrap();
        std::fs::write(world.path("conf").join(name), text).unwrap();
    };
    write("shared.yaml", "source: { git: { url: ../repository, ref: { branch: main } } }\n");
    for (name, folder) in [("one", "a"), ("two", "b")] {
        let text = format!(
            "include: [shared.yaml]\nname: {name}\nsource: {{ git: {{ path: site/{folder} }} }}\n\
             target: {{ directory: {{ root: ../live/{folder} }} }}\n"
        );
        write(&format!("{name}.yaml"), &text);
    }
    world
        .gitops(&["-f", "conf", "apply", "--yes"])
        .expect(0)
        .says("2 applications: 2 changes applied, 0 not");
    assert_eq!(world.live("b/page").as_deref(), Some("b\n"));
    assert!(world.path("conf/.gitops/one").is_dir());
    // Met with a mounted folder of links of which one led nowhere: the application was taken for one that is gone.
    std::fs::rename(world.path("conf/two.yaml"), world.path("two.yaml")).unwrap();
    std::os::unix::fs::symlink(world.path("two.yaml"), world.path("conf/two.yaml")).unwrap();
    world.gitops(&["-f", "conf", "status", "--exit-code"]).expect(0).says("two");
    std::fs::rename(world.path("two.yaml"), world.path("away.yaml")).unwrap();
    for verb in [&["plan"][..], &["status", "--exit-code"], &["apply", "--yes"]] {
        world.gitops(&[&["-f", "conf"], verb].concat()).expect(1).warns("conf/two.yaml");
    }
    std::fs::remove_file(world.path("conf/two.yaml")).unwrap();
    std::fs::rename(world.path("away.yaml"), world.path("conf/two.yaml")).unwrap();
    write("shared.yaml", "source: { git: { ulr: ../repository, ref: { branch: main } } }\n");
    let ran = world.gitops(&["-f", "conf", "plan"]).expect(1).warns("did you mean `url`?");
    assert!(ran.stderr.contains("--> conf/shared.yaml:1:18"), "{}", ran.stderr);
    write("shared.yaml", "source: { git: { url: ../repository, ref: { branch: main } } }\n");
    write("two.yaml", "include: [shared.yaml]\nname: one\ntarget: { directory: { root: ../live/b } }\n");
    world.gitops(&["-f", "conf", "plan"]).expect(1).warns("the application `one` is there twice");
}

#[test]
fn what_an_application_has_of_its_own_stands_instead_of_what_is_shared() {
    let world = two();
    world.configure(&TWO.replace("path: site/b }", "path: site/b, ref: { tag: v1 } }"));
    world.git(&["tag", "v1"]);
    world.commit("Later", &[("a/page", Some("later\n")), ("b/page", Some("later\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(
        (world.live("a/page").as_deref(), world.live("b/page").as_deref()),
        (Some("later\n"), Some("b\n"))
    );
}

#[test]
fn what_can_not_be_shared_is_a_fault_at_its_place() {
    let world = two();
    world.configure(&format!("state: ./state\n{TWO}"));
    world.gitops(&["plan"]).expect(1).warns("`state` can't be shared").warns("gitops.yaml:1:1");
    world.configure(&TWO.replace("name: two", "name: one"));
    world.gitops(&["plan"]).expect(1).warns("the first is in line 4 of gitops.yaml");
    world.configure(&TWO.replace("  labels:", "  lables:"));
    world.gitops(&["plan"]).expect(1).warns("unknown key `lables` in the application").warns("`labels`");
    world.configure("applications: []\n");
    world.gitops(&["plan"]).expect(1).warns("`applications` is empty");
}
