//! Drift that nobody put back for a weekend, because a commit waited for a gate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::drift_meanwhile::Paused;
use crate::related::Related;
use crate::support::{World, body, key, owned, yes};

const MINUTE: Duration = Duration::from_secs(60);

/// A source at a revision. Of each, `a` has the name as its content, and `b` is the same in all.
struct Numbered(Mutex<&'static str>);

static EACH_IS_NEWER: Related = Related(|_, _| Relation::Newer);

#[async_trait]
impl Source for Numbered {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("numbered", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(*self.0.lock().unwrap(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("numbered", revision.clone(), [("a", revision.id()), ("b", "same")])
    }

    fn history(&self) -> Option<&dyn History> {
        Some(&EACH_IS_NEWER)
    }
}

/// Denies changes after the first revision, as a change window does; what only puts back is none.
fn window(proposal: &Proposal<'_>) -> Verdict {
    let changes = proposal.plan.steps.iter().any(|step| step.cause != Cause::Drift);
    match changes && proposal.plan.revision.id() != "1" {
        true => Verdict::deny("window", "closed until Monday"),
        false => Verdict::Allow,
    }
}

/// Denies what the second revision declares, whatever a plan of it does.
fn rule(proposal: &Proposal<'_>) -> Verdict {
    let declared = proposal.desired.and_then(|desired| desired.objects().get(&key("a")).cloned());
    match declared.is_some_and(|object| object.body == body("2")) {
        true => Verdict::deny("rule", "a must not be 2"),
        false => Verdict::Allow,
    }
}

/// Wants an approval of the plan as a whole.
fn approval(proposal: &Proposal<'_>) -> Verdict {
    window(proposal).messages().iter().fold(Verdict::Allow, |verdict, note| {
        verdict.and(Verdict::needs_approval("approval", note.message.clone()))
    })
}

/// An application that has applied the first revision, of which somebody changed `b` and deleted `a`, while the second one waits for
/// a gate.
async fn held(check: fn(&Proposal<'_>) -> Verdict) -> (World, Engine) {
    held_in(check, |memory| memory).await
}

async fn held_in<T: Target + 'static>(
    check: fn(&Proposal<'_>) -> Verdict,
    target: impl Fn(Arc<Memory>) -> Arc<T>,
) -> (World, Engine) {
    let mut world = World::with(&[]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    let source = Arc::new(Numbered(Mutex::new("1")));
    let builder = world.builder("test").source(source.clone()).target("t", target(world.memory.clone()));
    let mut engine = builder.gate(Arc::new(gate("held", 1, check))).open(&world.cx).await.unwrap();
    engine.reconcile(&world.cx).await.unwrap();
    *source.0.lock().unwrap() = "2";
    (world, engine)
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_waits_for_a_gate_keeps_nobody_from_putting_drift_back() {
    for check in [window, rule, approval] {
        let (world, mut engine) = held(check).await;
        world.memory.edit(&key("a"), None);
        world.memory.edit(&key("b"), Some(body("by hand")));
        world.clear_events();
        let handle = engine.handle();
        let cx = world.cx.within(10 * MINUTE).child();
        engine.run(&cx, MINUTE).await.unwrap();
        let events = world.events();
        assert_eq!(world.contents(), [("a", "1"), ("b", "same")].map(owned), "{events:#?}");
        assert_eq!(engine.inventory().accepted().map(Revision::id), Some("1"), "nothing new was begun");
        let failed = events.iter().filter(|event| matches!(event, Event::ReconcileFailed { .. })).count();
        assert_eq!(failed, 0, "{events:#?}");
        let told = events.iter().filter(|event| matches!(event, Event::Postponed { .. })).count();
        assert_eq!(told, 1, "{events:#?}");
        let status = handle.status().borrow().clone();
        assert!(status.postponed.as_ref().is_some_and(|why| why.contains("gate")), "{status:?}");
        assert_eq!(status.revision.as_ref().map(Revision::id), Some("2"));
        assert_eq!(status.sync, SyncStatus::OutOfSync);
    }
}

#[tokio::test]
async fn an_apply_that_a_gate_denies_puts_back_what_it_showed_as_drift() {
    for check in [window, rule] {
        let (world, mut engine) = held(check).await;
        world.memory.edit(&key("b"), Some(body("by hand")));
        let plan = engine.plan(&world.cx).await.unwrap();
        let error = engine.apply(&world.cx, &plan, &yes()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Denied && error.to_string().contains("put back: 1"), "{error}");
        assert_eq!(world.contents(), [("a", "1"), ("b", "same")].map(owned));
        assert_eq!(engine.inventory().accepted().map(Revision::id), Some("1"), "nothing new was begun");
        let plan = engine.plan(&world.cx).await.unwrap();
        let error = engine.apply(&world.cx, &plan, &yes()).await.unwrap_err();
        assert!(!error.to_string().contains("put back"), "nothing is to be put back: {error}");
    }
}

/// A target that nobody watches: nothing is looked at before the interval is over.
struct Unwatched(Arc<Memory>);

#[async_trait]
impl Target for Unwatched {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }
}

/// Of what was put back beside a commit that waits, an issue about drift was opened, and closed by the next look.
#[tokio::test(start_paused = true)]
async fn what_is_put_back_beside_a_commit_that_waits_is_shown_as_drift_no_more() {
    let (world, mut engine) = held_in(window, |memory| Arc::new(Unwatched(memory))).await;
    world.memory.edit(&key("a"), Some(body("by hand")));
    world.memory.edit(&key("b"), Some(body("by hand")));
    let handle = engine.handle();
    engine.run(&world.cx.within(MINUTE).child(), 10 * MINUTE).await.unwrap();
    assert_eq!(world.contents(), [("a", "1"), ("b", "same")].map(owned));
    let plan = handle.plans().borrow().clone().unwrap();
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.key.name(), step.cause)).collect();
    assert_eq!((steps, plan.beside.len()), (vec![("a", Cause::ThisChange)], 0), "{plan:?}");
}
