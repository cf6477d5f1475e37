//! Who waits for a turn has begun nothing.

use gitops_core::*;

use crate::support::*;

/// On a busy machine an apply began minutes after everything was told to stop.
#[tokio::test]
async fn an_apply_that_waits_for_its_turn_when_asked_to_stop_is_not_begun() {
    let mut world = World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {}\n")]);
    world.cx = Cx::system().with_programs(1);
    let target = world.target();
    let mut engine = world.engine(&target).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let (cx, turn) = (world.cx.child(), world.cx.program_turn().await.unwrap());
    let mut events = engine.handle().events();
    let stop = async {
        while !matches!(events.recv().await.unwrap(), Event::Started { .. }) {}
        cx.cancel();
        // The turn is free now, and too late.
        drop(turn);
    };
    let options = yes();
    let (report, ()) = tokio::join!(engine.apply(&cx, &plan, &options), stop);
    let report = report.unwrap();
    assert_eq!((report.skipped(), report.failed()), (1, 0), "{:?}", report.results);
    drop(engine);
    assert!(world.live("app").await.is_none(), "nothing was applied");
    // Nothing is in doubt either.
    let report = world.apply().await;
    assert!(report.is_converged() && report.applied() == 1, "{report:?}");
}

/// So did one that waited for another process of ours to leave its root.
#[tokio::test]
async fn an_apply_that_waits_for_its_root_when_asked_to_stop_is_not_begun() {
    let world = World::new(&[("app/main.tf", "resource \"terraform_data\" \"a\" {}\n")]);
    let target = world.target();
    let mut engine = world.engine(&target).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let step = &plan.steps[0];
    let object = engine.desired().unwrap().objects().get(&step.key).unwrap().clone();
    let owner_label = OwnerLabel { owner: engine.inventory().owner().clone(), op: "1".into() };
    let change = Change::Create { object, owner_label, preview: step.preview };
    let other = std::fs::File::open(world.root_folder().join("lock")).unwrap();
    other.lock().unwrap();
    let cx = world.cx.child();
    let sent = cx.shielded().within(std::time::Duration::from_secs(60));
    cx.cancel();
    let error = target.apply(&sent, &change).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false), "{error:?}");
}
