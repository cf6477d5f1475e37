//! Measures the target of root modules against the bare tool, which `GITOPS_TOFU` names.
//!
//! `cargo run --release -p gitops-benches --bin roots`; `quick` measures a tenth of it, and the name of a figure only that.
//! Figures are ratios against the same work done beside it, in turns: of the time that went by, and of the processor time that
//! we and all processes of the tool took, which says something on a busy machine too.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
#![allow(clippy::cast_precision_loss, reason = "figures are shown with few digits")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use gitops_benches::{Wanted, processor_time, quantile, resident, row};
use gitops_core::{
    ApplyOptions, Cx, Engine, MemoryStore, Result, Revision, Snapshot, Source, SourceInfo, StateDir,
    async_trait,
};
use gitops_terraform::{StateServer, Terraform, TerraformBuilder, TerraformRender};

#[tokio::main]
async fn main() {
    let wanted = Wanted::of(std::env::args().skip(1));
    let (roots, resources, rounds) = if wanted.quick { (50, 100, 3) } else { (500, 1_000, 7) };
    println!("figure\tmeasured\tbound");
    if wanted.is_due("overhead") {
        overhead("a root of one resource that costs nothing", "", rounds).await;
        let waits = "  provisioner \"local-exec\" { command = \"sleep 4\" }\n";
        overhead("a root of one resource that takes 4 s", waits, rounds.min(3)).await;
    }
    if wanted.is_due("backend") {
        backend(resources, rounds.min(5)).await;
    }
    if wanted.is_due("scale") {
        scale(8).await;
    }
    if wanted.is_due("unchanged") {
        unchanged(roots).await;
    }
}

fn tofu() -> PathBuf {
    std::env::var_os("GITOPS_TOFU").map_or_else(|| "tofu".into(), PathBuf::from)
}

/// Files in memory; each declaration is a revision.
#[derive(Default)]
struct Files(Mutex<(u64, Vec<(String, String)>)>);

impl Files {
    fn declare(&self, files: Vec<(String, String)>) {
        let mut inner = self.0.lock().expect("nobody panics with it");
        *inner = (inner.0 + 1, files);
    }
}

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(self.0.lock().expect("nobody panics with it").0.to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = self.0.lock().expect("nobody panics with it").1.clone();
        Snapshot::from_files("files", revision.clone(), files)
    }
}

/// A folder with the work of a target and the state of an engine.
struct World {
    folder: tempfile::TempDir,
    files: Arc<Files>,
    cx: Cx,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(".").expect("the current folder can be written");
        Self { folder, files: Arc::default(), cx: Cx::system() }
    }

    async fn open(&self, build: impl FnOnce(TerraformBuilder) -> TerraformBuilder) -> (Terraform, Engine) {
        let builder = build(Terraform::builder(tofu(), self.folder.path().join("work")));
        let target = builder.open(&self.cx).expect("the work folder can be made");
        let state =
            StateDir::open(&self.folder.path().join("state"), &self.cx).expect("the state can be made");
        let engine = Engine::builder("bench")
            .source(self.files.clone())
            .render(Arc::new(TerraformRender::new("tf")))
            .target("tf", Arc::new(target.clone()))
            .state(state)
            .open(&self.cx)
            .await;
        (target, engine.expect("the state opens"))
    }

    async fn converge(&self, engine: &mut Engine) {
        let plan = engine.plan(&self.cx).await.expect("roots can be planned");
        self.apply(engine, &plan).await;
    }

    async fn apply(&self, engine: &mut Engine, plan: &gitops_core::Plan) {
        let report = engine.apply(&self.cx, plan, &ApplyOptions::naming_the_plan("bench")).await;
        let report = report.expect("the plan is applied");
        assert!(report.is_converged(), "{report:?}");
    }
}

/// A folder in which a person would work.
struct Bare(tempfile::TempDir);

impl Bare {
    fn new(main: &str) -> Self {
        let bare = Self(tempfile::tempdir_in(".").expect("the current folder can be written"));
        bare.declare(main);
        std::fs::write(bare.path().join("cli.tfrc"), "").expect("the folder can be written");
        bare.run(&["init", "-input=false"]);
        bare
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn declare(&self, main: &str) {
        std::fs::write(self.path().join("main.tf"), main).expect("the folder can be written");
    }

    fn run(&self, arguments: &[&str]) {
        let config = self.path().canonicalize().expect("it is there").join("cli.tfrc");
        let mut command = Command::new(tofu());
        command.args(arguments).current_dir(self.path()).stdout(Stdio::null());
        command.env("TF_CLI_CONFIG_FILE", config).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        assert!(command.status().expect("the tool starts").success(), "{arguments:?}");
    }

    fn plan(&self) {
        self.run(&["plan", "-input=false", "-no-color", "-out=plan"]);
    }

    fn apply(&self) {
        self.run(&["apply", "-input=false", "-no-color", "plan"]);
    }
}

/// What something took: time, and processor time of this process and of those that it started.
#[derive(Clone, Copy, Default)]
struct Took {
    time: f64,
    processor: f64,
}

impl Took {
    fn and(self, other: Self) -> Self {
        Self { time: self.time + other.time, processor: self.processor + other.processor }
    }
}

/// The medians of what was taken in several rounds.
fn median(took: &[Took]) -> Took {
    let of = |part: fn(&Took) -> f64| quantile(took.iter().map(part).collect(), 0.5);
    Took { time: of(|took| took.time), processor: of(|took| took.processor) }
}

/// Prints ours against theirs, which it may exceed by a twentieth of the time.
fn compared(figure: &str, ours: Took, theirs: Took) {
    row(figure, ours.time / theirs.time, "×", 1.05, false);
    println!("{figure}, in processor time\t{:.3} ×", ours.processor / theirs.processor);
}

async fn timed<T>(act: impl Future<Output = T>) -> (T, Took) {
    let (start, before) = (Instant::now(), processor_time());
    let value = act.await;
    let processor = processor_time().saturating_sub(before).as_secs_f64();
    (value, Took { time: start.elapsed().as_secs_f64(), processor })
}

/// Plan and apply of one changed root: ours against `tofu plan` and `tofu apply`.
async fn overhead(what: &str, body: &str, rounds: usize) {
    let main = |number: usize| {
        format!("resource \"terraform_data\" \"a\" {{\n  triggers_replace = {number}\n{body}}}\n")
    };
    let (world, bare) = (World::new(), Bare::new(&main(0)));
    let (target, mut engine) = world.open(|builder| builder).await;
    world.files.declare(vec![("app/main.tf".to_owned(), main(0))]);
    world.converge(&mut engine).await;
    bare.plan();
    bare.apply();
    let (mut ours, mut theirs, before) = (Vec::new(), Vec::new(), target.processes());
    for number in 1..=rounds {
        world.files.declare(vec![("app/main.tf".to_owned(), main(number))]);
        ours.push(timed(world.converge(&mut engine)).await.1);
        bare.declare(&main(number));
        theirs.push(
            timed(async {
                bare.plan();
                bare.apply();
            })
            .await
            .1,
        );
    }
    let processes = (target.processes() - before) as f64 / rounds as f64;
    let (ours, theirs) = (median(&ours), median(&theirs));
    println!("{what}\t{:.3} s, {processes} processes; bare {:.3} s, 2 processes", ours.time, theirs.time);
    compared(&format!("plan and apply of {what}, against the bare tool"), ours, theirs);
}

/// The simplest server of states in memory.
async fn memory_backend() -> String {
    let kept = Arc::<Mutex<Option<Bytes>>>::default();
    let read = async |State(kept): State<Arc<Mutex<Option<Bytes>>>>| {
        kept.lock().expect("nobody panics with it").clone().unwrap_or_default()
    };
    let write = async |State(kept): State<Arc<Mutex<Option<Bytes>>>>, body: Bytes| {
        *kept.lock().expect("nobody panics with it") = Some(body);
    };
    let app = axum::Router::new().route("/state", get(read).post(write)).with_state(kept);
    let app = app.layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/state")
}

/// An apply of many resources with our state server, against the tool with the simplest one.
async fn backend(count: usize, rounds: usize) {
    let resources = |number: usize| {
        let one = |index: usize| {
            format!("resource \"terraform_data\" \"r{index}\" {{\n  triggers_replace = {number}\n}}\n")
        };
        (0..count).map(one).collect::<String>()
    };
    let head =
        format!("terraform {{\n  backend \"http\" {{ address = \"{}\" }}\n}}\n", memory_backend().await);
    let (world, bare) = (World::new(), Bare::new(&format!("{head}{}", resources(0))));
    let server = Arc::new(StateServer::new(Arc::new(MemoryStore::default())));
    let (_, mut engine) = world.open(|builder| builder.state_server(server)).await;
    let mut times = [const { Vec::new() }; 4];
    for number in 0..rounds {
        world.files.declare(vec![("app/main.tf".to_owned(), resources(number))]);
        let (plan, our_plan) = timed(engine.plan(&world.cx)).await;
        let plan = plan.expect("the root can be planned");
        let our_apply = timed(world.apply(&mut engine, &plan)).await.1;
        bare.declare(&format!("{head}{}", resources(number)));
        let their_plan = timed(async { tokio::task::block_in_place(|| bare.plan()) }).await.1;
        let their_apply = timed(async { tokio::task::block_in_place(|| bare.apply()) }).await.1;
        let all = [our_plan, our_apply, their_plan, their_apply];
        times.iter_mut().zip(all).for_each(|(times, took)| times.push(took));
    }
    let [our_plan, our_apply, their_plan, their_apply] = times.map(|times| median(&times));
    let shown = |took: Took| format!("{:.2} s ({:.2})", took.time, took.processor);
    println!(
        "{count} resources, state over HTTP\tplan {}, apply {}; bare {}, {}; in parentheses, processor time",
        shown(our_plan),
        shown(our_apply),
        shown(their_plan),
        shown(their_apply)
    );
    compared(&format!("apply of {count} resources with our backend"), our_apply, their_apply);
    let (ours, theirs) = (our_plan.and(our_apply), their_plan.and(their_apply));
    compared(&format!("plan and apply of {count} resources with our backend"), ours, theirs);
}

/// Roots that each wait for four seconds, by how many may be worked on at once.
async fn scale(roots: usize) {
    let main =
        "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"sleep 4\" }\n}\n";
    let mut times = Vec::new();
    for at_once in [1, roots] {
        let world = World::new();
        world.files.declare((0..roots).map(|root| (format!("r{root}/main.tf"), main.to_owned())).collect());
        let (_, mut engine) = world.open(|builder| builder.concurrency(at_once)).await;
        let plan = engine.plan(&world.cx).await.expect("the roots can be planned");
        let before = resident();
        let time = timed(world.apply(&mut engine, &plan)).await.1.time;
        let memory = resident().saturating_sub(before) as f64 / 1_048_576.0;
        println!("{roots} roots of 4 s, {at_once} at once\t{time:.2} s; {memory:.1} MiB more");
        times.push(time);
    }
    let figure = format!("{roots} roots, {roots} at once against 1: how many times as fast");
    row(&figure, times[0] / times[1], "×", roots as f64 * 0.6, true);
}

/// A reconciliation of a new process over roots of which none changed.
async fn unchanged(roots: usize) {
    let world = World::new();
    let main = "resource \"terraform_data\" \"a\" { input = 1 }\n".to_owned();
    world.files.declare((0..roots).map(|root| (format!("r{root:03}/main.tf"), main.clone())).collect());
    let (_, mut engine) = world.open(|builder| builder).await;
    world.converge(&mut engine).await;
    drop(engine);
    let start = Instant::now();
    let (target, mut engine) = world.open(|builder| builder).await;
    let plan = engine.plan(&world.cx).await.expect("the roots can be planned");
    let time: Duration = start.elapsed();
    assert!(plan.is_empty(), "{plan:?}");
    row(&format!("{roots} unchanged roots: processes"), target.processes() as f64, "", 0.0, false);
    row(&format!("{roots} unchanged roots: first plan of a process"), time.as_secs_f64(), "s", 1.0, false);
    let (plan, again) = timed(engine.plan(&world.cx)).await;
    assert!(plan.expect("it can be planned again").is_empty());
    println!("{roots} unchanged roots: a later plan\t{:.3} s", again.time);
}
