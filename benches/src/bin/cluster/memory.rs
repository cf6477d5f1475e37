//! What a watched object takes in memory.

use std::process::Command;
use std::time::Duration;

use gitops_benches::{resident, row};
use gitops_core::{ApplyOptions, Cx, GroupKind, Key, Scope, Target};

use crate::{World, world};

/// The word by which this program runs itself as the process that is measured.
pub const CHILD: &str = "memory-of";

const FIXED: f64 = 60.0 * 1_048_576.0;

pub async fn measure(few: usize, many: usize) {
    let (few_bytes, many_bytes) = (watched(few).await, watched(many).await);
    for (count, bytes) in [(few, few_bytes), (many, many_bytes)] {
        println!("a process that watches {count} objects\t{:.1} MiB", bytes / 1_048_576.0);
        let beyond = (bytes - FIXED).max(0.0) / count as f64;
        row(&format!("watched object of {count}: memory beyond 60 MiB"), beyond, "B", 300.0, false);
    }
    let each = (many_bytes - few_bytes) / (many - few) as f64;
    row(&format!("watched object: memory of one more, {few} to {many}"), each, "B", 300.0, false);
}

/// The memory of a process of its own that watches so many objects, which are made first.
async fn watched(count: usize) -> f64 {
    let world = World::new().await;
    let mut engine = world.engine(count).await;
    let plan = engine.plan(&world.cx).await.expect("the objects can be planned");
    let report = engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("bench")).await;
    assert!(report.expect("the plan is applied").is_converged());
    let own = std::env::current_exe().expect("a program knows its file");
    let mut child = Command::new(own);
    child.env("BENCH_KUBECONFIG", world.kubeconfig()).args([CHILD, &world.namespace, &count.to_string()]);
    let output = child.output().expect("this program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
}

/// Asks about all objects, watches them for a while, and prints what this process takes.
pub async fn child(namespace: &str, count: usize) {
    let cx = Cx::system();
    let target = world::target(&cx, "bench/memory").await;
    let kind = GroupKind::new("", "ConfigMap");
    let key = |index| Key::new("k", kind.clone(), namespace, world::name(index));
    for part in (0..count).collect::<Vec<_>>().chunks(1000) {
        let scope: Scope = part.iter().map(|index| key(*index)).collect();
        assert_eq!(target.observe(&cx, &scope).await.expect("the server answers").len(), part.len());
    }
    let watch = target.watch().expect("the target can be watched");
    tokio::select! {
        moved = watch.moved(&cx) => panic!("nothing changed, and it is told: {moved:?}"),
        () = tokio::time::sleep(Duration::from_secs(10)) => {}
    }
    println!("{}", resident());
}
