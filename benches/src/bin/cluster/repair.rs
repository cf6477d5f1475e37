//! From somebody's edit to its repair.

use std::time::{Duration, Instant};

use gitops_benches::{quantile, row};
use gitops_core::{Action, Event};
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{World, world};

/// One edit of each object, one after the other: from the moment at which the edit is sent to the moment at which the
/// engine has the server's answer to the repair.
pub async fn measure(count: usize) {
    let world = World::new().await;
    let (mut engine, mut events) = world.engine_with_events(count).await;
    let cx = world.cx.child().within(Duration::from_secs(1200));
    let script = async {
        until(&mut events, |event| matches!(event, Event::Finished { .. })).await;
        // The first edit waits for the watch to be open, which is not what is measured.
        let mut times = Vec::new();
        for index in 0..count {
            let start = Instant::now();
            world.admin.merge(&world.uri(&world::name(index)), &json!({"data": {"text": "theirs"}})).await;
            until(&mut events, |event| matches!(event, Event::Applied { action: Action::Update, .. })).await;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            until(&mut events, |event| matches!(event, Event::Finished { .. })).await;
        }
        cx.cancel();
        times.split_off(1)
    };
    let (ran, times) = tokio::join!(engine.run(&cx, Duration::from_secs(3600)), script);
    ran.expect("the engine runs to the end");
    println!("drift to repair, {} samples: median\t{:.1} ms", times.len(), quantile(times.clone(), 0.5));
    row("drift to repair: p99", quantile(times, 0.99), "ms", 250.0, false);
}

async fn until(events: &mut UnboundedReceiver<Event>, is_it: impl Fn(&Event) -> bool) {
    while let Some(event) = events.recv().await {
        if is_it(&event) {
            return;
        }
    }
    panic!("the run ended before it");
}
