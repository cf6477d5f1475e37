//! The first apply of many objects, beside the bare requests and beside others' tools.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use gitops_benches::{processor_time, quantile, row};
use gitops_core::Approval;
use serde_json::Value as Json;

use crate::course::Course;
use crate::{World, peers, world};

/// How many requests are open at once, ours and the bare ones.
pub const OPEN: usize = 32;

/// Ours and the bare requests in turn; the median of each.
pub async fn measure(count: usize, rounds: usize) {
    let (mut whole, mut sent, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(bare_requests(count).await.as_secs_f64());
        let (plan, apply) = ours(count).await;
        sent.push(apply.as_secs_f64());
        whole.push((plan + apply).as_secs_f64());
    }
    let [whole, sent, bare] = [whole, sent, bare].map(|times| quantile(times, 0.5));
    println!(
        "first apply of {count}\t{whole:.2} s, of it {sent:.2} s after the plan; bare requests {bare:.2} s"
    );
    row("first apply: speed against bare requests", bare / whole, "×", 0.9, true);
}

/// Ours, and then each peer in its turn.
pub async fn beside_peers(count: usize) {
    let (plan, apply) = ours(count).await;
    let whole = (plan + apply).as_secs_f64();
    println!("first apply of {count}\t{whole:.2} s");
    beside("flux's library, unlimited, 16 workers", whole, 5.0, flux(count, "16", "-1").await);
    beside("flux's library, as its controller", whole, 5.0, flux(count, "4", "50").await);
    beside("kubectl apply --server-side", whole, 30.0, kubectl(count).await);
    beside("gitops-engine, by its defaults", whole, 5.0, gitops_engine(count, "false").await);
    beside("gitops-engine, server-side apply", whole, 5.0, gitops_engine(count, "true").await);
}

fn beside(peer: &str, ours: f64, bound: f64, theirs: Duration) {
    println!("{peer}\t{:.2} s", theirs.as_secs_f64());
    row(&format!("first apply: speed against {peer}"), theirs.as_secs_f64() / ours, "×", bound, true);
}

/// A plan of everything, and its apply.
async fn ours(count: usize) -> (Duration, Duration) {
    let world = World::new().await;
    let course = Arc::new(Mutex::new(Course::default()));
    let mut engine = world.engine_told_to(count, course.clone()).await;
    let (start, used) = (Instant::now(), processor_time());
    let plan = engine.plan(&world.cx).await.expect("the objects can be planned");
    let planned = start.elapsed();
    let approval = Approval::of_this_plan("bench");
    let report = engine.apply(&world.cx, &plan, &approval).await.expect("the plan is applied");
    assert!(report.is_converged() && report.applied() == count, "{:?}", report.results);
    let (whole, used) = (start.elapsed(), processor_time().saturating_sub(used));
    let course = course.lock().expect("no sink panicked").since(start);
    println!(
        "the course of it\tplanned at {:.3} s, {course}, over at {:.3} s; {:.2} s of processor time",
        planned.as_secs_f64(),
        whole.as_secs_f64(),
        used.as_secs_f64()
    );
    let requests = world.requests();
    let writes = requests.iter().filter(|request| request.writes()).count();
    assert_eq!(writes, count, "one write for each object");
    println!("requests beside the {count} writes\t{}", requests.len() - writes);
    (planned, whole.saturating_sub(planned))
}

/// The ceiling: the same client sends the same objects, and does nothing else.
async fn bare_requests(count: usize) -> Duration {
    let world = World::new().await;
    let objects: Vec<(String, Json)> =
        world.config_maps(count).enumerate().map(|(n, body)| (world.uri(&world::name(n)), body)).collect();
    let apply = |(uri, body): (String, Json)| {
        let admin = world.admin.clone();
        async move { admin.apply(&uri, "bare", &body).await }
    };
    let start = Instant::now();
    let answers = stream::iter(objects).map(apply).buffer_unordered(OPEN).count().await;
    assert_eq!(answers, count);
    start.elapsed()
}

/// One file with everything, for tools that read files.
fn file(world: &World, count: usize) -> PathBuf {
    let (path, objects): (_, Vec<Json>) = (world.path("all.yaml"), world.config_maps(count).collect());
    std::fs::write(&path, world::manifests(&objects)).expect("the folder can be written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder has a plain name")
}

async fn flux(count: usize, workers: &str, rate: &str) -> Duration {
    let world = World::new().await;
    let (kubeconfig, file) = (world.kubeconfig(), file(&world, count));
    peers::run("flux-ssa", &[text(&kubeconfig), text(&file), workers, rate], count)
}

async fn gitops_engine(count: usize, server_side: &str) -> Duration {
    let world = World::new().await;
    let (kubeconfig, file) = (world.kubeconfig(), file(&world, count));
    peers::run("gitops-engine", &[text(&kubeconfig), text(&file), server_side], count)
}

async fn kubectl(count: usize) -> Duration {
    let world = World::new().await;
    peers::kubectl(&world.kubeconfig(), &file(&world, count))
}
