//! Reviews one after the other in one process: each costs what changed since the last, and says what a first one would.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use gitops_app::Clusters;
use gitops_app::review::Warm;
use gitops_core::review::plain;

use super::*;

/// What reviews read, rendered and asked about.
#[derive(Clone, Default)]
struct Counted {
    rendered: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Counted {
    fn sink(&self) -> Arc<dyn EventSink> {
        let Self { rendered, asked } = self.clone();
        Arc::new(move |event: &Event| match event {
            Event::Rendered { parts, .. } => drop(rendered.fetch_add(*parts, Relaxed)),
            Event::Observed { asked: objects } => drop(asked.fetch_add(*objects, Relaxed)),
            _ => {}
        })
    }

    /// Since this was asked last: files rendered, objects asked about.
    fn take(&self) -> (usize, usize) {
        (self.rendered.swap(0, Relaxed), self.asked.swap(0, Relaxed))
    }
}

/// A process that reviews requests of a world whose application is applied.
struct Process {
    world: World,
    warm: Arc<Warm>,
    counted: Counted,
    number: u64,
}

impl Process {
    async fn with_files(count: usize) -> Self {
        let world = World::new();
        let names: Vec<String> = (0..count).map(|n| format!("folder-{}/file-{n}", n / 50)).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "one\n")).collect();
        world.commit(&files);
        world.apply().await.unwrap();
        let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
        let warm = Arc::new(Warm::new(&world.cx, Clusters::new()));
        Self { world, warm, counted: Counted::default(), number }
    }

    async fn review(&self) -> Told {
        let world = &self.world;
        let applications = Applications::load(&world.path("gitops.yaml"), &Backends::new()).unwrap();
        let asked = Asked::new(Arc::new(world.forge.clone()), ForgeKind::Gitea, self.number, "gitops");
        let chosen: Vec<_> = applications.all.iter().collect();
        let document = |_: &Sides, _: &Reviewed| String::new();
        let asked = asked.warm(self.warm.clone());
        asked.review(&world.cx, &applications, &chosen, &self.counted.sink(), document).await.unwrap()
    }

    /// Reviews until the watch of the folder is known to have begun: nothing but the change is asked about then.
    async fn warmed(&self) {
        for _ in 0..200 {
            self.counted.take();
            self.review().await;
            if self.counted.take() == (1, 1) {
                return;
            }
        }
        panic!("each review looks at everything");
    }

    /// What a process says that knows nothing.
    async fn cold(&self) -> String {
        plain(&self.world.told(self.number).await.unwrap().reviewed.review)
    }
}

#[tokio::test]
async fn a_review_reads_one_file_and_asks_about_one_object_however_many_there_are() {
    for count in [60, 400] {
        let process = Process::with_files(count).await;
        process.warmed().await;
        let head = process.world.on_feature(&[("folder-0/file-7", "two\n")]);
        process.world.forge.push_commit(&process.world.cx, process.number, head).unwrap();
        let told = process.review().await;
        assert_eq!(process.counted.take(), (1, 1), "files rendered and objects asked about of {count}");
        assert_eq!(plain(&told.reviewed.review), process.cold().await);
        assert_eq!(process.warm.open(), 1);
    }
}

/// The engine that is at work is another one: what it writes to the state is taken in before the next review.
#[tokio::test]
async fn what_was_applied_and_edited_meanwhile_is_seen_as_a_first_review_sees_it() {
    let process = Process::with_files(20).await;
    let world = &process.world;
    process.warmed().await;
    world.commit(&[("folder-0/file-3", "three\n"), ("another", "new\n")]);
    world.apply().await.unwrap();
    let head = world.on_feature(&[("page", "three\n")]);
    world.forge.push_commit(&world.cx, process.number, head).unwrap();
    let told = process.review().await;
    let (shown, cold) = (plain(&told.reviewed.review), process.cold().await);
    assert_eq!(shown, cold);
    assert_eq!(told.reviewed.review.parts[0].items.len(), 1, "{shown}");

    // Drift that somebody made, as soon as the folder's watch told of it.
    fs::write(world.path("live/folder-0/file-5"), "by hand\n").unwrap();
    let soon = world.cx.within(Duration::from_secs(30));
    loop {
        let shown = plain(&process.review().await.reviewed.review);
        if shown.contains("file-5") {
            assert_eq!(shown, process.cold().await);
            break;
        }
        soon.sleep(Duration::from_millis(20)).await.expect("the watch tells of the edit");
    }
}

#[tokio::test]
async fn another_state_in_the_place_of_the_one_that_was_read_is_read_anew() {
    let process = Process::with_files(3).await;
    process.warmed().await;
    let world = &process.world;
    fs::remove_dir_all(world.path(".gitops")).unwrap();
    fs::remove_dir_all(world.path("live")).unwrap();
    world.apply().await.unwrap();
    let told = process.review().await;
    assert_eq!(plain(&told.reviewed.review), process.cold().await);
    assert!(told.reviewed.failed.is_empty());
}

/// Met after a reload: a review that had begun before it left its session for the reviews after it, which said for an hour what the old
/// configuration says.
#[tokio::test]
async fn a_session_of_another_configuration_is_not_used_whoever_left_it() {
    let process = Process::with_files(3).await;
    let world = &process.world;
    let old = Applications::load(&world.path("gitops.yaml"), &Backends::new()).unwrap();
    let file = world.path("gitops.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + "\nlabels: { environment: other }\n").unwrap();
    let new = Applications::load(&file, &Backends::new()).unwrap();
    process.warm.forget(&new.all[0].name);
    // It began with what was read before.
    drop(process.warm.look(&world.cx, &old.all[0]).await.unwrap());
    assert_eq!(process.warm.open(), 1);
    let borrowed = process.warm.look(&world.cx, &new.all[0]).await.unwrap();
    assert_eq!(borrowed.session().config.labels, new.all[0].labels);
}
