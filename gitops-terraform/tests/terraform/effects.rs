//! Roots whose resources are outside, behind a provider.

use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::{Removal, StateServer, TerraformRender};

use crate::support::*;
use crate::things::*;

const LOCK: &str = "app/.terraform.lock.hcl";

/// A world with a service, and the lock file of its provider.
async fn world(render: TerraformRender) -> (World, Things, String) {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let world = World::new(&[]).rendered(render).built(|builder| builder.mirror(mirror()));
    (world, things, lock)
}

#[tokio::test]
async fn a_root_lives_from_its_first_plan_to_its_end() {
    let (world, things, lock) = world(TerraformRender::new("tf").removal(Removal::Destroy)).await;
    let declare = |list: &[(&str, &str)]| {
        world.files.declare(&[("app/main.tf", &things.root(list)), (LOCK, &lock), ("b/main.tf", "")]);
    };
    declare(&[("a", "1"), ("b", "1")]);
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["a", "b"]);

    declare(&[("a", "2"), ("b", "1")]);
    let plan = world.plan().await;
    assert_eq!(diff(&plan), ["update/counting_thing.a/value \"1\" → \"2\""]);
    assert!(world.apply().await.is_converged());

    declare(&[("a", "2")]);
    let plan = world.plan().await;
    assert!(diff(&plan)[0].starts_with("delete/counting_thing.b"), "{:?}", diff(&plan));
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["a"]);

    world.files.declare(&[("b/main.tf", "")]);
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), Vec::<String>::new());
    assert_eq!(things.with(|inner| inner.made.clone()), [("a".into(), 1), ("b".into(), 1)].into());
}

#[tokio::test]
async fn a_replacement_says_why() {
    let (world, things, lock) = world(TerraformRender::new("tf")).await;
    let main = things.root(&[("a", "1")]);
    world.files.declare(&[("app/main.tf", &main), (LOCK, &lock)]);
    world.apply().await;
    let renamed = main.replace("name  = \"a\"", "name  = \"z\"");
    world.files.declare(&[("app/main.tf", &renamed), (LOCK, &lock)]);
    let plan = world.plan().await;
    let lines = diff(&plan);
    assert!(
        lines.contains(
            &"replace/counting_thing.a \"because name can't be changed in place\" added".to_owned()
        ),
        "{lines:?}"
    );
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["z"]);
}

#[tokio::test]
async fn an_apply_that_fails_in_the_middle_keeps_what_it_made_and_goes_on_from_there() {
    let (world, things, lock) = world(TerraformRender::new("tf")).await;
    let main = things.root(&[("a", "1"), ("b", "1")]);
    world.files.declare(&[("app/main.tf", &main), (LOCK, &lock)]);
    things.with(|inner| inner.refused.insert("b".into()));
    let report = world.apply().await;
    let StepOutcome::Unknown { error, .. } = &report.results[0].outcome else {
        panic!("{:?}", report.results)
    };
    assert!(error.contains("counting_thing.b") && error.contains("not this one"), "{error}");
    things.with(|inner| inner.refused.clear());
    let plan = world.plan().await;
    assert_eq!(diff(&plan).len(), 1, "{:?}", diff(&plan));
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["a", "b"]);
}

#[tokio::test]
async fn a_provider_that_dies_leaves_a_resource_in_doubt_that_is_not_made_twice() {
    let (world, things, lock) = world(TerraformRender::new("tf")).await;
    let main = things.root(&[("b", "1")]);
    world.files.declare(&[("app/main.tf", &main), (LOCK, &lock)]);
    things.with(|inner| inner.deadly.insert("b".into()));
    let report = world.apply().await;
    assert!(matches!(report.results[0].outcome, StepOutcome::Unknown { .. }), "{:?}", report.results);
    things.with(|inner| inner.deadly.clear());
    let plan = world.plan().await;
    assert!(plan.steps.is_empty());
    let why = plan.blocked[0].why.to_string();
    assert!(why.contains("counting_thing.b may have been created"), "{why}");
    assert_eq!(things.names().iter().filter(|name| *name == "b").count(), 1);

    let id = things.with(|inner| inner.things.values().find(|thing| thing.name == "b").unwrap().id.clone());
    let import = format!("{main}\nimport {{\n  to = counting_thing.b\n  id = \"{id}\"\n}}\n");
    world.files.declare(&[("app/main.tf", &import), (LOCK, &lock)]);
    let plan = world.plan().await;
    assert!(
        diff(&plan).iter().any(|line| line.starts_with("import/counting_thing.b")),
        "{:?} {:?}",
        diff(&plan),
        plan.blocked
    );
    assert!(world.apply().await.is_converged());
    assert_eq!(things.names(), ["b"]);
}

#[tokio::test]
async fn a_state_of_ours_is_read_without_a_process_and_has_its_versions() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let cx = Cx::system();
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::default());
    let audit = MemoryAudit::new();
    let server =
        Arc::new(StateServer::audited(store, "shop", Arc::new(audit.clone()), SecretKey::new([7; 32])));
    let shared = server.clone();
    let world = World::new(&[]).built(move |builder| builder.mirror(mirror()).state_server(shared.clone()));
    let declare = |value: &str| {
        world.files.declare(&[("app/main.tf", &things.root(&[("a", value)])), (LOCK, &lock)]);
    };
    declare("1");
    assert!(world.apply().await.is_converged());
    declare("2");
    assert!(world.apply().await.is_converged());
    let target = world.target();
    let mut engine = world.engine(&target).await;
    assert!(converge(&world.cx, &mut engine).await.results.is_empty());
    assert_eq!(target.processes(), 0);

    let name = gitops_terraform::Terraform::state_name(&root_key("app"), "default");
    let history = server.history(&cx, &name).await.unwrap();
    let serials: Vec<u64> = history.iter().map(|write| write.serial).collect();
    assert!(serials.is_sorted_by(|a, b| a < b) && serials.len() >= 2, "{serials:?}");
    assert_eq!(recorded(&audit), serials);
    let mut values = Vec::new();
    for serial in serials {
        let state = server.version(&cx, &name, serial).await.unwrap().unwrap();
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        let value = &state["resources"][0]["instances"][0]["attributes"]["value"];
        values.extend(value.as_str().map(str::to_owned));
    }
    values.dedup();
    assert_eq!(values, ["1", "2"], "the state before the last is still there");
    assert_eq!(server.lock(&cx, &name).await.unwrap(), None);
    assert!(files_below(&world.work()).iter().all(
        |path| !path.ends_with("terraform.tfstate") || path.starts_with(world.root_folder().join("data"))
    ));
}

/// The serials of the states of the root that an audit log tells of, each with who wrote it.
fn recorded(audit: &MemoryAudit) -> Vec<u64> {
    let serial = |entry: &AuditEntry| match &entry.what {
        AuditEvent::State { key, run, serial, .. } => {
            assert!(*key == root_key("app") && !run.is_empty() && entry.actor.contains('@'), "{entry:?}");
            Some(*serial)
        }
        _ => None,
    };
    audit.entries().iter().filter_map(serial).collect()
}
