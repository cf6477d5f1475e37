use std::sync::{Arc, Mutex};

use gitops_core::backend::directory::FileRender;
use gitops_core::{ApplyOptions, Cx, Engine, Event, Memory, Source, State, Target};
use gitops_git::GitSource;

use crate::{CountedTree, Layout, Repository};

/// An application whose first revision is applied and whose caches are warm.
pub struct Applied {
    /// Its repository.
    pub repository: Repository,
    /// Counts what is read of the repository.
    pub source: Arc<CountedTree>,
    /// Counts what is asked of and written to the target.
    pub target: Arc<Memory>,
    /// What happened since the last look.
    pub events: Arc<Mutex<Vec<Event>>>,
    /// The engine.
    pub engine: Engine,
    _mirror: tempfile::TempDir,
}

/// An engine that keeps its state in memory.
pub async fn engine(
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    events: Arc<Mutex<Vec<Event>>>,
) -> Engine {
    let state = State::in_memory();
    Engine::builder("bench")
        .source(source)
        .render(Arc::new(FileRender::new("dir")))
        .target("dir", target)
        .events(Arc::new(move |event: &Event| {
            events.lock().expect("no sink panics").push(event.clone());
        }))
        .state(state)
        .open(&Cx::system())
        .await
        .expect("an empty state opens")
}

impl Applied {
    /// A repository with so many files, applied.
    pub async fn with_files(count: usize, layout: Layout) -> Self {
        let cx = Cx::system();
        let repository = Repository::with_files(count, layout);
        let mirror = tempfile::tempdir().expect("there is a temporary folder");
        let source = GitSource::builder(repository.path().display().to_string())
            .mirrors(mirror.path())
            .build()
            .expect("a path is a source");
        let source = Arc::new(CountedTree::new(Arc::new(source)));
        let (target, events) = (Arc::new(Memory::new()), Arc::default());
        let mut engine = engine(source.clone(), target.clone(), Arc::clone(&events)).await;
        let plan = engine.plan(&cx).await.expect("the repository can be planned");
        let report = engine
            .apply(&cx, &plan, &ApplyOptions::naming_the_plan("bench"))
            .await
            .expect("the plan is applied");
        assert!(report.is_converged());
        engine.replan(&cx).await.expect("the repository can be planned");
        Self { repository, source, target, events, engine, _mirror: mirror }
    }
}
