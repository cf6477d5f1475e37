//! After a crash in the middle of a creation, an object was left alone for twenty minutes, and nobody said why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use gitops_core::*;

use crate::support::{World, key, yes};

const HOUR: Duration = Duration::from_secs(3600);

/// What becomes of the first change.
#[derive(Clone, Copy, PartialEq)]
enum Loses {
    /// It never arrives.
    Request,
    /// It is made, and nobody hears of it.
    Answer,
}

/// A target that loses its first change, and says how long one may still be on its way.
struct Lossy {
    memory: Arc<Memory>,
    recovery_class: RecoveryClass,
    lands_within: Duration,
    loses: Loses,
    has_lost: AtomicBool,
    /// Whether what is there is on its way out.
    goes: AtomicBool,
}

#[async_trait]
impl Target for Lossy {
    fn info(&self) -> TargetInfo {
        self.memory.info().recovery_class(self.recovery_class).lands_within(self.lands_within)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = self.memory.observe(cx, scope).await?;
        if self.goes.load(SeqCst) {
            found.iter_mut().for_each(|live| live.presence = Presence::Deleting);
        }
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let lost = || Err(Error::new(ErrorKind::Unavailable, "no answer").outcome_unknown());
        match (self.has_lost.swap(true, SeqCst), self.loses) {
            (true, _) => self.memory.apply(cx, change).await,
            (false, Loses::Request) => lost(),
            (false, Loses::Answer) => self.memory.apply(cx, change).await.and_then(|_| lost()),
        }
    }
}

/// The plan, and the status after it, of the process that comes after the one whose creation was lost.
async fn plan_of_the_next(lands_within: Duration, loses: Loses) -> (World, Plan, Vec<BlockedObject>) {
    let (world, folder) = (World::with(&[("a", "1")]), tempfile::tempdir().unwrap());
    let (recovery_class, memory) = (RecoveryClass::Discoverable, world.memory.clone());
    let lossy =
        Lossy { memory, recovery_class, lands_within, loses, has_lost: false.into(), goes: false.into() };
    let lossy = Arc::new(lossy);
    let open = async || {
        let state = StateDir::open(&folder.path().join("state"), &world.cx).unwrap();
        world.builder("test").target("t", lossy.clone()).state(state).open(&world.cx).await.unwrap()
    };
    let mut engine = open().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    drop(engine);
    let mut next = open().await;
    let plan = next.plan(&world.cx).await.unwrap();
    let blocked = next.handle().status().borrow().blocked.clone();
    (world, plan, blocked)
}

#[tokio::test]
async fn who_has_to_wait_for_a_lost_creation_is_told_until_when() {
    let (world, plan, blocked) = plan_of_the_next(HOUR, Loses::Request).await;
    let [Blocked { why: BlockedBecause::Quarantined { until: Some(until) }, .. }] = &plan.blocked[..] else {
        panic!("{:?}", plan.blocked)
    };
    assert!(plan.steps.is_empty());
    let left = until.since(world.cx.now());
    assert!(left <= HOUR && !left.is_zero(), "an hour from when the other process was gone: {left:?}");
    assert!(plan.blocked[0].why.to_string().contains(&until.to_string()));
    let [blocked] = &blocked[..] else { panic!("{blocked:?}") };
    assert!(blocked.reason.contains(&until.to_string()), "the status says it too: {blocked:?}");
}

/// Its list by owner shows it, so the hour need not pass.
#[tokio::test]
async fn a_creation_that_the_target_shows_is_in_doubt_no_longer() {
    let (_, plan, blocked) = plan_of_the_next(HOUR, Loses::Answer).await;
    assert!(plan.blocked.is_empty() && plan.steps.is_empty() && blocked.is_empty(), "{plan:?}");
}

#[tokio::test]
async fn a_target_that_can_say_what_landed_ends_the_wait_with_the_next_process() {
    let (_, plan, _) = plan_of_the_next(Duration::ZERO, Loses::Request).await;
    assert_eq!(plan.blocked, []);
    assert_eq!(plan.steps.iter().map(|step| &step.key).collect::<Vec<_>>(), [&key("a")]);
}

/// In the process that sent it, and where another machine may have sent it, its sender is not known to be gone: it may land until the
/// time of its call is over, whatever the target says of itself.
#[tokio::test]
async fn a_creation_whose_sender_may_be_at_work_is_in_doubt_until_its_call_is_over() {
    let world = World::with(&[("a", "1")]);
    let lossy = Lossy {
        memory: world.memory.clone(),
        recovery_class: RecoveryClass::Discoverable,
        lands_within: Duration::ZERO,
        loses: Loses::Request,
        has_lost: false.into(),
        goes: false.into(),
    };
    let (lossy, store) = (Arc::new(lossy), Arc::new(MemoryStore::new()));
    let journal = internals::journal::MemoryJournalIo::default();
    let open = async || {
        let state = State::in_memory().with_store(store.clone()).with_journal(journal.clone());
        let builder = world.builder("test").target("t", lossy.clone()).call_timeout(HOUR);
        builder.state(state).open(&world.cx).await.unwrap()
    };
    let mut first = open().await;
    let plan = first.plan(&world.cx).await.unwrap();
    first.apply(&world.cx, &plan, &yes()).await.unwrap();
    for engine in [&mut first, &mut open().await] {
        let plan = engine.plan(&world.cx).await.unwrap();
        let [Blocked { why: BlockedBecause::Quarantined { until: Some(until) }, .. }] = &plan.blocked[..]
        else {
            panic!("{plan:?}")
        };
        let left = until.since(world.cx.now());
        assert!(left > HOUR / 2 && left <= HOUR, "{left:?}");
    }
}

/// It left the source before its creation landed. Were it forgotten, it would be nobody's once it came.
#[tokio::test]
async fn what_left_the_source_is_known_while_its_creation_may_land() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let (recovery_class, memory) = (RecoveryClass::Keyed, world.memory.clone());
    let lossy = Lossy {
        memory,
        recovery_class,
        lands_within: HOUR,
        loses: Loses::Request,
        has_lost: false.into(),
        goes: false.into(),
    };
    let mut engine = world.builder("test").target("t", Arc::new(lossy)).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    let lost: Vec<Key> = engine.inventory().open().map(|intent| intent.key.clone()).collect();
    let [lost] = &lost[..] else { panic!("{lost:?}") };
    let stays = if lost == &key("a") { "b" } else { "a" };
    world.declare(&[(stays, "1")]);
    for _ in 0..2 {
        let plan = engine.plan(&world.cx).await.unwrap();
        engine.apply(&world.cx, &plan, &yes()).await.unwrap();
        assert!(engine.inventory().is_open(lost), "it may still come");
    }
}

/// `history` and `audit show` said of a killed apply for good that the next reconciliation looks it up, also after it had.
#[tokio::test]
async fn what_was_looked_up_is_in_the_audit_log() {
    let world = World::with(&[("a", "1")]);
    world.lose_answers();
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    drop(engine);
    world.allow();
    assert!(world.converge().await.is_converged());
    let told = world.audit.entries().into_iter().filter_map(|entry| match entry.what {
        AuditEvent::Outcome { result, detail, .. } => Some((result, detail.unwrap_or_default())),
        _ => None,
    });
    let told: Vec<(String, String)> = told.collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].0, "unknown");
    assert_eq!(told[1], ("done".to_owned(), "nobody answered; found by a look at the target".to_owned()));
}

/// Only a second creation would make a second object: an update that was lost is made again at once.
#[tokio::test]
async fn an_update_whose_answer_was_lost_waits_for_nobody() {
    let world = World::with(&[("a", "1")]);
    let lossy = Arc::new(Lossy {
        memory: world.memory.clone(),
        recovery_class: RecoveryClass::Discoverable,
        lands_within: HOUR,
        loses: Loses::Request,
        has_lost: true.into(),
        goes: false.into(),
    });
    let mut engine = world.builder("test").target("t", lossy.clone()).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    world.declare(&[("a", "2")]);
    lossy.has_lost.store(false, SeqCst);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(engine.inventory().open().count(), 1);
    // Somebody deletes it: that is what it waits for, and not an hour in which the update may land.
    lossy.goes.store(true, SeqCst);
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(
        plan.blocked.iter().map(|blocked| &blocked.why).collect::<Vec<_>>(),
        [&BlockedBecause::Deleting]
    );
    lossy.goes.store(false, SeqCst);
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((&report.plan.blocked[..], report.applied()), (&[][..], 1), "{report:?}");
    assert_eq!(world.contents(), [("a".to_owned(), "2".to_owned())]);
}
