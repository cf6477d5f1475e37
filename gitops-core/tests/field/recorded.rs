//! What waits is kept as it was recorded. Met with a later wave whose object somebody deleted while its next version waited for
//! the wave before: it stayed away until that was ready, and that was not ready for lack of it.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::drift_meanwhile::Slow;
use crate::related::Related;
use crate::support::{World, body, key, owned};
use crate::ward::{Ward, came, render};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

type Files = Vec<(&'static str, &'static str)>;

/// A repository of which each revision can be had, by its number from one.
struct Kept {
    revisions: Vec<Files>,
    newest: AtomicUsize,
}

static EACH_IS_NEWER: Related = Related(|_, _| Relation::Newer);

#[async_trait]
impl Source for Kept {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("kept", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new((self.newest.load(SeqCst)).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let number: usize = revision.id().parse().unwrap();
        Snapshot::from_files("kept", revision.clone(), self.revisions[number - 1].iter().copied())
    }

    fn history(&self) -> Option<&dyn History> {
        Some(&EACH_IS_NEWER)
    }
}

/// An application at revision 1, and then its source at revision 2.
struct Place {
    world: World,
    ward: Arc<Ward>,
    source: Arc<Kept>,
}

impl Place {
    async fn of(revisions: [Files; 2]) -> Self {
        let source = Arc::new(Kept { revisions: revisions.into(), newest: AtomicUsize::new(1) });
        let world = World::with(&[]);
        let place = Self { ward: Ward::of(&world), world, source };
        place.apply().await;
        place.source.newest.store(2, SeqCst);
        place
    }

    fn builder(&self) -> EngineBuilder {
        let builder = self.world.builder("test").render(Arc::new(render_files("words 1", render)));
        builder.source(self.source.clone())
    }

    async fn engine(&self) -> Engine {
        self.builder().target("t", self.ward.clone()).open(&self.world.cx).await.unwrap()
    }

    /// A new process plans and applies.
    async fn apply(&self) -> Vec<(String, String)> {
        crate::ward::apply_with(&self.world, &mut self.engine().await).await
    }

    fn edit(&self, name: &str, content: Option<&str>) {
        self.world.memory.edit(&key(name), content.map(body));
    }
}

/// `b` comes after `a`, and only its declaration changes.
fn ways() -> [[Files; 2]; 2] {
    let needs = |of_a, of_b| vec![("a", of_a), ("b", of_b)];
    [
        [needs("1", "1 needs=a"), needs("1", "2 needs=a")],
        [needs("1 stage=0", "1 stage=1"), needs("1 stage=0", "2 stage=1")],
    ]
}

#[tokio::test]
async fn what_waits_is_put_back_as_it_was_recorded() {
    for way in ways() {
        for harm in [None, Some("edited")] {
            for tried_before in [false, true] {
                let first = way[0].clone();
                let place = Place::of(way.clone()).await;
                place.ward.fails("a");
                if tried_before {
                    assert_eq!(place.apply().await, came(&[("b", "blocked by a")]));
                }
                place.edit("b", harm);
                let mut engine = place.engine().await;
                let plan = engine.plan(&place.world.cx).await.unwrap();
                assert!(plan.drift_beside(&key("b")).is_some_and(DriftBeside::is_known), "{plan:?}");
                drop(engine);
                let came_of_it = came(&[("b", "done"), ("b", "blocked by a")]);
                assert_eq!(place.apply().await, came_of_it, "{harm:?} {tried_before}");
                assert_eq!(place.world.contents()[1], owned(first[1]));
                // The next process goes on with what waits, and finds no drift.
                let engine = &mut place.engine().await;
                let plan = engine.plan(&place.world.cx).await.unwrap();
                assert_eq!((plan.steps.len(), &plan.beside[..]), (1, &[][..]), "{plan:?}");
                let inventory = engine.inventory();
                assert_eq!(inventory.complete().unwrap().revision.id(), "1");
                assert_eq!(inventory.progress().unwrap().revision.id(), "2");
                assert_eq!(inventory.progress().unwrap().left.as_ref().unwrap().missing, [key("b")]);
                place.ward.heals("a");
                assert_eq!(crate::ward::apply_with(&place.world, engine).await, came(&[("b", "done")]));
                assert_eq!(engine.inventory().complete().unwrap().revision.id(), "2");
            }
        }
    }
}

/// That it does not become ready is known only after the plan was carried out.
#[tokio::test]
async fn what_comes_to_wait_is_put_back_by_the_same_apply() {
    let revisions = [vec![("a", "1"), ("b", "1 needs=a")], vec![("a", "2"), ("b", "2 needs=a")]];
    let place = Place::of(revisions).await;
    place.ward.fails("a");
    place.edit("b", None);
    let came_of_it = came(&[("b", "done"), ("a", "not ready"), ("b", "blocked by a")]);
    assert_eq!(place.apply().await, came_of_it);
    assert_eq!(place.world.contents()[1], owned(("b", "1 needs=a")));
    assert_eq!(place.engine().await.inventory().progress().unwrap().left.as_ref().unwrap().count(), 1);
}

/// It becomes ready while it is waited for, and what waits goes on from what was put back.
#[tokio::test]
async fn what_was_put_back_is_changed_by_the_same_apply_once_it_may() {
    let [way, _] = ways();
    let place = Place::of(way).await;
    place.ward.is_ready_when_waited_for("a");
    place.edit("b", None);
    assert_eq!(place.apply().await, came(&[("b", "done"), ("b", "done")]));
    assert_eq!(place.world.contents()[1], owned(("b", "2 needs=a")));
    assert_eq!(place.engine().await.inventory().complete().unwrap().revision.id(), "2");
}

/// What needs what waits waits too, and so do both.
#[tokio::test]
async fn what_was_put_back_lets_nothing_go_on_that_needs_its_new_declaration() {
    let first = vec![("a", "1"), ("b", "1 needs=a"), ("c", "1 needs=b")];
    let second = vec![("a", "1"), ("b", "2 needs=a"), ("c", "2 needs=b"), ("d", "1 needs=c")];
    let place = Place::of([first, second]).await;
    place.ward.fails("a");
    place.edit("b", None);
    place.edit("c", Some("edited"));
    let blocked = [("b", "blocked by a"), ("c", "blocked by a"), ("d", "blocked by a")];
    let all = [[("b", "done"), ("c", "done")].as_slice(), &blocked].concat();
    let mut came_of_it = place.apply().await;
    came_of_it.sort();
    let mut all = came(&all);
    all.sort();
    assert_eq!(came_of_it, all);
    let there = place.world.contents();
    assert_eq!(there[1..], [owned(("b", "1 needs=a")), owned(("c", "1 needs=b"))]);
}

/// What left the source, or never was recorded, is not put back.
#[tokio::test]
async fn nothing_is_put_back_that_no_recorded_revision_declares() {
    let first = vec![("a", "1"), ("old", "1")];
    let second = vec![("a", "1"), ("b", "1 needs=a")];
    let place = Place::of([first, second]).await;
    place.ward.fails("a");
    place.edit("old", None);
    assert_eq!(place.apply().await, came(&[("b", "blocked by a")]));
    assert_eq!(place.world.contents().len(), 1);
}

/// Runs until `b` is made or changed so many times; gives what each such time left.
async fn ran(place: &Place, target: Arc<dyn Target>, times: usize, harm: Option<&str>) -> Vec<String> {
    let (cx, seen) = (place.world.cx.within(MINUTE).child(), Arc::new(Mutex::new(Vec::new())));
    let (memory, stop, log) = (place.world.memory.clone(), cx.clone(), seen.clone());
    let harm = harm.map(body);
    let somebody = move |event: &Event| match event {
        Event::Started { key, .. } if key.name() == "a" => {
            memory.edit(&crate::support::key("b"), harm.clone());
        }
        Event::Applied { key, .. } if key.name() == "b" => {
            let mut log = log.lock().unwrap();
            log.push(format!("{:?}", memory.get(&crate::support::key("b"))));
            if log.len() == times {
                stop.cancel();
            }
        }
        _ => {}
    };
    let builder = place.builder().target("t", target).ready_timeout(HOUR).events(Arc::new(somebody));
    let mut engine = builder.open(&cx).await.unwrap();
    engine.run(&cx, HOUR).await.unwrap();
    drop(engine);
    std::mem::take(&mut *seen.lock().unwrap())
}

/// In a process that goes on working, what waits is put back while the other is waited for.
#[tokio::test]
async fn a_run_puts_back_what_waits_while_the_other_becomes_ready() {
    for harm in [None, Some("edited")] {
        let revisions = [vec![("web", "1"), ("b", "1 needs=web")], vec![("web", "1"), ("b", "2 needs=web")]];
        let place = Place::of(revisions).await;
        place.edit("b", harm);
        // Nobody can say how `web` is doing without waiting for it, which takes an hour.
        let seen = ran(&place, Arc::new(Slow(place.world.memory.clone())), 1, harm).await;
        assert_eq!(seen.len(), 1, "{:?}", place.world.events());
        assert_eq!(place.world.contents()[0], owned(("b", "1 needs=web")));
    }
}

#[tokio::test]
async fn a_run_puts_back_what_waits_and_says_that_the_rest_is_blocked() {
    let [way, _] = ways();
    let place = Place::of(way).await;
    place.ward.fails("a");
    place.edit("b", None);
    let seen = ran(&place, place.ward.clone(), 1, None).await;
    assert_eq!(seen.len(), 1, "{:?}", place.world.events());
    assert_eq!(place.world.contents()[1], owned(("b", "1 needs=a")));
    let engine = &mut place.engine().await;
    let status = engine.inventory();
    assert_eq!(status.complete().unwrap().revision.id(), "1");
    assert_eq!(place.apply().await, came(&[("b", "blocked by a")]), "the next process");
}

/// Takes what follows a `#` for a comment.
struct Uncommented;

impl Uncommented {
    fn code(body: &Value) -> Value {
        let content = body.get("content").and_then(Value::as_text).unwrap_or_default();
        crate::support::body(content.split('#').next().unwrap_or_default().trim_end())
    }
}

impl Differ for Uncommented {
    fn diff(&self, desired: &Value, live: &Value) -> Diff {
        Structural::default().diff(&Self::code(desired), &Self::code(live))
    }

    fn merge(&self, desired: &Value, _: &Value) -> Value {
        desired.clone()
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"uncommented")
    }
}

/// Met with drift of an object of which the pending commit changed a comment: it was told as changed by both.
#[tokio::test]
async fn what_a_pending_commit_declares_in_other_words_only_drifts() {
    let first = vec![("a", "1 # one"), ("b", "1 # one"), ("c", "1 # one")];
    let second = vec![("a", "1 # two"), ("b", "2 # two"), ("c", "1 # two")];
    let place = Place::of([first, second]).await;
    place.edit("a", Some("7 # one"));
    place.edit("b", Some("7 # one"));
    let builder = place.builder().differ(Arc::new(Uncommented)).target("t", place.world.memory.clone());
    let mut engine = builder.open(&place.world.cx).await.unwrap();
    let plan = engine.plan(&place.world.cx).await.unwrap();
    let only_drift: Vec<_> =
        plan.beside.iter().map(|beside| (beside.key.name(), beside.is_known(), beside.only_drift)).collect();
    assert_eq!(only_drift, [("a", true, true), ("b", true, false)], "{plan:?}");
    assert_eq!(plan.steps.len(), 2, "{plan:?}");
    assert!(engine.apply(&place.world.cx, &plan, &crate::support::yes()).await.unwrap().is_converged());
    assert!(engine.plan(&place.world.cx).await.unwrap().beside.is_empty());
}
