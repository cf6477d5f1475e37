//! What a plan and an apply cost in a new process, for a folder that is as declared but for one file, beside what Git alone takes to say
//! which file that is.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gitops_benches::{CountedTree, Layout, Repository, quantile, row};
use gitops_core::backend::directory::{Directory, FileRender};
use gitops_core::{ApplyOptions, Cx, Digest, Engine, Event, StateDir};
use gitops_git::GitSource;
use tempfile::TempDir;

/// Rounds of commit and plan.
const ROUNDS: usize = 9;

/// Files of the folder that the other one is compared with.
const FEW: usize = 1_000;

struct Case {
    count: usize,
    repository: Repository,
    folder: TempDir,
}

/// What a new process read and looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    blobs: u64,
    rendered: usize,
    considered: usize,
}

#[derive(Clone, Copy)]
enum Look {
    AtEverything,
    AtChanged,
}

impl Case {
    async fn new(count: usize) -> Self {
        let case = Self {
            count,
            repository: Repository::with_files(count, Layout::Flat),
            folder: super::folder_on_disk(),
        };
        let cx = Cx::system();
        let (mut engine, ..) = case.process(&cx).await;
        let plan = engine.plan(&cx).await.expect("the repository can be planned");
        let start = Instant::now();
        let report = engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("bench")).await;
        assert!(report.expect("the plan is applied").is_converged());
        println!(
            "first apply of {count}: for each\t{:.3} ms",
            start.elapsed().as_secs_f64() * 1000.0 / count as f64
        );
        drop(engine);
        git(case.folder.path(), &["clone", "--quiet", "--bare", &path(case.repository.path()), "bare"]);
        // Files that were written in the last second have no stamp; by now all are older, and a plan that knows nothing looks
        // at them.
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        std::fs::remove_file(case.folder.path().join("state/~plan")).expect("the plan was kept");
        case.plan(Look::AtEverything).await;
        case
    }

    /// An engine as a process has it that just began.
    async fn process(&self, cx: &Cx) -> (Engine, Arc<CountedTree>, Arc<Mutex<Counts>>) {
        let place = |name: &str| self.folder.path().join(name);
        let source = GitSource::builder(path(self.repository.path())).mirrors(place("mirrors")).build();
        let source = Arc::new(CountedTree::new(Arc::new(source.expect("a path is a source"))));
        let counts = Arc::new(Mutex::new(Counts::default()));
        let told = counts.clone();
        let engine = Engine::builder("bench")
            .source(source.clone())
            .render(Arc::new(FileRender::new("dir")))
            .target("dir", Arc::new(Directory::open(place("live"), "dir").expect("the root can be made")))
            .state(StateDir::open(&place("state"), cx).expect("the state can be made"))
            .keep_in(place("state/~plan"), Digest::of(b"bench"))
            .events(Arc::new(move |event: &Event| match event {
                Event::Rendered { parts, .. } => told.lock().expect("no sink panics").rendered = *parts,
                Event::Planned { considered, .. } => {
                    told.lock().expect("no sink panics").considered = *considered;
                }
                _ => {}
            }))
            .open(cx)
            .await
            .expect("the state opens");
        (engine, source, counts)
    }

    /// Milliseconds of a plan in a new process, and what it took.
    async fn plan(&self, look: Look) -> (f64, Counts) {
        let cx = Cx::system();
        let start = Instant::now();
        let (mut engine, source, counts) = self.process(&cx).await;
        let plan = match look {
            Look::AtEverything => engine.plan(&cx).await,
            Look::AtChanged => engine.plan_changed(&cx).await,
        };
        plan.expect("the repository can be planned");
        let time = start.elapsed().as_secs_f64() * 1000.0;
        let counts = *counts.lock().expect("no sink panics");
        (time, Counts { blobs: source.blobs(), ..counts })
    }

    /// Milliseconds of a plan and its apply in a new process.
    async fn apply(&self) -> f64 {
        let cx = Cx::system();
        let start = Instant::now();
        let (mut engine, ..) = self.process(&cx).await;
        let plan = engine.plan(&cx).await.expect("the repository can be planned");
        assert_eq!(plan.steps.len(), 1, "of {}", self.count);
        let report = engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("bench").at_once()).await;
        assert!(report.expect("the plan is applied").is_converged());
        engine.close().await;
        start.elapsed().as_secs_f64() * 1000.0
    }

    /// Milliseconds of `git fetch` and `git diff --name-only`.
    fn git(&self) -> f64 {
        let bare = self.folder.path().join("bare");
        let start = Instant::now();
        git(&bare, &["fetch", "--quiet", "origin", "+main:main"]);
        git(&bare, &["diff", "--name-only", "main~1", "main"]);
        start.elapsed().as_secs_f64() * 1000.0
    }
}

/// Prints the figures of a repository of so many files, and of a small one.
pub async fn new_process(large: usize) {
    let mut cases = [Case::new(FEW).await, Case::new(large).await];
    let mut times = [const { [const { Vec::new() }; 4] }; 2];
    for round in 0..ROUNDS {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            case.repository.change(case.count / 2 + round);
            times[0].push(case.git());
            let (whole, counts) = case.plan(Look::AtEverything).await;
            // What is known is written anew only once enough of it has changed: until then the rounds before are read again.
            let read = 1..=round + 1;
            assert!(
                read.contains(&counts.rendered) && read.contains(&counts.considered),
                "{counts:?} of {}",
                case.count
            );
            assert!(counts.blobs <= round as u64 + 5, "{counts:?}");
            times[1].push(whole);
            let (changed, counts) = case.plan(Look::AtChanged).await;
            assert!(read.contains(&counts.considered), "{counts:?} of {}", case.count);
            times[2].push(changed);
            times[3].push(case.apply().await);
        }
    }
    let typical = |case: usize, what: usize| quantile(times[case][what].clone(), 0.5);
    for (index, case) in cases.iter().enumerate() {
        println!(
            "new process, one file of {} changed\tgit {:.1} ms, plan {:.1} ms, plan of what changed {:.1} ms, apply {:.1} ms",
            case.count,
            typical(index, 0),
            typical(index, 1),
            typical(index, 2),
            typical(index, 3)
        );
    }
    row("new process: plan against git fetch and git diff", typical(1, 1) / typical(1, 0), "×", 8.0, false);
    row("new process: apply against git fetch and git diff", typical(1, 3) / typical(1, 0), "×", 8.0, false);
    row(
        &format!("new process: plan of what changed, {large} against {FEW}"),
        typical(1, 2) / typical(0, 2),
        "×",
        1.5,
        false,
    );
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").args(arguments).current_dir(folder).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
