//! The figures that the project holds itself to, measured in one run and printed beside their bounds.
//!
//! `cargo run --release -p gitops-benches --bin ratios [quick] [graph|first-plan|memory|commit|process|review|apply]`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
#![allow(clippy::cast_precision_loss, reason = "figures are shown with few digits")]

mod commit;
mod process;
mod review;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitops_benches::{Files, Layout, Repository, Wanted, engine, outcome, resident, row, timed};
use gitops_core::backend::directory::{Directory, FileRender};
use gitops_core::{ApplyOptions, Cx, Engine, Graph, GroupKind, Key, Memory, Renderer, Source, StateDir};
use gitops_git::GitSource;
use tempfile::TempDir;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = Wanted::of(std::env::args().skip(1));
    let (large, files) = if wanted.quick { (10_000, 1_000) } else { (100_000, 10_000) };
    println!("figure\tmeasured\tbound");
    if wanted.is_due("graph") {
        graph(large);
    }
    if wanted.is_due("first-plan") {
        first_plan(files).await;
    }
    if wanted.is_due("memory") {
        desired_memory(large).await;
    }
    if wanted.is_due("commit") {
        Box::pin(commit::one_file_commit(large)).await;
    }
    if wanted.is_due("process") {
        Box::pin(process::new_process(large)).await;
    }
    if wanted.is_due("review") {
        for count in [files / 10, files] {
            Box::pin(review::of_one_file(count)).await;
        }
    }
    if wanted.is_due("apply") {
        durable_apply(files).await;
    }
    outcome()
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

fn files(count: usize) -> Arc<Files> {
    let file = |index: usize| {
        (format!("folder-{:03}/file-{index:06}", index / 100), format!("{index:0200}").into_bytes())
    };
    Files::new((0..count).map(file))
}

async fn first_plan(count: usize) {
    let mut engine = engine(files(count), Arc::new(Memory::new()), Arc::default()).await;
    let start = Instant::now();
    let plan = engine.plan(&Cx::system()).await.expect("files can be planned");
    assert_eq!(plan.steps.len(), count);
    row(&format!("first plan of {count}"), start.elapsed().as_secs_f64(), "s", 1.0, false);
}

/// The memory of everything that is declared, with its provenance and the cache that renders the next revision.
async fn desired_memory(count: usize) {
    let repository = Repository::with_files(count, Layout::Flat);
    let mirrors = tempfile::tempdir().expect("there is a temporary folder");
    let source = GitSource::builder(repository.path().display().to_string()).mirrors(mirrors.path()).build();
    let (cx, source) = (Cx::system(), source.expect("a path is a source"));
    let revision = source.resolve(&cx).await.expect("it has a branch");
    let snapshot = source.fetch(&cx, &revision).await.expect("it can be fetched");
    let before = resident();
    let mut renderer = Renderer::new(Arc::new(FileRender::new("dir")));
    let declared = renderer.render(&Cx::system(), &snapshot).expect("it can be rendered");
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    row(&format!("desired state of {count}: memory an object"), bytes, "B", 1024.0, false);
    drop((declared, renderer));
}

/// The same durable writes as the directory makes for a new file, one after the other: the owner label and the file, each as
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

/// Where durable writes are measured: on the disk of the builds, for the folder for temporary files may be in memory.
fn folder_on_disk() -> TempDir {
    let program = std::env::current_exe().expect("a program has a file");
    let folder = program.parent().expect("it is in a folder");
    tempfile::tempdir_in(folder).expect("the folder of builds can be written")
}

async fn durable_apply(count: usize) {
    let bare = folder_on_disk();
    let bare_time = bare_loop(bare.path(), count);
    let folder = folder_on_disk();
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
        engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("bench")).await.expect("the plan is applied");
    assert!(report.is_converged());
    let time = start.elapsed();
    println!(
        "apply of {count} files, durable\t{:.2} s; bare loop {:.2} s",
        time.as_secs_f64(),
        bare_time.as_secs_f64()
    );
    row("apply: speed against a bare loop", bare_time.as_secs_f64() / time.as_secs_f64(), "×", 0.5, true);
}
