//! A disk that takes its time holds nobody up; and a caller that does not wait for it loses nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod place;
#[path = "../support/mod.rs"]
mod support;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use gitops_core::*;
use place::{Disk, Journal, Place, known};
use tokio::sync::Notify;

#[tokio::test]
async fn while_a_write_hangs_others_of_the_same_thread_go_on() {
    let place = Place::new();
    let mut engine = place.engine().await;
    place.disk.hang_after(0);
    let mut hung = 0;
    let report = {
        let reconciling = engine.reconcile(&place.world.cx);
        tokio::pin!(reconciling);
        loop {
            tokio::select! {
                biased;
                report = &mut reconciling => break report.unwrap(),
                () = place.disk.hangs.notified() => {
                    hung += 1;
                    assert_eq!(tokio::spawn(async { "here" }).await.unwrap(), "here");
                    assert!(reconciling.as_mut().now_or_never().is_none(), "it waits for the disk");
                    place.disk.release();
                    place.disk.hang_after(0);
                }
            }
        }
    };
    assert_eq!(report.applied(), 2);
    // To begin it, its epoch, its anchors; then intents and outcomes of one after the other; then the end.
    assert!(hung >= 8, "{hung}");
    place.disk.release();
    place.assert_all_is_owned(&engine, "at the end");
}

/// Waits for a future that reads from a disk that hangs, and has others of the same thread go on meanwhile.
async fn while_it_hangs<T>(place: &Place, reading: impl Future<Output = T>) -> T {
    place.disk.hang_reading();
    tokio::pin!(reading);
    tokio::select! {
        biased;
        _ = &mut reading => panic!("it read nothing"),
        () = place.disk.hangs.notified() => {}
    }
    assert_eq!(tokio::spawn(async { "here" }).await.unwrap(), "here");
    assert!(reading.as_mut().now_or_never().is_none(), "it waits for the disk");
    place.disk.release();
    reading.await
}

#[tokio::test]
async fn while_a_read_hangs_others_of_the_same_thread_go_on() {
    let place = Place::new();
    let mut engine = while_it_hangs(&place, place.engine()).await;
    engine.reconcile(&place.world.cx).await.unwrap();
    let mut onlooker = while_it_hangs(&place, place.onlooker()).await;
    place.world.declare(&[("a", "2"), ("b", "needs: a")]);
    engine.reconcile(&place.world.cx).await.unwrap();
    while_it_hangs(&place, onlooker.catch_up(&place.world.cx)).await.unwrap();
    assert_eq!(known(onlooker.inventory()), known(engine.inventory()));
}

#[tokio::test]
async fn a_caller_that_goes_away_during_a_read_can_read_again() {
    let place = Place::new();
    let mut engine = place.engine().await;
    engine.reconcile(&place.world.cx).await.unwrap();
    let mut onlooker = place.onlooker().await;
    place.world.declare(&[("a", "2"), ("b", "needs: a")]);
    engine.reconcile(&place.world.cx).await.unwrap();
    let before = place.disk.reads();
    place.disk.hang_reading();
    tokio::select! {
        biased;
        caught_up = onlooker.catch_up(&place.world.cx) => panic!("{caught_up:?}"),
        () = place.disk.hangs.notified() => {}
    }
    place.disk.release();
    onlooker.catch_up(&place.world.cx).await.unwrap();
    assert_eq!(known(onlooker.inventory()), known(engine.inventory()));
    assert!(place.disk.reads() > before);
}

#[tokio::test]
async fn an_engine_that_is_closed_waits_for_its_writes_where_others_of_the_same_thread_go_on() {
    let place = Place::new();
    let mut engine = place.engine().await;
    place.disk.hang_after(writes_until(&place, "Intent").await);
    assert!(place.reconcile_until_it_hangs(&mut engine).await);
    let closing = engine.close();
    tokio::pin!(closing);
    assert!(closing.as_mut().now_or_never().is_none(), "a write is under way");
    assert_eq!(tokio::spawn(async { "here" }).await.unwrap(), "here");
    assert!(!is_free(place.folder.path()));
    place.disk.release();
    closing.await;
    assert!(is_free(place.folder.path()));
}

/// A target that answers one change at once, after which the disk hangs, and the others when it is told to.
struct Slow {
    inner: Arc<Memory>,
    disk: Arc<Disk>,
    goes_on: Notify,
}

#[async_trait]
impl Target for Slow {
    fn info(&self) -> TargetInfo {
        self.inner.info().concurrency(2)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match change.key().name() {
            "a" => self.disk.hang_after(0),
            _ => self.goes_on.notified().await,
        }
        self.inner.apply(cx, change).await
    }
}

#[tokio::test]
async fn while_a_write_hangs_what_was_sent_goes_on() {
    let place = Place::new();
    place.world.declare(&[("a", "1"), ("c", "1")]);
    let (inner, disk) = (place.world.memory.clone(), place.disk.clone());
    let slow = Arc::new(Slow { inner, disk, goes_on: Notify::new() });
    let folder = StateDir::open(place.folder.path(), &place.world.cx).unwrap();
    let journal = Journal(folder.journal_io(), place.disk.clone());
    let builder = place.world.builder("test").target("t", slow.clone());
    let builder = builder.state(State::from(folder).with_journal(journal));
    let mut engine = builder.open(&place.world.cx).await.unwrap();
    let mut reconciling = Box::pin(engine.reconcile(&place.world.cx));
    tokio::select! {
        biased;
        report = &mut reconciling => panic!("{report:?}"),
        () = place.disk.hangs.notified() => {}
    }
    assert_eq!(place.world.memory.writes(), 1);
    slow.goes_on.notify_one();
    let waits = (&mut reconciling).now_or_never().is_none();
    let writes = place.world.memory.writes();
    place.disk.release();
    assert!(waits, "for the disk");
    assert_eq!(writes, 2);
    assert_eq!(reconciling.await.unwrap().applied(), 2);
    place.assert_all_is_owned(&engine, "at the end");
}

#[test]
fn all_of_it_works_where_tasks_can_not_move() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let place = Place::new();
        let mut engine = place.engine().await;
        engine.reconcile(&place.world.cx).await.unwrap();
        place.assert_all_is_owned(&engine, "at the end");
    });
}

/// Each write of a first reconciliation in turn: the caller goes away in the middle of it.
#[tokio::test]
async fn a_caller_that_goes_away_during_a_write_loses_nothing_and_forgets_nothing() {
    for writes in 0.. {
        let (place, when) = (Place::new(), format!("after {writes} writes"));
        let mut engine = place.engine().await;
        place.disk.hang_after(writes);
        if !place.reconcile_until_it_hangs(&mut engine).await {
            assert!(writes >= 8, "there were {writes} writes");
            return;
        }
        place.disk.release();
        engine.plan(&place.world.cx).await.unwrap();
        assert_eq!(known(engine.inventory()), before(&place, &engine).await, "{when}");
        engine.reconcile(&place.world.cx).await.unwrap();
        place.assert_all_is_owned(&engine, &when);
        assert_eq!(known(engine.inventory()), place.stored().await, "{when}");
        drop(engine);
        place.assert_all_is_owned(&place.engine().await, &when);
    }
}

/// What is stored; where nothing is, a new inventory whose owner was not written yet.
async fn before(place: &Place, engine: &Engine) -> String {
    let stored = place.stored().await;
    if stored.is_empty() { known(engine.inventory()) } else { stored }
}

#[tokio::test]
async fn what_an_absent_caller_wrote_is_known_to_each_of_the_next_calls() {
    // Of the two objects, one was made, and its outcome is being written.
    let place = Place::new();
    let mut engine = place.engine().await;
    let outcome = writes_until(&place, "Outcome").await;
    place.disk.hang_after(outcome);
    assert!(place.reconcile_until_it_hangs(&mut engine).await);
    place.disk.release();
    let a = support::key("a");
    engine.release(&place.world.cx, &a, "ana").await.unwrap();
    assert!(engine.inventory().entries().contains(&a));
}

/// After how many writes a record of a kind is written, in an application like this one.
async fn writes_until(place: &Place, kind: &str) -> usize {
    for writes in 0.. {
        let like = Place::new();
        let mut engine = like.engine().await;
        like.disk.hang_after(writes);
        assert!(like.reconcile_until_it_hangs(&mut engine).await, "no {kind} was written");
        let written = std::fs::read(like.folder.path().join("journal")).unwrap_or_default();
        like.disk.release();
        if String::from_utf8_lossy(&written).contains(&format!("\"record\":\"{}\"", kind.to_lowercase())) {
            return writes;
        }
    }
    unreachable!("{:?}", place.folder)
}

#[tokio::test]
async fn a_disk_that_fails_an_absent_caller_is_told_to_the_next_one_and_written_no_more() {
    let place = Place::new();
    let mut engine = place.engine().await;
    place.disk.hang_after(writes_until(&place, "Intent").await);
    assert!(place.reconcile_until_it_hangs(&mut engine).await);
    place.disk.fail();
    let error = engine.reconcile(&place.world.cx).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Storage && error.to_string().contains("the disk failed"), "{error:?}");
    let refused = engine.reconcile(&place.world.cx).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    assert_eq!(place.world.memory.writes(), 0);
    drop(engine);
    place.disk.now.lock().unwrap().fails = false;
    let mut engine = place.engine().await;
    engine.reconcile(&place.world.cx).await.unwrap();
    place.assert_all_is_owned(&engine, "with a disk that works");
}

/// Whether nobody has a state folder.
fn is_free(folder: &Path) -> bool {
    let lock = File::options().write(true).open(folder.join("lock")).unwrap();
    lock.try_lock().is_ok()
}

/// Drops an engine while a write of it hangs, and says whether its folder was ever free before that was released.
fn drops_while_it_hangs(engine: Engine, folder: &Path, release: impl FnOnce() + Send) -> bool {
    thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let was_free = (0..1000).any(|_| is_free(folder));
            release();
            was_free
        });
        drop(engine);
        watching.join().unwrap()
    })
}

#[tokio::test]
async fn the_folder_is_given_up_after_the_write_that_is_under_way() {
    let place = Place::new();
    let mut engine = place.engine().await;
    place.disk.hang_after(writes_until(&place, "Intent").await);
    assert!(place.reconcile_until_it_hangs(&mut engine).await);
    assert!(!drops_while_it_hangs(engine, place.folder.path(), || place.disk.release()));
    assert!(is_free(place.folder.path()));
    let mut engine = place.engine().await;
    engine.reconcile(&place.world.cx).await.unwrap();
    place.assert_all_is_owned(&engine, "after the next start");
}

#[tokio::test]
async fn the_folder_is_given_up_after_the_document_that_is_under_way() {
    let place = Place::new();
    place.engine().await.reconcile(&place.world.cx).await.unwrap();
    let folder = StateDir::open(place.folder.path(), &place.world.cx).unwrap();
    let store = Arc::new(Begins { inner: folder.store(), begun: Notify::new() });
    let state = State::from(folder).with_store(store.clone());
    let builder = place.world.builder("test").target("t", place.world.memory.clone()).state(state);
    let mut engine = builder.open(&place.world.cx).await.unwrap();
    engine.plan(&place.world.cx).await.unwrap();
    let others = File::options().write(true).open(place.folder.path().join("store/.lock")).unwrap();
    others.lock().unwrap();
    tokio::select! {
        biased;
        suspended = engine.suspend(&place.world.cx, "to see", "ana") => panic!("{suspended:?}"),
        () = store.begun.notified() => {}
    }
    assert!(!drops_while_it_hangs(engine, place.folder.path(), || others.unlock().unwrap()));
    assert!(is_free(place.folder.path()));
}

/// A store that says when a document is being replaced.
struct Begins {
    inner: Arc<FileStore>,
    begun: Notify,
}

#[async_trait]
impl StateStore for Begins {
    async fn load(&self, cx: &Cx, name: &str) -> Result<Option<Stored>> {
        self.inner.load(cx, name).await
    }

    async fn swap(&self, cx: &Cx, name: &str, expect: Option<&Version>, to: Document) -> Result<Version> {
        let mut swapping = self.inner.swap(cx, name, expect, to);
        if let Some(swapped) = (&mut swapping).now_or_never() {
            return swapped;
        }
        self.begun.notify_one();
        swapping.await
    }
}

/// Somebody stops an application whose process waits for the disk: each write of a first reconciliation in turn.
#[tokio::test]
async fn what_another_process_asks_during_a_write_is_done_once_and_after_it() {
    for writes in 0..8 {
        let (place, when) = (Place::new(), format!("after {writes} writes"));
        let mut engine = place.engine().await;
        let cx = place.world.cx.within(Duration::from_secs(60)).child();
        place.disk.hang_after(writes);
        let asking = async {
            place.disk.hangs.notified().await;
            let store = StateDir::peek(place.folder.path()).unwrap().store_to_ask().unwrap();
            let requests = Requests::new(Arc::new(store), "test");
            let suspend = Request::Suspend { reason: "incident 17".to_owned() };
            let ticket = requests.ask(&cx, "ana", suspend).await.unwrap();
            assert_eq!(requests.answer(&cx, &ticket).await.unwrap(), None, "{when}");
            place.disk.release();
            requests.answered(&cx, &ticket).await.unwrap();
            cx.cancel();
        };
        let (ran, ()) = tokio::join!(engine.run(&cx, Duration::from_secs(3600)), asking);
        ran.unwrap();
        assert_eq!(known(engine.inventory()), place.stored().await, "{when}");
        drop(engine);
        let audited = std::fs::read_to_string(place.folder.path().join("audit.jsonl")).unwrap();
        let stops = audited.lines().filter(|line| line.contains("incident 17"));
        let stops: Vec<&str> = stops.collect();
        assert!(stops.len() == 1 && stops[0].contains("\"ana\""), "{when}: {stops:?}");
        // The next process is stopped, and knows of all that was made.
        let mut next = place.engine().await;
        let error = next.reconcile(&place.world.cx).await.unwrap_err();
        assert!(error.to_string().contains("incident 17"), "{when}: {error}");
        let owned: Vec<Key> = next.inventory().entries().keys().cloned().collect();
        let made = place.world.memory.keys();
        assert!(made.iter().all(|key| owned.contains(key)), "{when}: {made:?} of {owned:?}");
    }
}
