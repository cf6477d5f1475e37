//! One life of one engine: what a person or a service would do with it, until it dies.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::calls::CALL_TIMEOUT;
use super::check;
use super::clock::{SimClock, SimEntropy};
use super::disk::SimJournal;
use super::fault::Fault;
use super::origin::TARGETS;
use super::random::Random;
use super::server::DEFAULTED;
use super::source::{SimSource, render};
use super::state::{App, Handle, Happening, SECOND};
use super::store::{SimAudit, SimStore};
use super::target::SimTarget;
use crate::capability::Structural;
use crate::cx::Bug;
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::engine::{ApplyOptions, Engine, Report, State};
use crate::plan::planner::Options;
use crate::plan::{Obstacle, Plan};
use crate::process::under_way::UnderWay;
use crate::value::{Error, ErrorKind, Result, Revision};

/// How a life ends that does not end by dying.
pub(super) enum Exit {
    /// It can't go on.
    Failed(Error),
    /// It did all that it was to do.
    Finished,
}

/// What a life is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// To keep the targets equal, in whatever way a person does that.
    Serve,
    /// Faults are over: two reconciliations, then one that has nothing to do.
    Settle,
}

pub(super) struct Process {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
    pub seed: u64,
    pub can_watch: bool,
    pub has_health: bool,
    pub bug: Option<Bug>,
}

impl Process {
    pub async fn run(self, task: Task) -> Exit {
        let cx = self.cx();
        let mut random = Random::new(self.seed, 1000 + self.life as u64);
        let result = match (task, self.lease()) {
            (Task::Settle, _) => self.settle(&cx).await,
            (Task::Serve, None) => self.serve(&cx, &mut random).await,
            (Task::Serve, Some(lease)) => {
                Box::pin(self.in_turn(&cx, &lease, self.serve(&cx, &mut random))).await
            }
        };
        match result {
            Ok(()) => Exit::Finished,
            Err(error) => Exit::Failed(error),
        }
    }

    fn cx(&self) -> Cx {
        let (world, life) = (self.world.clone(), self.life);
        let entropy = SimEntropy::new(Random::new(self.seed, 1_000_000 + self.life as u64));
        Cx::new(Arc::new(SimClock { world, life }), Arc::new(entropy)).with_bug(self.bug)
    }

    /// Takes the lock of the state, as a state folder does.
    fn lock(&self) -> Result<()> {
        let mut world = self.world.lock();
        let ignores_it = [24, 56, 57].iter().any(|bug| world.has_bug(*bug));
        match world.apps[self.app].holder {
            Some(_) if !ignores_it => Err(Error::new(ErrorKind::Locked, "another engine has the state")),
            _ => {
                world.apps[self.app].holder = Some(self.life);
                Ok(())
            }
        }
    }

    async fn open(&self, cx: &Cx) -> Result<Engine> {
        self.lock()?;
        let (world, life, app) = (self.world.clone(), self.life, self.app);
        let (name, inner, fold_at, has_rivals, adopts) = {
            let world = world.lock();
            let App { name, disk, .. } = &world.apps[app];
            (name.clone(), disk.store.clone(), world.fold_at, world.has_rivals(app), world.adopts)
        };
        let state = State {
            store: Arc::new(SimStore { world: world.clone(), life, app, inner }),
            journal: Box::new(SimJournal { world: world.clone(), life, app }),
            audit: Arc::new(SimAudit { world: world.clone(), life, app }),
            under_way: UnderWay::default(),
            guard: None,
        };
        let source = SimSource { world: world.clone(), life, app };
        let events = world.clone();
        let mut builder = Engine::builder(name)
            .source(Arc::new(source))
            .render(Arc::new(render()))
            .differ(Arc::new(Structural::default().ignoring(format!("/{DEFAULTED}"))))
            .call_timeout(Duration::from_micros(CALL_TIMEOUT.unsigned_abs()))
            .ready_timeout(Duration::from_secs(120))
            .events(Arc::new(move |event: &Event| heard(&events, life, event)))
            .options(Options::default().adopt(adopts))
            .fold_at(fold_at)
            .recover_from_store(has_rivals)
            .state(state);
        for name in TARGETS {
            let Self { can_watch, has_health, .. } = *self;
            let world = world.clone();
            let target = SimTarget { world, life, app, name, can_watch, has_health };
            builder = builder.target(name, Arc::new(target));
        }
        let engine = builder.open(cx).await?;
        let mut world = world.lock();
        world.apps[app].book.owner = Some(engine.inventory().owner().clone());
        check::opened(&mut world, app, engine.inventory());
        Ok(engine)
    }

    /// Applies in one way or another, for ever.
    async fn serve(&self, cx: &Cx, random: &mut Random) -> Result<()> {
        let engine = &mut self.open(cx).await?;
        let mut people = Random::new(self.seed, 5_000_000 + self.life as u64);
        loop {
            self.order(cx, engine, &mut people).await?;
            let minutes = random.between(5, 90);
            let interval = Duration::from_secs(random.between(120, 600));
            let patience = self.patience(random);
            let done = match random.below(10) {
                0..6 => {
                    let cx = cx.within(Duration::from_secs(minutes * 60));
                    interrupted(patience, engine.run(&cx, interval)).await
                }
                6..8 => interrupted(patience, self.reconcile(cx, engine)).await,
                _ => interrupted(patience, self.review(cx, engine, random)).await,
            };
            match done {
                Some(Err(error)) if is_fatal(&error) => return Err(error),
                Some(Err(error)) => self.say(&format!("fails: {error}")),
                Some(Ok(())) => {}
                None => self.say("is interrupted"),
            }
            cx.sleep(Duration::from_secs(random.between(1, 120))).await?;
        }
    }

    /// A person suspends the application now and then, or lets it go on.
    async fn order(&self, cx: &Cx, engine: &mut Engine, people: &mut Random) -> Result<()> {
        if !self.world.lock().has_orders || !people.chance(2500) {
            return Ok(());
        }
        let done = match engine.suspended(cx).await {
            Ok(None) => {
                let done = engine.suspend(cx, "somebody looks", "person").await;
                // Of one that failed nobody knows.
                self.world.lock().apps[self.app].suspended |= done.is_ok();
                done
            }
            Ok(Some(_)) => self.resume(cx, engine).await,
            Err(error) => Err(error),
        };
        match done {
            Err(error) if is_fatal(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// From the first moment of it on, changes may be sent again.
    async fn resume(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        self.world.lock().apps[self.app].suspended = false;
        match engine.suspended(cx).await? {
            Some(_) => engine.resume(cx, "person").await.map(drop),
            None => Ok(()),
        }
    }

    /// After how many polls a future is dropped, if it is.
    fn patience(&self, random: &mut Random) -> Option<u64> {
        let dropped = self.world.lock().faults.strikes(Fault::Dropped);
        dropped.then(|| random.between(1, 60))
    }

    async fn reconcile(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        let report = engine.reconcile(cx).await?;
        self.note(&report);
        Ok(())
    }

    /// A person plans, thinks, and applies.
    async fn review(&self, cx: &Cx, engine: &mut Engine, random: &mut Random) -> Result<()> {
        let plan = engine.plan(cx).await?;
        cx.sleep(Duration::from_secs(random.below(600))).await?;
        self.look_back(cx, engine).await?;
        let report = self.apply(cx, engine, &plan).await?;
        self.note(&report);
        Ok(())
    }

    /// A person looks, now and then, at what the first revision would do now.
    async fn look_back(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        let (first, before) = {
            let world = self.world.lock();
            (world.apps[self.app].first.clone(), world.apps[self.app].disk.appended())
        };
        let Some(first) = first.filter(|_| self.life.is_multiple_of(2)) else { return Ok(()) };
        // What is asked of a source or target may fail, as for any plan.
        let looked = engine.plan_at(cx, &first).await;
        check::i47_planning_leaves_no_trace(&mut self.world.lock(), self.app, before);
        match looked {
            Err(error) if is_fatal(&error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn apply(&self, cx: &Cx, engine: &mut Engine, plan: &Plan) -> Result<Report> {
        let shrunk = {
            let world = self.world.lock();
            let commit = world.origin(self.app).find(plan.revision.id());
            commit.is_some_and(|commit| commit.flaw == Some(Fault::Shrunk))
        };
        if shrunk {
            return Err(Error::new(ErrorKind::Denied, "a person sees that nearly everything would go"));
        }
        let steps = plan.steps.iter();
        let steps = steps.map(|step| (step.key.clone(), (step.action, step.expect.clone()))).collect();
        let approved = Approved::of(self, steps);
        let report = engine.apply(cx, plan, &ApplyOptions::naming_the_plan("person")).await;
        drop(approved);
        report
    }

    fn note(&self, report: &Report) {
        let mut world = self.world.lock();
        world.apps[self.app].passes += 1;
        world.lives[self.life].recovering = false;
        check::i12_containment(&mut world, report);
        check::i25_what_is_told_is_durable(&mut world, self.app, report);
    }

    async fn settle(&self, cx: &Cx) -> Result<()> {
        let engine = &mut self.open(cx).await?;
        self.resume(cx, engine).await?;
        let mut last = None;
        for _ in 0..2 {
            let plan = engine.plan(cx).await?;
            let report = self.apply(cx, engine, &plan).await?;
            self.say(&format!("settles: {} applied, {} failed", report.applied(), report.failed()));
            self.note(&report);
            last = Some(report);
            // One that takes over from another machine must wait for what that one may still make.
            let minutes = if self.world.lock().has_rivals(self.app) { 15 } else { 0 };
            cx.sleep(Duration::from_secs(5 + 60 * minutes)).await?;
        }
        let before = {
            let mut world = self.world.lock();
            let report = last.expect("two passes were made");
            check::i16_converged(&mut world, self.app, &report);
            (world.server.writes, world.apps[self.app].disk.appended())
        };
        self.approved_pass(cx, engine).await?;
        check::i13_idempotence(&mut self.world.lock(), self.app, before);
        self.mend(cx, engine).await
    }

    /// A reconciliation after which a person approves what needs it: removals that wait for an object that only a person can
    /// settle need it each time.
    async fn approved_pass(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        let needs_approval = match engine.reconcile(cx).await {
            Err(error) if error.kind() == ErrorKind::NeedsApproval => true,
            done => done?.plan.obstacles().any(|(_, obstacle)| obstacle == Obstacle::Approval),
        };
        if needs_approval {
            let plan = engine.plan(cx).await?;
            self.apply(cx, engine, &plan).await?;
        }
        Ok(())
    }

    /// Somebody edits an object in the middle of a reconciliation; the next passes undo it, in the same life.
    async fn mend(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        let Some((key, uid)) = self.world.lock().some_owned(self.app) else { return Ok(()) };
        {
            let mut world = self.world.lock();
            world.after(SECOND / 18, Happening::Edit(key.clone(), uid.clone()));
            world.after(SECOND / 16, Happening::Edit(key.clone(), uid.clone()));
        }
        for _ in 0..3 {
            self.approved_pass(cx, engine).await?;
            cx.sleep(Duration::from_secs(1)).await?;
        }
        check::i17_level_triggered(&mut self.world.lock(), self.app, &key);
        Ok(())
    }

    fn say(&self, what: &str) {
        let life = self.life;
        self.world.lock().say(format_args!("e{life} {what}"));
    }
}

/// The steps that a person approved, for as long as they are carried out.
struct Approved<'a>(&'a Process);

impl<'a> Approved<'a> {
    fn of(process: &'a Process, steps: super::check::Steps) -> Self {
        process.world.lock().apps[process.app].book.approved = Some(steps);
        Self(process)
    }
}

impl Drop for Approved<'_> {
    fn drop(&mut self) {
        self.0.world.lock().apps[self.0.app].book.approved = None;
    }
}

/// After these the engine itself says that it must be started anew.
fn is_fatal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Storage | ErrorKind::Corrupt | ErrorKind::Locked)
}

/// Polls a future so many times and drops it then.
async fn interrupted<T>(patience: Option<u64>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = patience;
    std::future::poll_fn(|cx| {
        if left == Some(0) {
            return std::task::Poll::Ready(None);
        }
        left = left.map(|left| left - 1);
        match future.as_mut().poll(cx) {
            std::task::Poll::Pending if left == Some(0) => std::task::Poll::Ready(None),
            poll => poll.map(Some),
        }
    })
    .await
}

/// What an engine tells of itself.
fn heard(world: &Handle, life: usize, event: &Event) {
    let mut world = world.lock();
    world.say(format_args!("e{life} {event:?}"));
    check::i19_bounded_load(&mut world, life, event);
    match event {
        Event::KeepsAccepted { revision } => {
            world.lives[life].resolved = Some(Revision::new(revision.as_str(), ""));
        }
        Event::Planned { plan, .. } => {
            world.app_of(life).book.planned();
            if let Some(revision) = world.lives[life].resolved.clone() {
                world.lives[life].plans.insert(*plan, revision);
            }
        }
        Event::Finished { .. } | Event::ReconcileFailed { .. } => world.lives[life].recovering = false,
        _ => {}
    }
}
