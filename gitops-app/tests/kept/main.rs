//! What a plan keeps for the next process changes its cost, and nothing of what it says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod beside;
mod moments;
mod reviewed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_app::Backends;
use gitops_app::config::{Applications, Config};
use gitops_app::session::{Access, Session};
use gitops_core::{ApplyOptions, Clock, Cx, Event, Plan, System, Time, async_trait};
use tempfile::TempDir;

/// A clock that is ahead of the file system's: a file that was written just now has been as it is for long.
struct Ahead;

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> Time {
        System.now().after(Duration::from_secs(60))
    }

    async fn wait_until(&self, time: Time) {
        System.wait_until(Time::from_micros(time.as_micros() - 60_000_000)).await;
    }
}

/// What a plan cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    rendered: usize,
    considered: usize,
}

struct World {
    folder: Arc<TempDir>,
    config: Config,
}

/// The configuration of an application, all of which are over the same folder.
fn config(name: &str) -> String {
    format!(
        "name: {name}\nsource: {{ git: {{ url: ./origin, ref: {{ branch: main }}, path: {name} }} }}\n\
         target: {{ directory: {{ root: ./live }} }}\n"
    )
}

impl World {
    fn with_files(count: usize) -> Self {
        let world = Self::of(Arc::new(tempfile::tempdir().unwrap()), "site");
        world.git(&["init", "-q", "-b", "main", "."]);
        for index in 0..count {
            world.declare(&name(index), &format!("first {index}\n"));
        }
        world.commit();
        world
    }

    /// An application with its file in a folder.
    fn of(folder: Arc<TempDir>, name: &str) -> Self {
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, config(name)).unwrap();
        let config = Applications::load(&path, &Backends::new()).unwrap().all.remove(0);
        Self { folder, config }
    }

    /// The file that declares one.
    fn origin(&self, name: &str) -> PathBuf {
        self.path("origin").join(&self.config.name).join(name)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn live(&self, name: &str) -> PathBuf {
        self.path("live").join(name)
    }

    fn git(&self, arguments: &[&str]) {
        let origin = self.path("origin");
        fs::create_dir_all(&origin).unwrap();
        let person = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        assert!(
            Command::new("git").args(person).args(arguments).current_dir(origin).status().unwrap().success()
        );
    }

    fn declare(&self, name: &str, content: &str) {
        let path = self.origin(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "next"]);
    }

    /// A session as a new process has it, and what its plans cost.
    async fn begin(&self, cx: &Cx, access: Access) -> (Session, Arc<Mutex<Cost>>) {
        let cost = Arc::new(Mutex::new(Cost::default()));
        let told = cost.clone();
        let events = Arc::new(move |event: &Event| match event {
            Event::Rendered { parts, .. } => told.lock().unwrap().rendered = *parts,
            Event::Planned { considered, .. } => told.lock().unwrap().considered = *considered,
            _ => {}
        });
        (Session::builder(&self.config).access(access).events(events).open(cx).await.unwrap(), cost)
    }

    async fn plan(&self) -> (Plan, Cost) {
        let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
        let (mut session, cost) = self.begin(&cx, Access::Look).await;
        let plan = session.engine.plan(&cx).await.unwrap();
        let cost = *cost.lock().unwrap();
        (plan, cost)
    }

    async fn plan_changed(&self) -> (Plan, Cost) {
        let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
        let (mut session, cost) = self.begin(&cx, Access::Look).await;
        let plan = session.engine.plan_changed(&cx).await.unwrap();
        let cost = *cost.lock().unwrap();
        (plan, cost)
    }

    async fn apply(&self) {
        let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
        let (mut session, _) = self.begin(&cx, Access::Write).await;
        let plan = session.engine.plan(&cx).await.unwrap();
        let report = session.engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await.unwrap();
        assert!(report.is_converged() || report.skipped() == 0, "{report:?}");
    }

    fn kept(&self) -> PathBuf {
        self.config.state.join("~plan")
    }

    /// The plan of a process that finds nothing kept; what is kept stays as it is.
    async fn plan_anew(&self) -> Plan {
        let aside = self.path("aside");
        let had = fs::rename(self.kept(), &aside).is_ok();
        let (plan, _) = self.plan().await;
        if had {
            fs::rename(aside, self.kept()).unwrap();
        }
        plan
    }
}

fn name(index: usize) -> String {
    format!("folder-{}/file-{index}.conf", index % 5)
}

/// A plan as text, without the time.
fn shown(plan: &Plan) -> String {
    let mut plan = serde_json::to_value(plan).unwrap();
    plan.as_object_mut().unwrap().remove("observed_at");
    serde_json::to_string_pretty(&plan).unwrap()
}

#[tokio::test]
async fn a_plan_in_a_new_process_costs_what_changed() {
    let world = World::with_files(40);
    world.apply().await;
    let (plan, first) = world.plan().await;
    assert!(
        plan.is_empty() && first.considered == 40,
        "what was just applied is looked at once more: {first:?}"
    );
    assert_eq!(world.plan().await.1, Cost::default());
    world.declare(&name(7), "second\n");
    world.commit();
    let (plan, cost) = world.plan().await;
    assert_eq!((plan.steps.len(), plan.unchanged, cost), (1, 39, Cost { rendered: 1, considered: 1 }));
    // The same plan as that of a process that knows nothing, to the last digit of its id.
    assert_eq!(shown(&plan), shown(&world.plan_anew().await));
    world.apply().await;
    assert_eq!(
        world.plan().await.1,
        Cost { rendered: 1, considered: 1 },
        "what was applied since it was kept"
    );
}

#[tokio::test]
async fn drift_is_found_by_a_look_and_passed_over_without_one() {
    let world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    fs::write(world.live(&name(3)), "by hand\n").unwrap();
    world.declare(&name(4), "second\n");
    world.commit();
    let keys = |plan: &Plan| plan.steps.iter().map(|step| step.key.name().to_owned()).collect::<Vec<_>>();
    let (plan, cost) = world.plan_changed().await;
    assert_eq!((keys(&plan), cost), (vec![name(4)], Cost { rendered: 1, considered: 1 }));
    // That it was passed over once is not what the next plan knows.
    let (plan, cost) = world.plan().await;
    assert_eq!((keys(&plan), cost.considered), (vec![name(3), name(4)], 2));
}

#[tokio::test]
async fn a_file_of_another_set_up_or_that_was_damaged_is_not_used() {
    let mut world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    assert_eq!(world.plan().await.1.considered, 0);
    let mut bytes = fs::read(world.kept()).unwrap();
    bytes[200] ^= 1;
    fs::write(world.kept(), bytes).unwrap();
    assert_eq!(world.plan().await.1, Cost { rendered: 20, considered: 20 });
    assert_eq!(world.plan().await.1.considered, 0, "it was made anew");
    world.config.sync.prune = false;
    assert_eq!(world.plan().await.1, Cost { rendered: 20, considered: 20 });
    assert_eq!(fs::metadata(world.kept()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// The file with each of some bytes changed, one at a time.
fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..whole.len()).step_by(whole.len() / 60 + 1).map(|at| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        bytes
    })
}

#[tokio::test]
async fn whatever_of_it_was_damaged_a_plan_says_the_same() {
    let world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    world.declare(&name(3), "second\n");
    world.git(&["rm", "-q", &format!("site/{}", name(7))]);
    world.commit();
    let whole = fs::read(world.kept()).unwrap();
    let right = shown(&world.plan_anew().await);
    for bytes in damaged(&whole) {
        fs::write(world.kept(), bytes).unwrap();
        assert_eq!(shown(&world.plan().await.0), right);
    }
}

#[tokio::test]
async fn whatever_of_it_was_damaged_nothing_that_is_owned_is_forgotten() {
    let world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    for round in 0..40 {
        let kept = fs::read(world.kept()).unwrap();
        fs::write(world.kept(), damaged(&kept).nth(round).unwrap()).unwrap();
        world.declare(&name(3), &format!("round {round}\n"));
        world.commit();
        let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
        let apply = async || {
            let (mut session, _) = world.begin(&cx, Access::Write).await;
            let plan = session.engine.plan(&cx).await?;
            session.engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await
        };
        match apply().await {
            Ok(report) => assert!(report.is_converged(), "{report:?}"),
            Err(error) => {
                assert!(
                    error.to_string().contains("what the last plan kept of the inventory is damaged"),
                    "{error}"
                );
                assert!(apply().await.unwrap().is_converged(), "the inventory itself is read");
            }
        }
        fs::remove_file(world.kept()).unwrap();
        let (session, _) = world.begin(&cx, Access::Look).await;
        assert_eq!(session.engine.inventory().entries().len(), 20);
        drop(session);
        world.plan().await;
    }
}

#[tokio::test]
async fn without_the_mirror_that_it_was_of_what_was_kept_is_no_error() {
    let world = World::with_files(8);
    world.apply().await;
    world.plan().await;
    let cache = world.config.base().join(".gitops");
    for entry in fs::read_dir(cache).unwrap().flatten() {
        if entry.path() != world.config.state {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let (plan, _) = world.plan().await;
    assert!(plan.is_empty());
}

/// The next number of a sequence that is the same in each run.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 40).unwrap()
}

/// What people do to a repository and to what it declares.
fn meddle(world: &World, seed: &mut u64, step: usize) {
    let (what, file) = (next(seed) % 11, name(next(seed) % 24));
    let (origin, live) = (world.origin(&file), world.live(&file));
    let label = label(&live);
    match what {
        0 | 1 => world.declare(&file, &format!("changed in step {step}\n")),
        2 => world.declare(&name(100 + step), "new\n"),
        3 => drop(fs::remove_file(origin)),
        4 => drop(fs::write(&live, format!("by hand in step {step}, at some length\n"))),
        5 => drop(fs::remove_file(&live)),
        6 => drop(fs::remove_file(&label)),
        7 => drop(fs::set_permissions(&live, fs::Permissions::from_mode(0o755))),
        // The same bytes in another file: nothing is otherwise.
        8 if live.exists() => {
            let copy = live.with_extension("copy");
            fs::copy(&live, &copy).unwrap();
            fs::rename(&copy, &live).unwrap();
        }
        // Another file of the same length, with the time of the one before.
        9 if live.exists() => {
            let (length, time) =
                (fs::metadata(&live).unwrap().len(), fs::metadata(&live).unwrap().modified().unwrap());
            let copy = live.with_extension("copy");
            fs::write(&copy, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
            fs::File::options().write(true).open(&copy).unwrap().set_modified(time).unwrap();
            fs::rename(&copy, &live).unwrap();
        }
        10 if origin.exists() => drop(fs::rename(&origin, origin.with_extension("moved"))),
        _ => {}
    }
    world.commit();
}

fn label(live: &Path) -> PathBuf {
    live.with_file_name(format!(".{}.gitops", live.file_name().unwrap().to_str().unwrap()))
}

#[tokio::test]
async fn whatever_happens_in_between_a_plan_that_goes_on_is_the_plan_that_begins_anew() {
    let mut seed = 7;
    let world = World::with_files(24);
    world.apply().await;
    world.plan().await;
    let mut saved = 0;
    for step in 0..60 {
        meddle(&world, &mut seed, step);
        let before = fs::read(world.kept()).unwrap();
        let (plan, cost) = world.plan().await;
        assert_eq!(shown(&plan), shown(&world.plan_anew().await), "in step {step}");
        saved += usize::from(cost.considered < 12);
        match step % 4 {
            // What is kept grows old.
            0 | 1 => fs::write(world.kept(), before).unwrap(),
            2 if plan.blocked.is_empty() => world.apply().await,
            _ => {}
        }
    }
    assert!(saved > 12, "only {saved} of 60 plans looked at less than half");
}
