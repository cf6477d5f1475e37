//! A backend that is mounted whole.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use support::{World, body, yes};

/// A target in memory of this name, for the files of its folder.
fn mount(world: &World, target: &'static str) -> Mount {
    let render = move |part: &Part<'_>| {
        let key = Key::new(target, GroupKind::new("", "K"), "", part.path());
        let text = String::from_utf8_lossy(&part.bytes()?).into_owned();
        Ok(vec![Object::new(key, body(&text), part.provenance(0))])
    };
    Mount::new(world.memory.clone(), Arc::new(render_files("mounted 1", render)))
}

fn names(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.key.to_string()).collect()
}

#[tokio::test]
async fn each_renderer_has_its_folder() {
    let world = World::with(&[("a/x", "1"), ("b/y", "2"), ("z", "3")]);
    let builder = world.without_render("test").mount("one", "a", mount(&world, "one"));
    let mut engine = builder.mount("two", "b/", mount(&world, "two")).open(&world.cx).await.unwrap();
    assert_eq!(names(&engine.plan(&world.cx).await.unwrap()), ["one:K/-/a/x", "two:K/-/b/y"]);
}

#[tokio::test]
async fn what_makes_a_backend_safe_comes_with_it() {
    let world = World::with(&[("a", "1"), ("b", "2")]);
    let safe = mount(&world, "one").protect([GroupKind::new("", "K")]);
    let safe =
        safe.gate(Arc::new(gate("calm", 1, |proposal: &Proposal<'_>| match proposal.plan.steps.len() {
            0..=2 => Verdict::Allow,
            _ => Verdict::deny("calm", "that is too much"),
        })));
    let mut engine = world.without_render("test").mount("one", "", safe).open(&world.cx).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    world.declare(&[("a", "1")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("tester")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval, "{error}");
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    world.declare(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(engine.apply(&world.cx, &plan, &yes()).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn mounts_that_exclude_one_another_are_refused() {
    let world = World::with(&[("a", "1")]);
    let one = || world.without_render("test").mount("one", "a", mount(&world, "one"));
    let cases = [
        one().mount("two", "a", mount(&world, "two")),
        one().mount("one", "b", mount(&world, "one")),
        world.builder("test").mount("one", "a", mount(&world, "one")),
    ];
    for builder in cases {
        let error = builder.open(&world.cx).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}
