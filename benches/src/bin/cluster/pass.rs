//! What it costs that nothing changes.

use std::time::Duration;

use gitops_benches::row;
use gitops_core::{ApplyOptions, Event};
use testbed::Request;

use crate::World;

/// How long it is watched while nothing changes, and how often it looks at what has no watch.
const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(5);

pub async fn measure(count: usize) {
    let world = World::new().await;
    let (mut engine, mut events) = world.engine_with_events(count).await;
    let plan = engine.plan(&world.cx).await.expect("the objects can be planned");
    engine
        .apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("bench"))
        .await
        .expect("the plan is applied");

    let before = world.requests().len();
    let report = engine.reconcile(&world.cx).await.expect("an unchanged application can be passed over");
    assert!(report.plan.steps.is_empty());
    told(
        &format!("a reconciliation of {count} unchanged objects, without a watch"),
        &world.requests()[before..],
    );

    let cx = world.cx.child();
    let script = async {
        // The first passes open the watches.
        let settled = world.cx.within(Duration::from_secs(120));
        let mut passes = 0;
        while passes < 3 {
            let event = settled.bounded(async { Ok(events.recv().await) }).await;
            let event = event.expect("the passes end").expect("the engine runs");
            passes += u32::from(matches!(event, Event::Planned { .. }));
        }
        while events.try_recv().is_ok() {}
        let before = world.requests().len();
        tokio::time::sleep(IDLE).await;
        let asked = world.requests()[before..].to_vec();
        let mut passes = 0;
        while let Ok(event) = events.try_recv() {
            passes += u32::from(matches!(event, Event::Planned { .. }));
        }
        cx.cancel();
        (asked, passes)
    };
    let (ran, (asked, passes)) = tokio::join!(engine.run(&cx, INTERVAL), script);
    ran.expect("the engine runs to the end");
    told(&format!("{passes} passes over {count} unchanged objects in {} s, watched", IDLE.as_secs()), &asked);
    let count_of = |is: fn(&Request) -> bool| asked.iter().filter(|request| is(request)).count() as f64;
    row("unchanged: writes", count_of(Request::writes), "", 0.0, false);
    row("unchanged: dry runs", count_of(Request::is_dry_run), "", 0.0, false);
    row("unchanged: requests", asked.len() as f64 / IDLE.as_secs_f64(), "a second", 1.0, false);
}

/// What was asked, by verb.
fn told(what: &str, asked: &[Request]) {
    let count = |verb: &str| asked.iter().filter(|request| request.verb == verb).count();
    let verbs = ["list", "get", "watch", "patch", "delete"].map(|verb| format!("{verb} {}", count(verb)));
    println!("{what}\t{} requests: {}", asked.len(), verbs.join(", "));
}
