//! The figures that the project holds itself to, measured in one run and printed beside their bounds.
//!
//! `cargo run --release -p gitops-benches --bin ratios [quick] [graph|first-plan|memory|commit|apply]`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
#![allow(clippy::cast_precision_loss, reason = "figures are shown with few digits")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_benches::{Applied, Repository, engine, median, resident, row};
use gitops_core::directory::{Directory, FileRender};
use gitops_core::{
    Approval, Cx, Digest, Engine, Graph, GroupKind, Key, Memory, Renderer, Result, Revision, Snapshot,
    Source, SourceInfo, StateDir, async_trait,
};
use gitops_git::GitSource;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|word| word == "quick");
    let only = words.iter().find(|word| *word != "quick");
    let is_due = |name: &str| only.is_none_or(|only| only == name);
    let (large, files) = if quick { (10_000, 1_000) } else { (100_000, 10_000) };
    println!("figure\tmeasured\tbound");
    if is_due("graph") {
        graph(large);
    }
    if is_due("first-plan") {
        first_plan(files).await;
    }
    if is_due("memory") {
        desired_memory(large).await;
    }
    if is_due("commit") {
        one_file_commit(large).await;
    }
    if is_due("apply") {
        durable_apply(files).await;
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = act();
    (value, start.elapsed())
}

fn graph(count: usize) {
    let key =
        |index: usize| Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", format!("o{index:06}"));
    let nodes: Vec<_> = (0..count)
        .map(|index| (key(index), vec![key(index / 3)]))
        .filter(|(key, needs)| key != &needs[0])
        .collect();
    let before = resident();
    let (graph, time) = timed(|| {
        let graph = Graph::new(nodes).expect("it has no cycle");
        assert!(graph.order().len() >= count - 1);
        graph
    });
    row(&format!("graph of {count}: build and order"), time.as_secs_f64(), "s", 0.3, false);
    println!("graph of {count}: memory\t{:.1} MiB", (resident().saturating_sub(before)) as f64 / 1_048_576.0);
    drop(graph);
}

/// Files in memory: no repository, so that the plan alone is measured.
struct Files(Vec<(String, Vec<u8>)>);

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(Digest::of(b"1").to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("files", revision.clone(), self.0.iter().cloned())
    }
}

fn files(count: usize) -> Arc<Files> {
    let file = |index: usize| {
        (format!("folder-{:03}/file-{index:06}", index / 100), format!("{index:0200}").into_bytes())
    };
    Arc::new(Files((0..count).map(file).collect()))
}

async fn first_plan(count: usize) {
    let mut engine = engine(files(count), Arc::new(Memory::new()), Arc::default()).await;
    let start = Instant::now();
    let plan = engine.plan(&Cx::system()).await.expect("files can be planned");
    assert_eq!(plan.steps.len(), count);
    row(&format!("first plan of {count}"), start.elapsed().as_secs_f64(), "s", 1.0, false);
}

/// Rounds of commit and plan whose times are compared.
const ROUNDS: usize = 41;

/// What a one-file commit costs on the way to its plan, each the median of all rounds, in milliseconds.
struct Phases {
    resolve: f64,
    fetch: f64,
    plan: f64,
    /// What the sender of the pack does for the same question, asked again: the part that is not ours.
    sender: f64,
}

impl Phases {
    async fn measure(count: usize) -> Self {
        let (cx, mut applied) = (Cx::system(), Applied::with_files(count).await);
        let mut rounds = [const { Vec::new() }; 4];
        for round in 0..ROUNDS {
            let old = applied.source.resolve(&cx).await.expect("it has a branch");
            applied.repository.change(count / 2 + round);
            let blobs = applied.source.blobs();
            let start = Instant::now();
            let new = applied.source.resolve(&cx).await.expect("it has a branch");
            let resolved = start.elapsed();
            applied.source.fetch(&cx, &new).await.expect("a commit can be fetched");
            let fetched = start.elapsed();
            applied.engine.replan(&cx).await.expect("a commit can be planned");
            let planned = start.elapsed();
            assert_eq!(applied.source.blobs() - blobs, 1);
            applied.engine.pass(&cx).await.expect("a commit can be applied");
            let sender = timed(|| applied.repository.send(old.id(), new.id())).1;
            let parts = [resolved, fetched.saturating_sub(resolved), planned.saturating_sub(fetched), sender];
            rounds.iter_mut().zip(parts).for_each(|(all, part)| all.push(part.as_secs_f64() * 1000.0));
        }
        let [resolve, fetch, plan, sender] = rounds.map(median);
        Self { resolve, fetch, plan, sender }
    }

    fn whole(&self) -> f64 {
        self.resolve + self.fetch + self.plan
    }
}

async fn one_file_commit(large: usize) {
    let (few, many) = (Phases::measure(1_000).await, Phases::measure(large).await);
    for (count, phases) in [(1_000, &few), (large, &many)] {
        let Phases { resolve, fetch, plan, sender } = phases;
        println!(
            "one-file commit in {count}\t{:.2} ms: resolve {resolve:.2}, fetch {fetch:.2} (sender alone {sender:.2}), \
             diff, render and plan {plan:.2}",
            phases.whole()
        );
    }
    let row = |name: &str, cost: fn(&Phases) -> f64| {
        let name = format!("one-file commit: {large} against 1000, {name}");
        row(&name, cost(&many) / cost(&few), "×", 1.5, false);
    };
    row("with the fetch", Phases::whole);
    row("without the sender's work", |phases| phases.whole() - phases.sender);
    row("without the fetch", |phases| phases.whole() - phases.fetch);
}

/// The memory of everything that is declared, with its provenance and the cache that renders the next revision.
async fn desired_memory(count: usize) {
    let repository = Repository::with_files(count);
    let mirrors = tempfile::tempdir().expect("there is a temporary folder");
    let source = GitSource::builder(repository.path().display().to_string()).mirrors(mirrors.path()).build();
    let (cx, source) = (Cx::system(), source.expect("a path is a source"));
    let revision = source.resolve(&cx).await.expect("it has a branch");
    let snapshot = source.fetch(&cx, &revision).await.expect("it can be fetched");
    let before = resident();
    let mut renderer = Renderer::new(Arc::new(FileRender::new("dir")));
    let declared = renderer.render(&snapshot).expect("it can be rendered");
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    row(&format!("desired state of {count}: memory an object"), bytes, "B", 1024.0, false);
    drop((declared, renderer));
}

/// The same durable writes as the directory makes for a new file, one after the other: the mark and the file, each as
/// a synced temporary file that is renamed, and the folder synced after each.
fn bare_loop(root: &Path, count: usize) -> Duration {
    let write = |folder: &Path, name: &str, content: &[u8]| {
        let temp = folder.join(format!("{name}.tmp"));
        let mut file = File::create(&temp).expect("the folder can be written");
        file.write_all(content).expect("there is room");
        file.sync_all().expect("it can be synced");
        fs::rename(&temp, folder.join(name)).expect("it can be renamed");
        File::open(folder).and_then(|folder| folder.sync_all()).expect("it can be synced");
    };
    timed(|| {
        for index in 0..count {
            let folder = root.join(format!("folder-{:03}", index / 100));
            fs::create_dir_all(&folder).expect("the root can be written");
            write(
                &folder,
                &format!(".file-{index:06}.gitops"),
                b"{\"owner\":\"somebody\",\"uid\":\"something\"}",
            );
            write(&folder, &format!("file-{index:06}"), format!("{index:0200}").as_bytes());
        }
    })
    .1
}

async fn durable_apply(count: usize) {
    let bare = tempfile::tempdir_in(".").expect("the current folder can be written");
    let bare_time = bare_loop(bare.path(), count);
    let folder = tempfile::tempdir_in(".").expect("the current folder can be written");
    let cx = Cx::system();
    let directory = Directory::open(folder.path().join("live"), "dir").expect("the root can be made");
    let state = StateDir::open(&folder.path().join("state"), &cx).expect("the state can be made");
    let mut engine = Engine::builder("bench")
        .source(files(count))
        .render(Arc::new(FileRender::new("dir")))
        .target("dir", Arc::new(directory))
        .state(state)
        .open(&cx)
        .await
        .expect("an empty state opens");
    let plan = engine.plan(&cx).await.expect("files can be planned");
    let start = Instant::now();
    let report =
        engine.apply(&cx, &plan, &Approval::of_this_plan("bench")).await.expect("the plan is applied");
    assert!(report.is_converged());
    let time = start.elapsed();
    println!(
        "apply of {count} files, durable\t{:.2} s; bare loop {:.2} s",
        time.as_secs_f64(),
        bare_time.as_secs_f64()
    );
    row("apply: speed against a bare loop", bare_time.as_secs_f64() / time.as_secs_f64(), "×", 0.5, true);
}
