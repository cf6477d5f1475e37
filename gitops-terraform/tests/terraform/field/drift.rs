//! Drift is looked for wherever it can be.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use gitops_terraform::TerraformRender;

use crate::support::*;
use crate::things::*;

/// Met with a database root whose password came from a vault: its drift was never looked for, and nobody said so.
#[tokio::test]
async fn a_root_with_a_secret_input_is_looked_at_by_the_next_plan() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let main = things.root(&[("a", "1")]) + "\nvariable \"password\" { type = string }\n";
    let password = Value::Secret(Secret::new("hunter2", &SecretKey::new([3; 32])));
    let world = World::new(&[("app/main.tf", &main), ("app/.terraform.lock.hcl", &lock)])
        .rendered(TerraformRender::new("tf").variable("password", password))
        .built(|builder| builder.mirror(mirror()));
    assert!(world.apply().await.is_converged());
    let key = root_key("app");
    things.with(|inner| inner.things.values_mut().for_each(|thing| "theirs".clone_into(&mut thing.value)));
    assert!(world.plan().await.steps.is_empty(), "nobody asked the provider yet");
    assert_eq!(world.target().drift(&world.cx, &key).await.unwrap(), None);
    let plan = world.plan().await;
    assert_eq!((plan.steps.len(), plan.steps[0].cause), (1, Cause::Drift));
    assert!(world.apply().await.is_converged());
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "1");
    assert_eq!(world.target().drift(&world.cx, &key).await.unwrap(), None);
    assert!(world.apply().await.is_converged());
    let target = world.target();
    assert!(world.engine(&target).await.plan(&world.cx).await.unwrap().is_empty());
    assert_eq!(target.processes(), 0, "what was looked at is known in the next process too");
}

/// Met with a root that had a picture among its files: an engine at work never looked at it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_root_with_a_file_that_is_no_text_is_looked_at_and_repaired_by_an_engine_at_work() {
    let (things, lock) = (Things::start().await, lock_file(&["gitops/counting"]));
    let main =
        things.root(&[("a", "1")]) + "output \"logo\" { value = filebase64(\"${path.module}/logo.png\") }\n";
    let world =
        World::new(&[]).built(|builder| builder.mirror(mirror()).drift_every(Duration::from_millis(100)));
    world.files.declare_bytes(&[
        ("app/main.tf", main.as_bytes()),
        ("app/.terraform.lock.hcl", lock.as_bytes()),
        ("app/logo.png", b"\xff\0\xfe"),
    ]);
    assert!(world.apply().await.is_converged());
    things.with(|inner| inner.things.values_mut().for_each(|thing| "theirs".clone_into(&mut thing.value)));
    let stop = world.cx.within(Duration::from_secs(120)).child();
    let repaired = stop.clone();
    let sink = move |event: &Event| {
        if matches!(event, Event::Applied { action: Action::Update, .. }) {
            repaired.cancel();
        }
    };
    let target = world.target();
    let mut engine = Engine::builder("shop")
        .source(world.files.clone())
        .render(world.render.clone())
        .target("tf", Arc::new(target))
        .events(Arc::new(sink))
        .state(world.state().await)
        .open(&stop)
        .await
        .unwrap();
    engine.run(&stop, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(things.with(|inner| inner.things.values().next().unwrap().value.clone()), "1");
}
