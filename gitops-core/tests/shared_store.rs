//! An inventory in a store that several machines share: what survives the loss of a disk, and who may write.
// Long because each way in which machines and stores fail is tried over one store.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use gitops_core::capability::Readiness;
use gitops_core::*;
use support::{Shared, World, body, for_polls, key};
use tokio::sync::Semaphore;

const FIRST: [(&str, &str); 4] = [("a", "1"), ("b", "needs: a"), ("c", "3"), ("gone", "4")];
const SECOND: [(&str, &str); 5] = [("a", "2"), ("b", "needs: a"), ("c", "3"), ("d", "5"), ("e", "needs: d")];

fn world() -> (World, Arc<Shared>) {
    let store = Shared::new();
    let world = World::with(&FIRST).sharing(&store);
    world.memory.edit(&key("foreign"), Some(body("theirs")));
    (world, store)
}

async fn apply(world: &World, engine: &mut Engine) {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
}

/// One engine's life: applies what is declared; any error ends it.
async fn live(world: &World) -> Result<Report> {
    let mut engine = world.open("test").await?;
    let plan = engine.plan(&world.cx).await?;
    engine.apply(&world.cx, &plan, &support::yes()).await
}

/// Everything that carries our owner label is owned or may be, and what others made is there.
fn assert_nothing_is_forgotten(world: &World, inventory: &Inventory, when: &str) {
    for key in world.memory.keys() {
        let ours = world.memory.get(&key).unwrap().is_owned_by(inventory.owner());
        let known = inventory.entries().contains(&key) || inventory.is_open(&key);
        assert_eq!(ours, known, "{key} {when}");
    }
    let foreign = world.memory.get(&key("foreign")).expect("it is not ours to delete");
    assert_eq!(foreign.body, body("theirs"), "{when}");
}

/// On another machine: the store alone is enough to go on, and everything ends as declared.
async fn assert_recovers(world: &World, when: &str) {
    let engine = world.engine().await;
    assert_nothing_is_forgotten(world, engine.inventory(), when);
    drop(engine);
    assert!(world.converge().await.is_converged(), "{when}");
    let mut expected: Vec<_> = SECOND.map(support::owned).to_vec();
    expected.push(support::owned(("foreign", "theirs")));
    assert_eq!(world.contents(), expected, "{when}");
    assert!(world.converge().await.results.is_empty(), "{when}: a second pass writes");
    let engine = world.engine().await;
    assert_eq!(engine.inventory().entries().len(), SECOND.len(), "{when}");
    assert_nothing_is_forgotten(world, engine.inventory(), when);
}

#[tokio::test]
async fn a_pass_that_is_dropped_anywhere_is_taken_up_on_another_machine() {
    for first in [true, false] {
        for polls in 1.. {
            let (world, _store) = world();
            if !first {
                live(&world).await.unwrap();
            }
            world.declare(&SECOND);
            let through = Box::pin(for_polls(polls, live(&world))).await.is_some();
            let when =
                format!("after {polls} polls of a {}", if first { "first pass" } else { "second pass" });
            assert_recovers(&world.other_machine().recovering(), &when).await;
            if through {
                assert!(polls > 20, "only {polls} points were tried");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_goes_away_anywhere_loses_nothing() {
    for loses_answer in [true, false] {
        for calls in 0.. {
            let (world, store) = world();
            live(&world).await.unwrap();
            world.declare(&SECOND);
            store.answer(calls, loses_answer);
            let through = live(&world).await.is_ok();
            store.recover();
            let when = format!("after {calls} calls, with the effect of the next: {loses_answer}");
            let engine = world.engine().await;
            assert_nothing_is_forgotten(&world, engine.inventory(), &format!("on the same machine, {when}"));
            drop(engine);
            assert_recovers(&world.other_machine().recovering(), &when).await;
            if through {
                assert!(calls > 8, "only {calls} points were tried");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_engine_goes_on_after_its_store_was_away() {
    for loses_answer in [true, false] {
        for calls in 0..12 {
            let (world, store) = world();
            live(&world).await.unwrap();
            world.declare(&SECOND);
            let mut engine = world.engine().await;
            store.answer(calls, loses_answer);
            let _ = engine.reconcile(&world.cx).await;
            store.recover();
            for _ in 0..2 {
                engine.reconcile(&world.cx).await.unwrap();
            }
            assert_eq!(engine.inventory().entries().len(), SECOND.len());
            let other = world.other_machine().recovering().engine().await;
            let (ours, theirs) = (engine.inventory().entries(), other.inventory().entries());
            assert_eq!(ours.digest(), theirs.digest(), "after {calls} calls");
        }
    }
}

#[tokio::test]
async fn a_missing_journal_is_an_error_that_says_how_to_go_on() {
    let (world, _store) = world();
    live(&world).await.unwrap();
    let other = world.other_machine();
    let error = other.open("test").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.help_text().unwrap().contains("recover from the store"), "{error:?}");
    assert!(other.audit.entries().is_empty());
    let other = other.recovering();
    other.declare(&SECOND);
    other.converge().await;
    let recovered = AuditEvent::RecoveredFromStore { owned: 4, open: 0 };
    assert_eq!(other.audit.entries()[0].what, recovered);
}

#[tokio::test]
async fn a_deposed_engine_writes_nothing_more() {
    let (world, _store) = world();
    let mut first = world.engine().await;
    first.reconcile(&world.cx).await.unwrap();
    let other = world.other_machine().recovering();
    world.declare(&SECOND);
    other.converge().await;
    other.declare(&FIRST);
    let (writes, entries) = (world.memory.writes(), world.audit.entries().len());
    let error = first.reconcile(&world.cx).await.unwrap_err();
    assert!(error.is_conflict(), "{error:?}");
    assert!(first.reconcile(&world.cx).await.is_err());
    assert_eq!(world.memory.writes(), writes);
    let intents = world.audit.entries().split_off(entries);
    assert!(!intents.iter().any(|entry| matches!(entry.what, AuditEvent::Intent { .. })), "{intents:?}");
    // The first machine may take over again, and then its own outdated journal counts for nothing.
    assert_eq!(world.open("test").await.unwrap_err().kind(), ErrorKind::Corrupt);
    let world = world.recovering();
    world.converge().await;
    assert!(world.contents().contains(&support::owned(("gone", "4"))));
}

#[tokio::test]
async fn of_two_engines_that_begin_at_once_one_is_refused() {
    let (world, _store) = world();
    let other = world.other_machine();
    let (mut first, mut second) = (world.engine().await, other.engine().await);
    first.reconcile(&world.cx).await.unwrap();
    let writes = world.memory.writes();
    assert!(second.reconcile(&world.cx).await.unwrap_err().is_conflict());
    assert_eq!(world.memory.writes(), writes);
}

#[tokio::test]
async fn an_engine_that_is_deposed_in_the_middle_of_a_pass_begins_no_deletion() {
    let mut tried = 0;
    for polls in 1.. {
        let (world, _store) = world();
        live(&world).await.unwrap();
        world.declare(&FIRST[..3]);
        let before = world.audit.entries().len();
        let mut engine = world.engine().await;
        let mut pass = Box::pin(engine.reconcile(&world.cx));
        if for_polls(polls, &mut pass).await.is_some() {
            break;
        }
        let has =
            |is: fn(&AuditEvent) -> bool| world.audit.entries()[before..].iter().any(|entry| is(&entry.what));
        let started = has(|what| matches!(what, AuditEvent::SyncStarted { .. }));
        let begun = has(|what| matches!(what, AuditEvent::Intent { .. }));
        // Another machine takes over while this reconciliation stands still, for a revision that declares the object.
        let other = world.other_machine().recovering();
        other.declare(&[&FIRST[..], &[("new", "6")]].concat());
        other.converge().await;
        let ended = pass.await;
        if !begun {
            assert!(ended.unwrap_err().is_conflict(), "after {polls} polls");
            assert!(world.memory.get(&key("gone")).is_some(), "deleted after {polls} polls");
            tried += usize::from(started);
        }
    }
    assert!(tried > 0, "the pass never stood still between its start and its deletion");
}

/// A clock that the test moves.
#[derive(Default)]
struct ByHand(AtomicI64);

impl ByHand {
    fn pass(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000_000, SeqCst);
    }
}

#[async_trait]
impl Clock for ByHand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(SeqCst))
    }

    async fn wait_until(&self, _: Time) {
        std::future::pending::<()>().await;
    }
}

/// A target whose objects become ready one after the other, as the test says.
struct Gated {
    inner: Arc<Memory>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Target for Gated {
    fn info(&self) -> TargetInfo {
        self.inner.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.inner.apply(cx, change).await
    }

    fn health(&self) -> Option<&dyn capability::Health> {
        Some(self)
    }
}

#[async_trait]
impl capability::Health for Gated {
    async fn ready(&self, _: &Cx, _: &Key, _: &Applied) -> Result<Readiness> {
        self.gate.acquire().await.unwrap().forget();
        Ok(Readiness::Ready)
    }
}

/// Lets a future go on as far as it can, which is not to its end.
async fn let_wait<T>(future: &mut (impl Future<Output = T> + Unpin)) {
    for _ in 0..40 {
        assert!(futures::poll!(&mut *future).is_pending());
        tokio::task::yield_now().await;
    }
}

/// A reconciliation that makes `d`, then `e`, then `f`, and has waited for an hour for each of those that it was let through;
/// then another machine takes over, which declares none of them, and looks again so many minutes later; and then the
/// pass goes on to the next.
async fn depose_after(ready: usize, minutes: i64) -> (World, Engine, Result<Report>) {
    let (mut world, _store) = world();
    let clock = Arc::new(ByHand::default());
    world.cx = Cx::new(clock.clone(), Arc::new(System));
    live(&world).await.unwrap();
    world.declare(&[&FIRST[..], &[("d", "5"), ("e", "needs: d"), ("f", "needs: e")]].concat());
    let gate = Arc::new(Semaphore::new(0));
    let target = Gated { inner: world.memory.clone(), gate: gate.clone() };
    let patient = world.builder("test").ready_timeout(Duration::from_secs(86_400));
    let mut engine = patient.target("t", Arc::new(target)).open(&world.cx).await.unwrap();
    let mut pass = Box::pin(engine.reconcile(&world.cx));
    let_wait(&mut pass).await;
    for _ in 0..ready {
        clock.pass(60);
        gate.add_permits(1);
        let_wait(&mut pass).await;
    }
    let other = world.other_machine().recovering();
    other.declare(&[&FIRST[..], &[("new", "6")]].concat());
    let mut successor = other.engine().await;
    apply(&other, &mut successor).await;
    clock.pass(minutes);
    apply(&other, &mut successor).await;
    gate.add_permits(9);
    let ended = pass.await;
    assert_nothing_is_forgotten(&world, successor.inventory(), "after the deposed engine's last change");
    clock.pass(11);
    apply(&other, &mut successor).await;
    assert_nothing_is_forgotten(&world, successor.inventory(), "at the end");
    (world, successor, ended)
}

#[tokio::test]
async fn an_engine_in_a_long_pass_sees_that_it_was_deposed_before_its_next_change() {
    let (world, _, ended) = depose_after(0, 60).await;
    assert!(ended.unwrap_err().is_conflict());
    assert!(world.memory.get(&key("e")).is_none());
}

#[tokio::test]
async fn what_an_engine_makes_before_it_sees_that_it_was_deposed_is_known_to_its_successor() {
    let (world, successor, ended) = depose_after(1, 0).await;
    assert!(ended.unwrap_err().is_conflict());
    let made =
        world.events().iter().any(|event| matches!(event, Event::Applied { key, .. } if key.name() == "f"));
    assert!(made, "its last check was a moment ago");
    assert!(world.memory.get(&key("f")).is_none(), "the successor found it, and nobody declares it");
    assert_eq!(successor.inventory().open().count(), 0);
}

#[tokio::test]
async fn a_checkpoint_costs_what_changed() {
    let names: Vec<String> = (0..1000).map(|n| format!("object-{n:04}")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let store = Shared::new();
    let world = World::with(&files).sharing(&store);
    let mut engine = world.engine().await;
    engine.reconcile(&world.cx).await.unwrap();
    let (_, all) = store.written();
    assert!(store.largest() <= 512 << 10, "a document of {} bytes", store.largest());
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(store.written(), (0, 0), "a pass without change writes nothing");
    files[500].1 = "y";
    world.declare(&files);
    engine.reconcile(&world.cx).await.unwrap();
    let (documents, bytes) = store.written();
    // The index before and after, and the one shard after.
    assert_eq!(documents, 3);
    assert!(bytes < all / 20, "{bytes} of {all} bytes");
    let other = world.other_machine().recovering().engine().await;
    assert_eq!(other.inventory().entries().digest(), engine.inventory().entries().digest());
}

#[tokio::test]
async fn machines_that_share_a_store_compare_secrets_alike() {
    let (store, cx) = (Shared::new(), Cx::system());
    let digest = async || {
        let key = SecretKey::kept_in(&cx, &*store).await?;
        Ok::<_, Error>(Secret::new("hunter2", &key).digest())
    };
    let (first, second) = tokio::join!(digest(), digest());
    assert_eq!(first.unwrap(), second.unwrap());
    let version = store.load(&cx, "secret-key").await.unwrap().unwrap().version;
    let document = Document { epoch: 0, bytes: b"short".to_vec() };
    store.swap(&cx, "secret-key", Some(&version), document).await.unwrap();
    assert_eq!(digest().await.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// A store of which somebody deleted documents.
struct Without {
    store: Arc<Shared>,
    gone: std::sync::Mutex<Vec<String>>,
}

impl Without {
    fn is_gone(&self, name: &str) -> bool {
        self.gone.lock().unwrap().iter().any(|gone| gone == name)
    }
}

#[async_trait]
impl StateStore for Without {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        match self.is_gone(name) {
            true => Ok(None),
            false => self.store.load(cx, name).await,
        }
    }

    async fn swap(
        &self,
        cx: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let stored = if self.is_gone(name) { self.store.load(cx, name).await? } else { None };
        let expect = stored.map(|stored| stored.version).or_else(|| expect.cloned());
        let version = self.store.swap(cx, name, expect.as_ref(), document).await?;
        self.gone.lock().unwrap().retain(|gone| gone != name);
        Ok(version)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Another process without a disk that outlives it: documents and audit log are in the store.
async fn in_the_store(world: &World, store: &Arc<Without>) -> Result<Engine> {
    let audit = Arc::new(StoreAudit::open(&world.cx, store.clone()).await?);
    let state = State::in_memory().with_store(store.clone()).with_audit(audit);
    let builder = world.builder("test").target("t", world.memory.clone());
    builder.recover_from_store(true).state(state).open(&world.cx).await
}

/// Met with a controller whose audit log was deleted from its namespace: the next engine began another one in silence. So it was with
/// the inventory, and what had left Git by then was forgotten.
#[tokio::test]
async fn what_somebody_deleted_from_a_store_is_not_begun_anew() {
    for (gone, what) in
        [("audit-000", "audit log"), ("inventory", "the inventory is missing, and there was one")]
    {
        let (world, store) = world();
        let store = Arc::new(Without { store, gone: std::sync::Mutex::default() });
        for _process in 0..2 {
            apply(&world, &mut in_the_store(&world, &store).await.unwrap()).await;
        }
        store.gone.lock().unwrap().push(gone.to_owned());
        world.declare(&SECOND);
        let writes = world.memory.writes();
        for _process in 0..2 {
            let begun = async {
                let mut engine = in_the_store(&world, &store).await?;
                let plan = engine.plan(&world.cx).await?;
                engine.apply(&world.cx, &plan, &support::yes()).await
            };
            let error = begun.await.unwrap_err();
            assert!(
                error.kind() == ErrorKind::Corrupt && error.to_string().contains(what),
                "{gone}: {error}"
            );
        }
        assert_eq!((world.memory.writes(), store.gone.lock().unwrap().len()), (writes, 1), "{gone}");
        store.gone.lock().unwrap().clear();
        apply(&world, &mut in_the_store(&world, &store).await.unwrap()).await;
    }
}
