//! How changes are sent: several in one call, slow ones with word of what they are at, and to no target that nobody set up
//! (met with bulk APIs of service providers, and with databases that take an hour to be made).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::capability::{Batch, Confirmation, Import, Progress};
use gitops_core::*;

use crate::support::{World, body, key, yes};

/// Takes several changes in one call.
struct Batched {
    memory: Arc<Memory>,
    limit: usize,
    behaves: Behaves,
    /// Of how many changes each call was.
    calls: Mutex<Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Behaves {
    Well,
    LeavesTheLastOut,
    Panics,
}

impl Batched {
    fn over(world: &World, limit: usize, behaves: Behaves) -> Arc<Self> {
        Arc::new(Self { memory: world.memory.clone(), limit, behaves, calls: Mutex::default() })
    }
}

#[async_trait]
impl Target for Batched {
    fn info(&self) -> TargetInfo {
        self.memory.info().concurrency(9)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        assert_eq!(change.key().name(), "unlabelled", "it was sent alone");
        self.memory.apply(cx, change).await
    }

    fn import(&self) -> Option<&dyn Import> {
        self.memory.import()
    }

    fn batch(&self) -> Option<&dyn Batch> {
        Some(self)
    }
}

#[async_trait]
impl Batch for Batched {
    fn limit(&self) -> usize {
        self.limit
    }

    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        self.calls.lock().unwrap().push(changes.len());
        let mut answers = Vec::new();
        for change in changes {
            answers.push(self.memory.apply(cx, change).await);
        }
        match self.behaves {
            Behaves::Well => {}
            Behaves::LeavesTheLastOut => drop(answers.pop()),
            Behaves::Panics => panic!("told to panic"),
        }
        answers
    }
}

async fn over(world: &World, target: Arc<dyn Target>) -> Engine {
    world.builder("test").target("t", target).open(&world.cx).await.unwrap()
}

async fn plan_and_apply(world: &World, engine: &mut Engine) -> Report {
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap()
}

const FIVE: [(&str, &str); 5] = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")];

#[tokio::test]
async fn a_target_gets_as_many_changes_in_one_call_as_it_takes() {
    for (limit, calls) in [(2, vec![2, 2, 1]), (5, vec![5]), (0, vec![1; 5])] {
        let world = World::with(&FIVE);
        let target = Batched::over(&world, limit, Behaves::Well);
        let mut engine = over(&world, target.clone()).await;
        assert!(plan_and_apply(&world, &mut engine).await.is_converged());
        assert_eq!(*target.calls.lock().unwrap(), calls, "limit {limit}");
        assert_eq!(world.memory.keys().len(), 5);
        assert!(engine.reconcile(&world.cx).await.unwrap().results.is_empty());
    }
}

#[tokio::test]
async fn an_adoption_is_sent_alone_and_told_of_once() {
    let world = World::with(&[("a", "1"), ("b", "1"), ("unlabelled", "1")]);
    let world = world.options(Options::default().adopt(true));
    world.memory.edit(&key("unlabelled"), Some(body("theirs")));
    let target = Batched::over(&world, 9, Behaves::Well);
    let mut engine = over(&world, target.clone()).await;
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    assert_eq!(*target.calls.lock().unwrap(), [2]);
    let mut applied = world.applied();
    applied.sort();
    assert_eq!(applied, ["a", "b", "unlabelled"]);
    assert!(!world.events().iter().any(|event| matches!(event, Event::Recovered { .. })), "nothing was open");
}

#[tokio::test]
async fn a_refusal_leaves_nothing_open_and_is_in_the_audit_log() {
    let world = World::with(&FIVE[..1]);
    world.refuse("a");
    let mut engine = world.engine().await;
    let report = plan_and_apply(&world, &mut engine).await;
    assert!(matches!(report.results[0].outcome, StepOutcome::Failed { .. }), "{report:?}");
    assert_eq!(engine.inventory().open().count(), 0);
    let told = world.audit.entries().into_iter().find_map(|entry| match entry.what {
        AuditEvent::Outcome { result, detail, .. } => Some((result, detail.unwrap_or_default())),
        _ => None,
    });
    let (result, detail) = told.unwrap();
    assert!(result == "not-done" && detail.contains("refused for the test"), "{result}: {detail}");
}

/// Writes something else than it is told, and says so in its own way.
struct Willful {
    memory: Arc<Memory>,
    names_the_fields: bool,
}

#[async_trait]
impl Target for Willful {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let Change::Create { object, owner_label, preview } = change.clone() else {
            return self.memory.apply(cx, change).await;
        };
        let mut other = Object::clone(&object);
        other.body = body("another");
        let other = Change::Create { object: Arc::new(other), owner_label, preview };
        let applied = self.memory.apply(cx, &other).await?;
        let (uid, version) = applied.state().map(|(uid, version)| (uid.clone(), version.clone())).unwrap();
        match self.names_the_fields {
            true => Ok(Applied::Differs { uid, version, fields: vec!["/content".to_owned()] }),
            false => Ok(applied),
        }
    }
}

#[tokio::test]
async fn what_a_target_says_that_it_holds_is_compared_and_not_taken_for_what_was_declared() {
    for names_the_fields in [false, true] {
        let world = World::with(&FIVE[..1]);
        let target = Arc::new(Willful { memory: world.memory.clone(), names_the_fields });
        let mut engine = over(&world, target).await;
        let report = plan_and_apply(&world, &mut engine).await;
        let fields = vec!["/content".to_owned()];
        assert_eq!(report.results[0].outcome, StepOutcome::Differs { fields });
        let entry = engine.inventory().entries().get(&key("a")).unwrap();
        assert_eq!(entry.desired, None, "nothing is remembered as equal");
    }
}

#[tokio::test]
async fn a_change_that_a_call_left_without_an_answer_is_unknown_and_looked_up() {
    let behaves = [
        (Behaves::LeavesTheLastOut, "the target left a change without an answer", [true, true, false]),
        (Behaves::Panics, "the backend panicked: told to panic", [false; 3]),
    ];
    for (behaves, why, done) in behaves {
        let world = World::with(&FIVE[..3]);
        let mut engine = over(&world, Batched::over(&world, 9, behaves)).await;
        let report = plan_and_apply(&world, &mut engine).await;
        for (result, done) in report.results.iter().zip(done) {
            match (&result.outcome, done) {
                (StepOutcome::Done, true) => {}
                (StepOutcome::Unknown { error, .. }, false) => {
                    assert!(error.contains(why) && error.contains(result.key.name()), "{error}");
                }
                _ => panic!("{result:?}"),
            }
        }
        assert_eq!(engine.inventory().open().count(), done.iter().filter(|done| !**done).count());
        let next = engine.reconcile(&world.cx).await.unwrap();
        assert!(next.is_converged() && next.results.is_empty(), "each was made: {next:?}");
        assert_eq!((world.memory.writes(), engine.inventory().open().count()), (3, 0));
    }
}

/// Takes its time for each change, and tells of some what it is at.
struct Slow {
    memory: Arc<Memory>,
    takes: Duration,
}

#[async_trait]
impl Target for Slow {
    fn info(&self) -> TargetInfo {
        self.memory.info().concurrency(2).apply_timeout(Duration::from_secs(60))
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        cx.sleep(self.takes).await?;
        self.memory.apply(cx, change).await
    }

    fn progress(&self) -> Option<&dyn Progress> {
        Some(self)
    }
}

impl Progress for Slow {
    fn at(&self, _: &Cx, key: &Key) -> Option<String> {
        (key.name() == "a").then(|| "copying the table".to_owned())
    }
}

/// The clock of tokio, which a test pauses.
struct Paused(tokio::time::Instant);

#[async_trait]
impl Clock for Paused {
    fn now(&self) -> Time {
        Time::default().after(self.0.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    async fn wait_until(&self, time: Time) {
        tokio::time::sleep(time.since(self.now())).await;
    }
}

async fn told_while_it_takes(takes: Duration) -> (Report, Vec<String>) {
    let mut world = World::with(&FIVE[..2]);
    world.cx = Cx::new(Arc::new(Paused(tokio::time::Instant::now())), Arc::new(System));
    let mut engine = over(&world, Arc::new(Slow { memory: world.memory.clone(), takes })).await;
    let report = plan_and_apply(&world, &mut engine).await;
    let told = world.events().into_iter().filter_map(|event| match event {
        Event::Waiting { key, reason } => Some(format!("{}: {reason}", key.name())),
        _ => None,
    });
    (report, told.collect())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slow_change_is_told_what_it_is_at_and_when_it_is_cut_off() {
    let (report, told) = told_while_it_takes(Duration::from_secs(25)).await;
    assert!(report.is_converged());
    let at = "a: copying the table; since 1970-01-01T00:00:00.000Z, cut off at 1970-01-01T00:01:00.000Z";
    assert_eq!(told, [at, at], "every ten seconds");
    let (report, told) = told_while_it_takes(Duration::from_secs(9)).await;
    assert!(report.is_converged() && told.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_cut_off_says_what_its_limit_was() {
    let (report, _) = told_while_it_takes(Duration::from_secs(90)).await;
    for result in &report.results {
        let StepOutcome::Failed { error, .. } = &result.outcome else { panic!("{result:?}") };
        assert!(error.contains("limit of one change: 60s"), "{error}");
    }
}

/// Accepts deletions and ends them later; says nothing of health.
struct Lingering(Arc<Memory>);

#[async_trait]
impl Target for Lingering {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match change.action() {
            Action::Delete => Ok(Applied::Deleting),
            _ => self.0.apply(cx, change).await,
        }
    }
}

#[tokio::test]
async fn a_deletion_that_is_accepted_and_not_finished_is_not_ready_and_forgotten_once_it_is() {
    let world = World::with(&FIVE[..2]);
    let mut engine = over(&world, Arc::new(Lingering(world.memory.clone()))).await;
    assert!(plan_and_apply(&world, &mut engine).await.is_converged());
    world.declare(&FIVE[..1]);
    let report = plan_and_apply(&world, &mut engine).await;
    let reason = "its deletion is not finished".to_owned();
    assert_eq!(report.results[0].outcome, StepOutcome::NotReady { reason });
    let state = |engine: &Engine| engine.inventory().entries().get(&key("b")).map(|entry| entry.state);
    assert_eq!((state(&engine), engine.inventory().open().count()), (Some(OwnedState::Deleting), 0));
    world.memory.edit(&key("b"), None);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(state(&engine), None);
}

/// Takes a person's word about parts of its objects, but for one part that it does not know.
struct Doubting {
    memory: Arc<Memory>,
    took: Mutex<Vec<String>>,
}

#[async_trait]
impl Target for Doubting {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.memory.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.memory.apply(cx, change).await
    }

    fn confirmation(&self) -> Option<&dyn Confirmation> {
        Some(self)
    }
}

#[async_trait]
impl Confirmation for Doubting {
    async fn take_finding(&self, _: &Cx, key: &Key, about: &str, finding: &str, by: &str) -> Result<()> {
        if about == "nothing" {
            return Err(Error::new(ErrorKind::NotFound, "nothing is in doubt there"));
        }
        self.took.lock().unwrap().push(format!("{by} of {about} of {}: {finding}", key.name()));
        Ok(())
    }
}

#[tokio::test]
async fn a_word_about_a_part_is_recorded_before_its_target_takes_it_and_the_object_is_looked_at_again() {
    let world = World::with(&FIVE[..1]);
    let target = Arc::new(Doubting { memory: world.memory.clone(), took: Mutex::default() });
    let mut engine = over(&world, target.clone()).await;
    plan_and_apply(&world, &mut engine).await;
    let looks = world.memory.observed();
    engine.confirm_part(&world.cx, &key("a"), "row", "gone", "ann").await.unwrap();
    assert_eq!(*target.took.lock().unwrap(), ["ann of row of a: gone"]);
    engine.reconcile(&world.cx).await.unwrap();
    assert_eq!(world.memory.observed(), looks + 1);
    let error = engine.confirm_part(&world.cx, &key("a"), "nothing", "gone", "bo").await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let said = world.audit.entries().into_iter().filter_map(|entry| match entry.what {
        AuditEvent::Said { about, .. } => Some(format!("{} of {about}", entry.actor)),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), ["ann of row", "bo of nothing"]);
    drop(engine);
    let mut plain = over(&world, world.memory.clone()).await;
    let error = plain.confirm_part(&world.cx, &key("a"), "row", "gone", "ann").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn an_object_of_a_target_that_nobody_set_up_is_a_fault_that_names_those_that_are() {
    let world = World::with(&FIVE[..2]);
    let builder = world.builder("test").target("other", world.memory.clone());
    let mut engine = builder.target("more", world.memory.clone()).open(&world.cx).await.unwrap();
    let error = engine.plan(&world.cx).await.unwrap_err();
    let faults: Vec<String> = error.diagnostics().iter().map(ToString::to_string).collect();
    assert_eq!((error.kind(), faults.len()), (ErrorKind::Invalid, 2));
    for (fault, name) in faults.iter().zip(["a", "b"]) {
        let is_named = fault.contains("GO0305") && fault.contains(name) && fault.contains("`t`");
        assert!(is_named && fault.contains("the targets are: more, other"), "{fault}");
    }
    assert!(world.memory.keys().is_empty());
}
