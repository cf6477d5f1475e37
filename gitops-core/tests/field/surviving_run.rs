//! A running engine and bad answers: of a Git server behind a login page, of a state file that was cut short.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::support::World;

/// A source that answers as it is told, attempt by attempt, and then well.
struct Bad {
    asked: AtomicUsize,
    answers: fn(usize) -> Option<Error>,
    content: Mutex<&'static str>,
}

#[async_trait]
impl Source for Bad {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("bad", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        match (self.answers)(self.asked.fetch_add(1, Ordering::SeqCst)) {
            Some(error) => Err(error),
            None => Ok(Revision::new(*self.content.lock().unwrap(), "")),
        }
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let content = *self.content.lock().unwrap();
        let files = [("a", content)];
        Snapshot::from_files("bad", revision.clone(), files)
    }
}

/// Runs until everything is as declared; gives the failures on the way.
async fn failures(answers: fn(usize) -> Option<Error>) -> (Result<()>, Vec<Event>, World) {
    let world = World::with(&[]);
    let cx = world.cx.clone();
    let source = Bad { asked: AtomicUsize::new(0), answers, content: Mutex::new("1") };
    let stop = move |event: &Event| {
        if let Event::Finished { failed: 0, .. } = event {
            cx.cancel();
        }
    };
    let builder = world.builder("test").source(Arc::new(source)).target("t", world.memory.clone());
    let mut engine = builder.events(Arc::new(stop)).open(&world.cx).await.unwrap();
    let ended = engine.run(&world.cx, Duration::from_millis(1)).await;
    let failures = world.events().into_iter().filter(|event| matches!(event, Event::ReconcileFailed { .. }));
    (ended, failures.collect(), world)
}

#[tokio::test]
async fn a_source_that_answers_nonsense_does_not_end_a_run() {
    let nonsense = |asked| (asked < 3).then(|| Error::new(ErrorKind::Corrupt, "HTML instead of refs"));
    let (ended, failures, world) = failures(nonsense).await;
    assert_eq!((ended.is_ok(), failures.len()), (true, 3));
    assert_eq!(world.contents(), [("a".to_owned(), "1".to_owned())]);
}

#[tokio::test]
async fn a_pass_that_fails_says_where_and_why() {
    let faulty = |asked| {
        let fault = Diagnostic::error("GO0401", "web.yaml", "not YAML").help("mend it");
        let error = Error::invalid("the revision has a fault", vec![fault]).help("see the places");
        (asked < 1).then_some(error)
    };
    let (_, failures, _) = failures(faulty).await;
    let [Event::ReconcileFailed { error, help, diagnostics }] = &failures[..] else { panic!("{failures:?}") };
    assert!(error.contains("the revision has a fault"), "{error}");
    assert_eq!(help.as_deref(), Some("see the places"));
    assert_eq!(diagnostics[0].to_string(), "error[GO0401]: web.yaml: not YAML (mend it)");
}

/// People met it as an advice that could not be followed: the state was locked by the one that gave it.
#[tokio::test]
async fn what_has_to_be_approved_is_told_as_blocked_and_the_run_goes_on() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    world.declare(&[]);
    let cx = world.cx.clone();
    let stop = move |event: &Event| {
        if let Event::Blocked { obstacle: Obstacle::Approval, .. } = event {
            cx.cancel();
        }
    };
    let builder = world.builder("test").target("t", world.memory.clone()).events(Arc::new(stop));
    let mut engine = builder.open(&world.cx).await.unwrap();
    engine.run(&world.cx, Duration::from_millis(1)).await.unwrap();
    assert_eq!(world.memory.keys().len(), 2);
}

#[tokio::test]
async fn damage_of_its_own_state_ends_a_run() {
    let world = World::with(&[("a", "1")]);
    let mut engine = world.engine().await;
    let damaged = Document { epoch: 0, bytes: b"{".to_vec() };
    world.store().swap(&world.cx, Requests::DOCUMENT, None, damaged).await.unwrap();
    let error = engine.run(&world.cx, Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
