//! A plan leaves nothing behind, and a change of the state's place is seen before it is made.

use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::*;
use gitops_terraform::{Removal, StateServer, TerraformBuilder, TerraformRender};

use crate::backends::Remote;
use crate::support::*;

const MAIN: &str =
    "resource \"terraform_data\" \"a\" { input = 1 }\nresource \"terraform_data\" \"b\" { input = 1 }\n";

fn in_workspace(name: &str) -> [(&'static str, String); 2] {
    [("app/main.tf", MAIN.to_owned()), ("app/gitops.json", format!(r#"{{"workspace": "{name}"}}"#))]
}

fn declare(world: &World, files: &[(&str, String)]) {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    world.files.declare(&files);
}

/// The root as it is seen, and that it was seen before, whatever is planned in between.
async fn unmoved_by(world: &World, files: &[(&str, String)]) -> Plan {
    let before = world.live("app").await.unwrap();
    declare(world, files);
    let plan = world.plan().await;
    assert_eq!(world.live("app").await.unwrap(), before, "a plan is no event");
    plan
}

/// Nothing is to be done, and nothing is in the way.
async fn assert_calm(world: &World) {
    let plan = world.plan().await;
    assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{:?} {:?}", plan.steps, plan.blocked);
}

/// A commit that names another workspace was looked at and taken back (pull request tools).
#[tokio::test]
async fn a_workspace_that_was_only_planned_leaves_the_state_where_it_is() {
    for tool in tools() {
        leaves_the_state(tool).await;
    }
}

async fn leaves_the_state(tool: PathBuf) {
    let world = World::new(&[]).with_tool(tool);
    declare(&world, &in_workspace("one"));
    assert!(world.apply().await.is_converged());
    let plan = unmoved_by(&world, &in_workspace("two")).await;
    let words = "the state of workspace one stays, with 2 resources; workspace two begins empty";
    assert_eq!(plan.steps[0].reason, Reason::CannotChangeInPlace { why: words.to_owned() });
    assert_eq!(plan.steps[0].components.lost().count(), 2, "nobody looks after them any more");
    declare(&world, &in_workspace("one"));
    assert_calm(&world).await;
}

/// Environments were told apart by workspaces, and one was renamed.
#[tokio::test]
async fn a_change_of_workspace_needs_an_approval_and_the_way_back_is_open() {
    for tool in tools() {
        needs_an_approval(tool).await;
    }
}

async fn needs_an_approval(tool: PathBuf) {
    let world = World::new(&[]).with_tool(tool);
    declare(&world, &in_workspace("one"));
    assert!(world.apply().await.is_converged());
    let one = world.live("app").await.unwrap();
    declare(&world, &in_workspace("two"));
    let target = world.target();
    let mut engine = world.engine(&target).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let refused = engine.apply(&world.cx, &plan, &ApplyOptions::by("nobody")).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(engine.apply(&world.cx, &plan, &yes()).await.unwrap().is_converged());
    drop(engine);
    assert_ne!(world.live("app").await.unwrap().uid, one.uid, "it is another line of states");
    assert_calm(&world).await;
    declare(&world, &in_workspace("one"));
    let plan = world.plan().await;
    let words = "the state of workspace two stays, with 2 resources; workspace one holds 2 resources";
    assert_eq!(plan.steps[0].reason, Reason::CannotChangeInPlace { why: words.to_owned() });
    assert!(world.apply().await.is_converged());
    assert_calm(&world).await;
}

/// A slip in a backend block: the tool then asked for a migration for ever.
#[tokio::test]
async fn a_backend_that_was_only_planned_can_be_mended() {
    for tool in tools() {
        can_be_mended(tool).await;
    }
}

async fn can_be_mended(tool: PathBuf) {
    let remote = Remote::start().await;
    let good = crate::backends::root(&remote.address, 1);
    let world = World::new(&[("app/main.tf", &good)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    for slip in
        [good.replace("/state", "/stat"), good.replace("\"http\"", "\"htp\""), "terraform {".to_owned()]
    {
        let plan = unmoved_by(&world, &[("app/main.tf", slip)]).await;
        assert_eq!(plan.steps.len() + plan.blocked.len(), 1, "{plan:?}");
        world.files.declare(&[("app/main.tf", &good)]);
        assert_calm(&world).await;
    }
}

/// The same settings in another layout are the same place.
#[tokio::test]
async fn a_backend_block_that_is_only_laid_out_anew_is_no_change() {
    let remote = Remote::start().await;
    let good = crate::backends::root(&remote.address, 1);
    let world = World::new(&[("app/main.tf", &good)]);
    assert!(world.apply().await.is_converged());
    let other = good
        .replace("backend \"http\" { ", "# where it is\n  backend \"http\" {\n    ")
        .replace("\" }\n}", "\"\n  }\n}");
    assert_ne!(other, good);
    let plan = unmoved_by(&world, &[("app/main.tf", other)]).await;
    assert!(plan.steps.is_empty() && plan.blocked.is_empty(), "{plan:?}");
}

/// The command's own backend was tried in a plan, and taken out of the configuration again.
#[tokio::test]
async fn a_state_server_that_was_only_planned_can_be_taken_away() {
    for tool in tools() {
        can_be_taken_away(tool).await;
    }
}

async fn can_be_taken_away(tool: PathBuf) {
    let world = World::new(&[("app/main.tf", MAIN)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let before = world.live("app").await;
    let server = || Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let world = world.built(move |builder| builder.state_server(server()));
    let plan = world.plan().await;
    assert_eq!(plan.blocked.iter().map(|blocked| blocked.why.to_string()).collect::<Vec<_>>(), [""; 0]);
    let words = "the state of the local backend stays, with 2 resources; the state server begins empty";
    assert_eq!(plan.steps[0].reason, Reason::CannotChangeInPlace { why: words.to_owned() });
    let world = world.built(|builder| builder);
    assert_eq!(world.live("app").await, before);
    assert_calm(&world).await;
}

/// The state server was the backend, and is no longer: what it holds is still found.
#[tokio::test]
async fn a_state_in_a_former_server_is_seen_and_stays() {
    for tool in tools() {
        is_seen_and_stays(tool).await;
    }
}

async fn is_seen_and_stays(tool: PathBuf) {
    let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let ours = server.clone();
    let world = World::new(&[("app/main.tf", MAIN)])
        .with_tool(tool)
        .built(move |builder| builder.state_server(ours.clone()));
    assert!(world.apply().await.is_converged());
    let world = world.built(|builder| builder);
    let why = world.plan().await.blocked[0].why.to_string();
    assert!(why.contains("state server that is not set up any more"), "{why}");
    let world = world.built(move |builder| builder.former_state_server(server.clone()));
    let plan = world.plan().await;
    let words = "the state of the state server stays, with 2 resources; the local backend begins empty";
    assert_eq!(plan.steps[0].reason, Reason::CannotChangeInPlace { why: words.to_owned() });
    assert!(world.apply().await.is_converged());
    assert_calm(&world).await;
}

/// Looking at a declaration that changes nothing, or whose policy differs, changes nothing of a later removal.
#[tokio::test]
async fn a_removal_is_made_with_what_was_applied_not_with_what_was_looked_at() {
    let keep = ("app/gitops.json", r#"{"removal": "destroy"}"#);
    let world = World::new(&[("app/main.tf", MAIN), keep]);
    assert!(world.apply().await.is_converged());
    world.files.declare(&[("app/main.tf", MAIN), ("app/gitops.json", r#"{"removal": "forget"}"#)]);
    world.plan().await;
    world.files.declare(&[]);
    let plan = world.plan().await;
    assert_eq!(diff(&plan).iter().filter(|line| line.starts_with("delete/")).count(), 2, "{:?}", diff(&plan));
}

/// A folder was renamed, and everything in it was made a second time (layouts that grow).
#[tokio::test]
async fn a_root_that_keeps_its_name_takes_its_state_along_to_another_folder() {
    for tool in tools() {
        takes_its_state_along(tool).await;
    }
}

async fn takes_its_state_along(tool: PathBuf) {
    let world = World::new(&[("infra/app/main.tf", MAIN)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let before = world.live("infra/app").await.unwrap();
    let name = ("teams/shop/app/gitops.json", r#"{"name": "infra/app"}"#);
    world.files.declare(&[("teams/shop/app/main.tf", MAIN), name]);
    let plan = world.plan().await;
    assert_eq!(world.live("infra/app").await.unwrap(), before, "a plan is no event");
    let made = plan.steps[0].components.changes.len();
    assert_eq!((plan.steps.len(), made), (1, 0), "nothing is made or lost: {:?}", diff(&plan));
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("infra/app").await.unwrap().components, before.components);
    assert_calm(&world).await;
}

/// The same without a name: all of it was made twice, and the first half was nobody's any more.
#[tokio::test]
async fn a_root_that_moves_without_its_name_is_not_made_a_second_time() {
    for tool in tools() {
        is_not_made_again(tool).await;
    }
}

async fn is_not_made_again(tool: PathBuf) {
    let world = World::new(&[("infra/app/main.tf", MAIN)]).with_tool(tool);
    assert!(world.apply().await.is_converged());
    let before = world.live("infra/app").await.unwrap();
    // Not the same bytes: a path to a module changes with the folder.
    let moved = format!("# moved\n{MAIN}");
    world.files.declare(&[("teams/shop/app/main.tf", &moved)]);
    for _ in 0..2 {
        let report = world.apply().await;
        assert!(report.results.is_empty(), "{report:?}");
        let blocked = &report.plan.blocked[..];
        assert_eq!(
            blocked[0].why,
            BlockedBecause::MayBeRenamed { from: root_key("infra/app"), in_place: false },
            "{blocked:?}"
        );
        assert_eq!((blocked.len(), &blocked[0].key), (1, &root_key("teams/shop/app")));
        assert_eq!(world.live("teams/shop/app").await, None);
    }
    let name = ("teams/shop/app/gitops.json", r#"{"name": "infra/app"}"#);
    world.files.declare(&[("teams/shop/app/main.tf", &moved), name]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("infra/app").await.unwrap().components, before.components);
    assert_calm(&world).await;
}

/// A root was taken out, and another one of the same build came: it may be made once somebody says so.
#[tokio::test]
async fn a_root_that_is_like_one_that_left_is_made_if_it_has_a_name_of_its_own() {
    let render = TerraformRender::new("tf").removal(Removal::Destroy);
    let world = World::new(&[("blue/main.tf", MAIN)]).rendered(render);
    assert!(world.apply().await.is_converged());
    world.files.declare(&[("green/main.tf", MAIN)]);
    let plan = world.plan().await;
    assert!(plan.steps.is_empty(), "nor is the first one destroyed meanwhile: {plan:?}");
    let name = ("green/gitops.json", r#"{"name": "green"}"#);
    world.files.declare(&[("green/main.tf", MAIN), name]);
    let plan = world.plan().await;
    let actions: Vec<Action> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Delete, Action::Create]);
    assert!(world.apply().await.is_converged());
    assert!(world.live("blue").await.is_none() && world.live("green").await.is_some());
}

/// A root was given a name where it lies, or its name was changed or dropped, and all of it was made a second time (tidying up after a
/// move of folders).
#[tokio::test]
async fn a_root_whose_name_comes_changes_or_goes_is_not_made_a_second_time() {
    for tool in tools() {
        for removal in [Removal::Retain, Removal::Destroy] {
            keeps_its_name(tool.clone(), removal).await;
        }
    }
}

async fn keeps_its_name(tool: PathBuf, removal: Removal) {
    let render = TerraformRender::new("tf").removal(removal);
    let world = World::new(&[("net/main.tf", MAIN)]).with_tool(tool).rendered(render);
    let more = format!("{MAIN}\nresource \"terraform_data\" \"more\" {{\n}}\n");
    let is_held = async |folder: &str, name: Option<&str>, new: &str, old: &str, in_place: bool| {
        // Nor is it another root because something else changes along.
        for content in [MAIN, &more] {
            if content != MAIN && !in_place {
                continue;
            }
            let settings = name.map_or_else(|| "{}".to_owned(), |name| format!(r#"{{"name": "{name}"}}"#));
            let (main, file) = (format!("{folder}/main.tf"), format!("{folder}/gitops.json"));
            world.files.declare(&[(&main, content), (&file, &settings)]);
            let report = world.apply().await;
            let why = BlockedBecause::MayBeRenamed { from: root_key(old), in_place };
            let blocked = report.plan.blocked.iter().find(|blocked| blocked.key == root_key(new));
            assert_eq!(blocked.map(|blocked| &blocked.why), Some(&why), "{new}: {:?}", report.plan);
            assert!(report.results.is_empty(), "{report:?}");
            assert_eq!(world.live(new).await, None);
        }
    };
    assert!(world.apply().await.is_converged());
    let before = world.live("net").await.unwrap();
    is_held("net", Some("core"), "core", "net", true).await;
    world.files.declare(&[("network/main.tf", MAIN), ("network/gitops.json", r#"{"name": "net"}"#)]);
    assert!(world.apply().await.is_converged());
    is_held("network", None, "network", "net", true).await;
    is_held("network", Some("core"), "core", "net", true).await;
    is_held("elsewhere", None, "elsewhere", "net", false).await;
    world.files.declare(&[("network/main.tf", MAIN), ("network/gitops.json", r#"{"name": "net"}"#)]);
    assert!(world.apply().await.is_converged());
    assert_eq!(world.live("net").await.unwrap().components, before.components);
    // That it is another one is said from a folder of its own.
    world.files.declare(&[("core/main.tf", MAIN), ("core/gitops.json", r#"{"name": "core"}"#)]);
    assert!(world.plan().await.steps.iter().any(|step| step.action == Action::Create));
}

/// An approval of a creation held for whatever backend the target had by then (moved settings).
#[tokio::test]
async fn an_approval_of_a_creation_is_of_the_place_where_its_state_will_be() {
    let effect = async |world: &World| {
        let plan = world.plan().await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
        plan.effect().digest()
    };
    let in_files = |folder: &'static str| {
        move |builder: TerraformBuilder| {
            builder.backend(
                "local",
                Value::map([("path", format!("{folder}/{{root}}.tfstate").as_str().into())]),
            )
        }
    };
    let world = World::new(&[("app/main.tf", MAIN)]);
    let declared = effect(&world).await;
    let world = world.built(in_files("one"));
    let one = effect(&world).await;
    let world = world.built(in_files("two"));
    let two = effect(&world).await;
    let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let world = world.built(move |builder| builder.state_server(server.clone()));
    let ours = effect(&world).await;
    let world = world.built(|builder| builder);
    assert_eq!(effect(&world).await, declared, "the same place again");
    let world = world.rendered(TerraformRender::new("tf").workspace("blue"));
    let blue = effect(&world).await;
    let all = std::collections::BTreeSet::from([declared, one, two, ours, blue]);
    assert_eq!(all.len(), 5, "{all:?}");
}
