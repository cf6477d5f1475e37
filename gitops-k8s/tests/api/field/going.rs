//! Declared objects in a namespace that somebody deletes.

use std::time::Duration;

use gitops_core::{BlockedBecause, FoundBeside, GroupKind, Key, Plan};
use serde_json::json;

use crate::engine::{App, config_map};
use crate::support::{Files, World};
use crate::whole::engine;

fn namespace(name: &str) -> Key {
    Key::new("k", GroupKind::new("", "Namespace"), "", name)
}

/// The objects that go with their namespaces, each with the namespace. Nothing else is blocked.
fn going(plan: &Plan) -> Vec<(&str, &str)> {
    fn of(why: &BlockedBecause) -> &str {
        match why {
            BlockedBecause::GoesWith { of } => of.name(),
            other => panic!("{other:?}"),
        }
    }
    plan.blocked.iter().map(|blocked| (blocked.key.name(), of(&blocked.why))).collect()
}

/// How often the server was asked for one namespace, and for all.
fn asked(world: &World, since: usize) -> (usize, usize) {
    let requests = world.requests().split_off(since);
    let is_of_all = |uri: &str| uri.starts_with("/api/v1/namespaces?");
    let is_of_one = |uri: &str| {
        let name = uri.strip_prefix("/api/v1/namespaces/");
        name.is_some_and(|name| !name.contains('/') && name != "kube-system")
    };
    let count = |is: &dyn Fn(&str) -> bool| requests.iter().filter(|request| is(&request.uri)).count();
    (count(&is_of_one), count(&is_of_all))
}

/// Met with a namespace that was stuck in its deletion: "No drift", and the server refused what was to be made in it each time. Nothing
/// on this server ends the deletion of a namespace.
#[tokio::test]
async fn what_is_declared_in_a_namespace_that_is_being_deleted_goes_with_it() {
    let world = World::new("going").await;
    let mut app = App::new(&world, world.target()).await;
    app.files.declare([("a", config_map("a", "1"))]);
    let before = world.requests().len();
    assert_eq!(app.apply(&world.cx).await.applied(), 1);
    assert_eq!(asked(&world, before), (2, 0), "once for the plan, and once for its apply");
    let name = world.namespace.as_str();
    world.admin.delete(&format!("/api/v1/namespaces/{name}")).await;
    app.files.declare([("a", config_map("a", "2")), ("b", config_map("b", "1"))]);
    let found = FoundBeside::GoesWith { of: namespace(name) };
    for _ in 0..2 {
        let before = world.requests().len();
        let plan = app.engine.plan(&world.cx).await.unwrap();
        assert_eq!((going(&plan), plan.steps.len()), (vec![("a", name), ("b", name)], 0), "{plan:?}");
        let beside: Vec<_> = plan.beside.iter().map(|beside| (beside.key.name(), &beside.found)).collect();
        assert_eq!(beside, [("a", &found)]);
        assert_eq!(asked(&world, before), (1, 0));
        let report = app.engine.reconcile(&world.cx).await.unwrap();
        assert_eq!((report.results.len(), going(&report.plan)), (0, vec![("a", name), ("b", name)]));
    }
    assert_eq!(world.writes(), 1, "nothing is tried");
}

/// The same of a namespace among many, which are listed.
#[tokio::test]
async fn many_namespaces_cost_one_list() {
    let world = World::new("going-many").await;
    let names: Vec<String> = (0..20).map(|n| format!("{}-{n}", world.namespace)).collect();
    for name in &names {
        world.admin.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await;
    }
    let map = |name: &String| {
        let mut map = config_map(name, "1");
        map["metadata"]["namespace"] = json!(name);
        (format!("{name}.yaml"), map.to_string())
    };
    let files = Files::default();
    files.declare_texts(names.iter().map(map));
    let mut engine = engine(&world, &files, Duration::from_secs(60)).await;
    world.admin.delete(&format!("/api/v1/namespaces/{}", names[7])).await;
    let before = world.requests().len();
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!((going(&plan), plan.steps.len()), (vec![(&*names[7], &*names[7])], 19), "{plan:?}");
    assert_eq!(asked(&world, before), (0, 1));
}
