//! Approvals that outlive the process, and are worth as much as the effect that was approved.
// Long because an approval is followed from its gift to its end in one world.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use support::{World, key, owned};

const TEN: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

fn files(names: &[&'static str], content: &'static str) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|name| (*name, content)).collect()
}

fn bo() -> Approver {
    Approver::new("bo", Through::Review { review: "forge/17".into() })
}

/// Ten objects are applied, and then some are declared no more.
async fn ten_of_which_stay(names: &[&'static str]) -> World {
    let world = World::with(&files(&TEN, "1"));
    world.converge().await;
    world.declare(&files(names, "1"));
    world
}

/// Another process plans, and somebody approves that.
async fn approve(world: &World) -> Plan {
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let approval = engine.approval_of(&world.cx, &plan, bo()).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();
    plan
}

fn names(world: &World) -> Vec<String> {
    world.memory.keys().iter().map(|key| key.name().to_owned()).collect()
}

fn messages(verdict: &Verdict) -> Vec<&str> {
    verdict.messages().iter().map(|note| note.message.as_str()).collect()
}

#[tokio::test]
async fn an_approval_lifts_its_finding_in_a_later_process_and_is_spent_with_the_effect() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve(&world).await;
    let report = world.engine().await.reconcile(&world.cx).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(names(&world), ["a", "b"]);
    // The same mass deletion again is not approved: what was approved is done.
    world.declare(&files(&TEN, "1"));
    world.converge().await;
    world.declare(&files(&["a", "b"], "1"));
    let mut engine = world.engine().await;
    assert!(engine.inventory().approvals().is_empty());
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), names(&world).len()), (0, 10));
}

#[tokio::test]
async fn who_approved_is_in_the_audit_log_beside_what_was_done() {
    let world = ten_of_which_stay(&["a"]).await;
    let plan = approve(&world).await;
    world.engine().await.reconcile(&world.cx).await.unwrap();
    let entries = world.audit.entries();
    let approved = entries.iter().find_map(|entry| match &entry.what {
        AuditEvent::Approved { plan, steps, by, .. } => Some((*plan, *steps, by.to_string())),
        _ => None,
    });
    assert_eq!(approved, Some((plan.id, 9, "bo, review forge/17".to_owned())));
    let last = entries.iter().rev().find_map(|entry| match &entry.what {
        AuditEvent::SyncStarted { approved_by, .. } => Some(approved_by.clone()),
        _ => None,
    });
    assert_eq!(last, Some(Some("bo (forge/17)".to_owned())));
}

#[tokio::test]
async fn what_needs_nobodys_approval_goes_on_beside_what_does() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    world.declare(&[("a", "2"), ("b", "1"), ("new", "1")]);
    let mut engine = world.engine().await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(report.applied(), 2, "the update and the creation are done: {report:?}");
    assert!(!report.is_converged(), "and the deletions are blocked, which counts");
    let blocked: BTreeSet<&str> = report.plan.obstacles().map(|(blocked, _)| blocked.key.name()).collect();
    assert_eq!(blocked, BTreeSet::from(["c", "d", "e", "f", "g", "h", "i", "j"]));
    assert!(report.plan.obstacles().all(|(_, obstacle)| obstacle == Obstacle::Approval));
    assert_eq!(names(&world).len(), 11);
    let status = engine.handle().status().borrow().clone();
    assert_eq!((status.sync, status.blocked.len()), (SyncStatus::OutOfSync, 8));
    assert_eq!(status.awaits_approval.len(), 1);
}

/// What was made beside a deletion that waits must not make that deletion a small one.
#[tokio::test]
async fn a_deletion_that_waits_stays_a_large_one_however_much_is_made_meanwhile() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    let made: Vec<String> = (0..40).map(|n| format!("n{n:02}")).collect();
    let files: Vec<(&str, &str)> = made.iter().map(|name| (name.as_str(), "1")).collect();
    world.declare(&files);
    // All that there was is deleted: that waits, in this process, in later ones, and when another commit comes.
    for _ in 0..3 {
        let report = world.engine().await.reconcile(&world.cx).await.unwrap();
        assert_eq!(report.plan.obstacles().count(), 2, "{report:?}");
    }
    world.declare(&files[..39]);
    let report = world.engine().await.reconcile(&world.cx).await.unwrap();
    assert!(report.plan.obstacles().count() >= 2 && !report.is_converged());
    assert!(names(&world).contains(&"a".to_owned()) && names(&world).contains(&"b".to_owned()));
}

#[tokio::test]
async fn an_approval_outlives_another_revision_as_far_as_the_effect_does() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    let shown = approve(&world).await;
    // Another revision, which changes something else.
    world.declare(&[("a", "1"), ("b", "1"), ("new", "1")]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_ne!((shown.id, &shown.revision), (plan.id, &plan.revision));
    let verdict = engine.verdict(&world.cx, &plan);
    assert!(matches!(verdict, Verdict::Warn { .. }), "{verdict:?}");
    assert!(messages(&verdict)[0].starts_with("approved by bo, review forge/17: "), "{verdict:?}");
    assert!(engine.apply(&world.cx, &plan, &ApplyOptions::by("ci")).await.unwrap().is_converged());
}

/// Met with a large deletion that was approved and taken back in the source before it was done: the same deletion passed weeks
/// later, and nobody was asked.
#[tokio::test]
async fn what_the_source_takes_back_takes_its_approval_along() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve_as(&world, Approver::new("ada", Through::Terminal { uid: 7 })).await;
    // Another commit beside it leaves the approval alone.
    world.declare(&[("a", "1"), ("b", "1"), ("new", "1")]);
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(!matches!(engine.verdict(&world.cx, &plan), Verdict::NeedsApproval { .. }), "{plan:?}");
    drop(engine);
    let mut reverted = files(&TEN, "1");
    reverted.push(("new", "1"));
    world.declare(&reverted);
    world.converge().await;
    world.declare(&[("a", "1"), ("b", "1"), ("new", "1")]);
    let mut later = world.engine().await;
    let plan = later.plan(&world.cx).await.unwrap();
    assert!(matches!(later.verdict(&world.cx, &plan), Verdict::NeedsApproval { .. }), "{plan:?}");
    drop(later);
    world.declare(&reverted);
    world.converge().await;
    world.declare(&files(&["a", "b"], "1"));

    // What was approved on a request may be merged later: what is applied before it takes nothing away.
    approve(&world).await;
    reverted[0].1 = "2";
    world.declare(&reverted);
    world.converge().await;
    world.declare(&files(&["a", "b"], "1"));
    assert!(world.converge().await.is_converged());
    assert_eq!(names(&world), ["a", "b"]);
}

#[tokio::test]
async fn one_more_deletion_than_was_approved_asks_again_and_says_so() {
    let world = ten_of_which_stay(&["a", "b", "c"]).await;
    approve(&world).await;
    world.declare(&files(&["a", "b"], "1"));
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    assert!(matches!(verdict, Verdict::NeedsApproval { .. }), "{verdict:?}");
    let error = engine.apply(&world.cx, &plan, &ApplyOptions::by("ci")).await.unwrap_err();
    assert_eq!((error.kind(), names(&world).len()), (ErrorKind::NeedsApproval, 10));
}

#[tokio::test]
async fn two_small_approvals_never_make_a_large_deletion() {
    let world = ten_of_which_stay(&["a", "b", "c", "d", "e"]).await;
    let mut engine = world.engine().await;
    let five = engine.plan(&world.cx).await.unwrap();
    // Five need nobody's approval; that somebody approved them all the same makes them no part of a larger one.
    engine.approve(&world.cx, engine.approval_of(&world.cx, &five, bo()).unwrap()).await.unwrap();
    world.declare(&files(&["f", "g", "h", "i", "j"], "1"));
    let other = engine.plan(&world.cx).await.unwrap();
    engine.approve(&world.cx, engine.approval_of(&world.cx, &other, bo()).unwrap()).await.unwrap();
    world.declare(&files(&["a"], "1"));
    let all = engine.plan(&world.cx).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &all), Verdict::NeedsApproval { .. }));
}

#[tokio::test]
async fn an_object_that_moved_where_the_plan_changes_it_voids_the_approval_with_its_reason() {
    // The target's own gate wants every update of `a` approved.
    let updates = || {
        Arc::new(gate("updates", 1, |proposal: &Proposal<'_>| {
            let updated = proposal.plan.steps.iter().filter(|step| step.action == Action::Update);
            match updated.map(|step| step.key.clone()).collect::<Vec<_>>() {
                keys if keys.is_empty() => Verdict::Allow,
                keys => Verdict::needs_approval("updates", "something is updated").naming(keys),
            }
        }))
    };
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    world.declare(&[("a", "2")]);
    let mut engine = world.open_with(|builder| builder.gate(updates()), "test").await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    let approval = engine.approval_of(&world.cx, &plan, bo()).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::Warn { .. }));
    // Somebody else sets the field that the plan changes.
    world.memory.edit(&key("a"), Some(support::body("theirs")));
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    assert!(matches!(verdict, Verdict::NeedsApproval { .. }), "{verdict:?}");
    assert!(messages(&verdict)[0].contains("an earlier approval does not cover it"), "{verdict:?}");
    assert!(messages(&verdict)[0].contains("it would now have another effect"), "{verdict:?}");
    // It moves back, in another version: the effect is the approved one again.
    world.memory.edit(&key("a"), Some(support::body("1")));
    let plan = engine.plan(&world.cx).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::Warn { .. }));
    // A gate with another rule asks again.
    let stricter = Arc::new(gate("updates", 2, |proposal: &Proposal<'_>| {
        let keys = proposal.plan.steps.iter().map(|step| step.key.clone());
        Verdict::needs_approval("updates", "something is updated").naming(keys)
    }));
    drop(engine);
    let mut engine = world.open_with(|builder| builder.gate(stricter), "test").await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    assert!(matches!(verdict, Verdict::NeedsApproval { .. }));
    assert!(messages(&verdict)[0].contains("the gate has another rule now"), "{verdict:?}");
}

#[tokio::test]
async fn a_rejection_a_pin_and_the_end_of_its_time_void_an_approval() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve(&world).await;
    let mut engine = world.engine().await;
    engine.reject(&world.cx, None, "not on a Friday", "ana").await.unwrap();
    assert!(engine.inventory().approvals().is_empty());
    let plan = engine.plan(&world.cx).await.unwrap();
    let now = world.cx.now();
    let approval = engine.approval_of(&world.cx, &plan, bo()).unwrap().until(Some(now));
    let error = engine.approve(&world.cx, approval.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let soon = approval.until(Some(now.after(Duration::from_secs(3600))));
    engine.approve(&world.cx, soon.clone()).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::Warn { .. }));
    assert!(soon.is_valid(now) && !soon.is_valid(now.after(Duration::from_secs(3600))));
}

#[tokio::test]
async fn a_step_that_was_done_is_spent_and_the_rest_stays_approved() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve(&world).await;
    world.refuse("c");
    let report = world.engine().await.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), names(&world)), (7, ["a", "b", "c"].map(str::to_owned).to_vec()));
    let engine = world.engine().await;
    let left: Vec<Key> =
        engine.inventory().approvals().iter().flat_map(|approval| approval.effect.keys()).cloned().collect();
    assert_eq!(left, [key("c")]);
    drop(engine);
    world.allow();
    assert!(world.engine().await.reconcile(&world.cx).await.unwrap().is_converged());
}

#[tokio::test]
async fn a_suspended_application_is_looked_at_and_not_written() {
    let world = World::with(&[("a", "1")]);
    world.converge().await;
    let mut engine = world.engine().await;
    assert_eq!(engine.suspend(&world.cx, " ", "ana").await.unwrap_err().kind(), ErrorKind::Invalid);
    engine.suspend(&world.cx, "incident 17", "ana").await.unwrap();
    drop(engine);
    world.declare(&[("a", "2")]);
    // Another process finds it suspended: it plans, and writes nothing for anybody.
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    for error in [
        engine.apply(&world.cx, &plan, &support::yes()).await.unwrap_err(),
        engine.reconcile(&world.cx).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("suspended by ana since"), "{error}");
        assert!(error.to_string().contains("incident 17"), "{error}");
    }
    assert_eq!(world.contents(), [owned(("a", "1"))]);
    engine.resume(&world.cx, "ana").await.unwrap();
    assert_eq!(engine.resume(&world.cx, "ana").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
}

/// A gate that says the same of every plan.
fn always(verdict: impl Fn() -> Verdict + Send + Sync + 'static) -> Arc<dyn Gate> {
    Arc::new(gate("always", 1, move |_: &Proposal<'_>| verdict()))
}

async fn gated(world: &World, verdict: impl Fn() -> Verdict + Send + Sync + 'static) -> Engine {
    world.open_with(|builder| builder.gate(always(verdict)), "test").await.unwrap()
}

#[tokio::test]
async fn a_finding_about_the_whole_plan_is_lifted_only_while_there_is_something_to_approve() {
    let world = World::with(&[("a", "1")]);
    let mut engine = gated(&world, || Verdict::needs_approval("always", "the freeze is on")).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.approve(&world.cx, engine.approval_of(&world.cx, &plan, bo()).unwrap()).await.unwrap();
    assert!(matches!(engine.verdict(&world.cx, &plan), Verdict::Warn { .. }));
    // The source declares nothing any more: what was approved is no part of that.
    world.declare(&[]);
    let nothing = engine.plan(&world.cx).await.unwrap();
    assert!(nothing.is_empty(), "{nothing:?}");
    assert!(matches!(engine.verdict(&world.cx, &nothing), Verdict::NeedsApproval { .. }));
}

#[tokio::test]
async fn a_finding_that_names_no_step_stops_all_of_the_plan_until_it_is_approved() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    world.converge().await;
    world.declare(&[("a", "2"), ("b", "1")]);
    // It names an object that does not change.
    let finding = || Verdict::needs_approval("always", "b has no owner").naming([key("b")]);
    let mut engine = gated(&world, finding).await;
    let error = engine.reconcile(&world.cx).await.unwrap_err();
    assert_eq!((error.kind(), world.contents()[0].1.as_str()), (ErrorKind::NeedsApproval, "1"));
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.approve(&world.cx, engine.approval_of(&world.cx, &plan, bo()).unwrap()).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().applied() == 1);
}

#[tokio::test]
async fn a_warning_beside_a_finding_of_one_gate_asks_for_nothing() {
    let world = World::with(&[("a", "1"), ("b", "1")]);
    let both = || {
        let warning = Verdict::warn("always", "a is old").naming([key("a")]);
        warning.and(Verdict::needs_approval("always", "b is new").naming([key("b")]))
    };
    let mut engine = gated(&world, both).await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(names(&world), ["a"], "what only a warning names goes on: {report:?}");
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    let findings: Vec<&str> = verdict.findings().map(|note| note.message.as_str()).collect();
    assert_eq!((findings, verdict.messages().len()), (vec!["b is new"], 2), "{verdict:?}");
}

#[tokio::test]
async fn what_is_blocked_is_told_of_also_when_a_gate_denies_the_plan() {
    let world = World::with(&[("a", "1")]);
    world.memory.edit(&key("a"), Some(support::body("theirs")));
    let mut engine = gated(&world, || Verdict::deny("always", "never")).await;
    assert_eq!(engine.reconcile(&world.cx).await.unwrap_err().kind(), ErrorKind::Denied);
    let blocked = world.events().into_iter().any(|event| matches!(event, Event::Blocked { .. }));
    assert!(blocked, "{:?}", world.events());
}

#[tokio::test]
async fn a_rejection_is_known_to_another_machine_that_goes_on_from_the_store() {
    let store = support::Shared::new();
    let world = World::with(&files(&TEN, "1")).sharing(&store).recovering();
    world.converge().await;
    world.declare(&files(&["a", "b"], "1"));
    approve(&world).await;
    let other = world.other_machine();
    assert_eq!(other.engine().await.inventory().approvals().iter().count(), 1);
    let mut engine = world.other_machine().engine().await;
    engine.reject(&world.cx, None, "not on a Friday", "ana").await.unwrap();
    drop(engine);
    assert!(world.other_machine().engine().await.inventory().approvals().is_empty());
}

/// Says of each approval of a review what it is told to say, and remembers who was asked about.
#[derive(Default)]
struct Asks {
    answers: std::sync::Mutex<std::collections::BTreeMap<&'static str, Result<ApprovalState, &'static str>>>,
    asked: std::sync::Mutex<Vec<String>>,
}

#[async_trait]
impl ApprovalCheck for Asks {
    async fn check(&self, _: &Cx, _: &Plan, approval: &Approval) -> Result<ApprovalState> {
        self.asked.lock().unwrap().push(approval.by.name.clone());
        match self.answers.lock().unwrap().get(approval.by.name.as_str()) {
            Some(Err(away)) => Err(Error::new(ErrorKind::Unavailable, *away)),
            Some(Ok(state)) => Ok(state.clone()),
            None => Ok(ApprovalState::Stands),
        }
    }
}

impl Asks {
    fn says(&self, who: &'static str, answer: Result<ApprovalState, &'static str>) {
        self.answers.lock().unwrap().insert(who, answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn asking(world: &World, asks: &Arc<Asks>) -> Engine {
    let asks = asks.clone();
    world.open_with(|builder| builder.approval_check(asks), "test").await.unwrap()
}

async fn approve_as(world: &World, by: Approver) {
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();
}

#[tokio::test]
async fn what_was_taken_back_where_nobody_heard_of_it_is_not_applied_and_every_process_knows() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve(&world).await;
    let asks = Arc::new(Asks::default());
    asks.says("bo", Ok(ApprovalState::Withdrawn("bo asks for changes (review 3)".to_owned())));
    let report = asking(&world, &asks).await.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), names(&world).len()), (0, 10));
    let rejected = world.audit.entries().into_iter().find_map(|entry| match entry.what {
        AuditEvent::Rejected { reason, .. } => Some((entry.actor, reason)),
        _ => None,
    });
    let reason = "the approval by bo, review forge/17: bo asks for changes (review 3)".to_owned();
    assert_eq!(rejected, Some(("forge/17".to_owned(), reason)));
    // One that nobody asks finds nothing to go by.
    let mut engine = world.engine().await;
    assert!(engine.inventory().approvals().is_empty());
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().applied(), 0);
}

#[tokio::test]
async fn while_nobody_can_say_whether_an_approval_stands_it_lifts_nothing_and_the_rest_goes_on() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    world.declare(&[("a", "2"), ("b", "1")]);
    approve(&world).await;
    let asks = Arc::new(Asks::default());
    asks.says("bo", Err("the forge is away"));
    let mut engine = asking(&world, &asks).await;
    let report = engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), names(&world).len()), (1, 10), "the update needs nobody: {report:?}");
    let waits = engine.handle().status().borrow().awaits_approval.clone();
    assert!(waits[0].message.contains("approved by bo"), "{waits:?}");
    assert!(waits[0].message.contains("can't be asked: the forge is away"), "{waits:?}");
    assert_eq!(engine.inventory().approvals().iter().count(), 1, "it is kept");
    // Who only looks says the same, once it knows what this one could not ask.
    let doubts = engine.handle().status().borrow().doubts.clone();
    let mut looking = world.engine().await;
    let plan = looking.plan(&world.cx).await.unwrap();
    assert_eq!(looking.verdict(&world.cx, &plan).findings().count(), 0);
    looking.doubted_elsewhere(doubts);
    assert_eq!(
        looking.verdict(&world.cx, &plan).findings().collect::<Vec<_>>(),
        waits.iter().collect::<Vec<_>>()
    );
    asks.says("bo", Ok(ApprovalState::Stands));
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert!(engine.handle().status().borrow().doubts.is_empty());
    assert_eq!(names(&world), ["a", "b"]);
    // Where nothing needs an approval, nobody is asked.
    asks.asked();
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(asks.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_approved_for_something_else_with_the_same_effect_is_kept_for_that() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve(&world).await;
    let asks = Arc::new(Asks::default());
    asks.says("bo", Ok(ApprovalState::GivenElsewhere("forge/17 is not merged".to_owned())));
    let mut engine = asking(&world, &asks).await;
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().applied(), 0);
    let waits = engine.handle().status().borrow().awaits_approval.clone();
    let why = "approved by bo, review forge/17; which was given for something else: forge/17 is not merged";
    assert!(waits[0].message.contains(why), "{waits:?}");
    asks.says("bo", Ok(ApprovalState::Stands));
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    assert_eq!(names(&world), ["a", "b"]);
}

#[tokio::test]
async fn what_was_approved_at_the_state_is_not_asked_about_and_one_that_stands_does() {
    let world = ten_of_which_stay(&["a", "b"]).await;
    let asks = Arc::new(Asks::default());
    asks.says("bo", Err("the forge is away"));
    approve(&world).await;
    approve_as(&world, Approver::new("root", Through::Terminal { uid: 0 })).await;
    let report = asking(&world, &asks).await.reconcile(&world.cx).await.unwrap();
    assert!(report.is_converged(), "{report:?}");

    // Of two reviews the younger one does not stand, and the other one does.
    let world = ten_of_which_stay(&["a", "b"]).await;
    approve_as(&world, Approver::new("carol", Through::Review { review: "forge/8: 1".into() })).await;
    approve(&world).await;
    asks.says("bo", Ok(ApprovalState::Withdrawn("the request was closed".to_owned())));
    asks.asked();
    let report = asking(&world, &asks).await.reconcile(&world.cx).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(asks.asked(), ["bo", "carol", "carol"]);
}
