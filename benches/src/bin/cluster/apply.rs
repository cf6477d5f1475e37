//! The first apply of many objects, beside the bare requests and beside others' tools.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use gitops_benches::{quantile, row};
use gitops_core::ApplyOptions;
use serde_json::{Value as Json, json};

use crate::cost::{Cost, Meter};
use crate::course::Course;
use crate::{World, peers, world};

/// How many requests are open at once, ours and the bare ones.
pub const OPEN: usize = 32;

/// The bare requests and ours in turn; the median of each.
pub async fn measure(count: usize, rounds: usize) {
    let [mut plain, mut marked, mut planned, mut passed] = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        plain.push(bare_requests(count, Body::Plain).await);
        passed.push(ours(count, By::Pass).await);
        planned.push(ours(count, By::PlanAndApply).await);
        marked.push(bare_requests(count, Body::Labelled).await);
    }
    let bare = told(&format!("bare requests for {count} objects"), &plain);
    told("the same with our owner label and precondition", &marked);
    let passed = told(&format!("first apply of {count}, as `run` does it"), &passed);
    let planned = told(&format!("first apply of {count}, planned and then applied"), &planned);
    row("first apply, as `run` does it: speed against bare requests", bare / passed, "×", 0.9, true);
    row("first apply, planned and then applied: the same", bare / planned, "×", 0.9, true);
}

/// Prints the medians of some costs, and gives that of the times in seconds.
fn told(what: &str, costs: &[Cost]) -> f64 {
    let median = |part: fn(&Cost) -> f64| quantile(costs.iter().map(part).collect(), 0.5);
    let cost = Cost {
        time: median(|cost| cost.time),
        ours: median(|cost| cost.ours),
        servers: median(|cost| cost.servers),
    };
    println!("{what}\t{cost}");
    cost.time
}

/// The median of ours, and then each peer in its turn, once: some take a minute.
pub async fn beside_peers(count: usize, rounds: usize) {
    let mut costs = Vec::new();
    for _ in 0..rounds {
        costs.push(ours(count, By::PlanAndApply).await);
    }
    let whole = told(&format!("first apply of {count}"), &costs);
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

/// How everything is applied.
#[derive(Clone, Copy)]
enum By {
    /// As a person does it: a plan, and then its apply, which looks whether anything moved.
    PlanAndApply,
    /// As `run` does it, which carries out what it has just planned.
    Pass,
}

async fn ours(count: usize, by: By) -> Cost {
    let world = World::new().await;
    let course = Arc::new(Mutex::new(Course::default()));
    let mut engine = world.engine_told_to(count, course.clone()).await;
    let meter = Meter::start();
    let report = match by {
        By::Pass => engine.reconcile(&world.cx).await,
        By::PlanAndApply => {
            let plan = engine.plan(&world.cx).await.expect("the objects can be planned");
            engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("bench")).await
        }
    };
    let report = report.expect("the plan is applied");
    assert!(report.is_converged() && report.applied() == count, "{:?}", report.results);
    let cost = meter.read();
    let course = course.lock().expect("no sink panicked").since(meter.start);
    println!("the course of it\t{course}, over at {cost}");
    let requests = world.requests();
    let writes = requests.iter().filter(|request| request.writes()).count();
    assert_eq!(writes, count, "one write for each object");
    println!("requests beside the {count} writes\t{}", requests.len() - writes);
    cost
}

/// What the bare requests send.
#[derive(Clone, Copy)]
enum Body {
    /// The objects as they are declared.
    Plain,
    /// With an owner label and a precondition as long as ours.
    Labelled,
}

impl Body {
    fn of(self, mut object: Json, index: usize) -> Json {
        if let Self::Labelled = self {
            let metadata = &mut object["metadata"];
            metadata["labels"]["gitops/owner"] = json!("0".repeat(32));
            metadata["annotations"] = json!({
                "gitops/owner": format!("bench/{:032}", 0),
                "gitops/operation": format!("bench/{:032}.1.{index}", 0)
            });
            metadata["resourceVersion"] = json!("1");
        }
        object
    }
}

/// What a request asks for, as ours do: each body is read once.
const QUERY: &str = "fieldManager=bare&force=false&fieldValidation=Ignore";

/// The ceiling: the same client sends the same objects, and does nothing else.
async fn bare_requests(count: usize, body: Body) -> Cost {
    let world = World::new().await;
    let uri = |index| format!("{}?{QUERY}", world.uri(&world::name(index)));
    let objects: Vec<(String, Json)> =
        world.config_maps(count).enumerate().map(|(n, object)| (uri(n), body.of(object, n))).collect();
    let apply = |(uri, body): (String, Json)| {
        let admin = world.admin.clone();
        async move { admin.send("PATCH", &uri, "application/apply-patch+yaml", &body).await.0 }
    };
    let meter = Meter::start();
    let answers: Vec<u16> = stream::iter(objects).map(apply).buffer_unordered(OPEN).collect().await;
    let cost = meter.read();
    assert!(answers.len() == count && answers.iter().all(|code| *code == 201), "each is made");
    cost
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
