//! The change requests of one repository: reviewed as they come, with the commands in their comments, and what came of them.

mod ahead;
mod answers;
mod applying;
mod away;
mod commands;
mod drift;
mod look;
mod memory;
mod merge_queue;
mod merged;
mod names;
mod others;
mod outcome;
mod poll;
mod promote;
mod queue;
mod revert;
mod review;
mod superseded;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_app::config::{Applications, Config, ForgeKind, GitRef};
use gitops_app::forge::AsWritten;
use gitops_app::forge::{Found, tellable};
use gitops_app::review::{Asked, Warm};
use gitops_core::{Cx, EngineHandle, Error, ErrorKind, Event, EventSink, Request, Result, StateStore};
use gitops_forge::webhook::{Hint, HintKind};
use gitops_forge::{Call, ChangeRequest, Forge, QueuedCommit};
use tokio::sync::{Notify, watch};

use self::memory::Memory;
use self::merge_queue::MergeQueue;
use self::names::Names;
use self::poll::Seen;
use self::queue::Queue;
use self::watched::Watched;
use crate::board::{Ails, Board};
use crate::event::{ServerEvent, ServerEvents};
use crate::metrics::Metrics;
use crate::plans::Plans;

/// How many requests are looked at and reviewed at once.
const LOOKS: usize = 8;
const REVIEWS: usize = 8;

/// How long an engine has to take up that it should look again.
const PATIENCE: Duration = Duration::from_secs(120);

/// The requests of one repository.
pub(crate) struct Reviews(Arc<Shared>);

struct Shared {
    forge: Arc<dyn Forge>,
    kind: ForgeKind,
    context: String,
    /// The forge and the repository, for people.
    repository: String,
    /// All of the configuration, which may change while those of this repository do not.
    applications: Mutex<Arc<Applications>>,
    /// The applications of this repository.
    chosen: Vec<Config>,
    board: Board,
    store: Arc<Watched>,
    memory: Memory,
    names: Names,
    metrics: Arc<Metrics>,
    events: ServerEvents,
    every: Duration,
    plans: Option<Arc<Plans>>,
    /// What reviews leave open for the next ones.
    warm: Arc<Warm>,
    /// Requests whose comments are to be read.
    looks: Queue,
    /// Requests that are to be reviewed.
    reviews: Queue,
    /// All of them are to be asked for now.
    poll: Notify,
    /// What merge queues made.
    merge_queue: MergeQueue,
    /// What is applied before merges is to be looked at now.
    ahead: Notify,
    /// How many requests were found to be merged.
    merges: watch::Sender<u64>,
    seen: Mutex<BTreeMap<u64, Seen>>,
    merged: Mutex<merged::Merged>,
    /// Requests whose last review failed.
    failing: Mutex<BTreeMap<u64, ErrorKind>>,
    /// Comments as webhooks told of them when they were written.
    written: Mutex<AsWritten>,
}

/// What a repository's requests are worked on with.
pub(crate) struct Tools {
    pub board: Board,
    pub metrics: Arc<Metrics>,
    pub events: ServerEvents,
    pub store: Arc<dyn StateStore>,
    pub every: Duration,
    pub plans: Option<Arc<Plans>>,
    pub warm: Arc<Warm>,
}

impl Reviews {
    /// The requests of a repository on which the sources of some applications are changed.
    ///
    /// # Errors
    /// As [`Found::open`].
    pub fn new(
        cx: &Cx,
        found: &Found,
        applications: &Applications,
        chosen: Vec<Config>,
        tools: Tools,
    ) -> Result<Self> {
        let context = format!("{} {}", found.context(), found.url);
        let (metrics, repository) = (tools.metrics.clone(), found.repository.to_string());
        let forge = found.open_observed(cx, move |call: &Call| {
            metrics.called(&repository, (call.method, call.route), call.status, call.remaining);
        })?;
        Ok(Self::on(forge, found.kind, &context, applications, chosen, tools))
    }

    /// The same on a forge that is open; `context` is what statuses begin with, and after a blank whatever else tells this
    /// repository from others.
    fn on(
        forge: Arc<dyn Forge>,
        kind: ForgeKind,
        context: &str,
        applications: &Applications,
        chosen: Vec<Config>,
        tools: Tools,
    ) -> Self {
        let Tools { board, metrics, events, store, every, plans, warm } = tools;
        let repository = format!("{} {}", kind.key(), forge.info().repository);
        let (context, place) = context.split_once(' ').unwrap_or((context, ""));
        let followed = chosen.iter().map(|config| config.name.clone()).collect();
        let watched = Arc::new(Watched::new(store, board.clone(), followed));
        let store: Arc<dyn StateStore> = watched.clone();
        let names = Names::new(store.clone(), &format!("{repository} {place}"));
        let memory = Memory::new(store, &format!("{repository} {context} {place}"));
        Self(Arc::new(Shared {
            forge,
            kind,
            context: context.to_owned(),
            repository,
            applications: Mutex::new(Arc::new(applications.clone())),
            chosen,
            board,
            store: watched,
            memory,
            names,
            metrics,
            events,
            every,
            plans,
            warm,
            looks: Queue::default(),
            reviews: Queue::default(),
            poll: Notify::new(),
            merge_queue: MergeQueue::default(),
            ahead: Notify::new(),
            merges: watch::Sender::default(),
            seen: Mutex::default(),
            merged: Mutex::default(),
            failing: Mutex::default(),
            written: Mutex::default(),
        }))
    }

    /// The configuration is another one from now on, in which the applications of this repository are the same.
    pub fn work_with(&self, applications: Arc<Applications>) {
        *self.0.applications.lock().unwrap_or_else(PoisonError::into_inner) = applications;
        // A name may be gone of what another process, or a part of the configuration that is no longer there, said here.
        self.0.names.unsettle();
        self.0.poll.notify_one();
    }

    /// Takes a hint of the forge: it only says where to look sooner.
    pub fn hear(&self, cx: &Cx) -> impl Fn(&Hint) + Send + Sync + use<> {
        let (shared, cx) = (self.0.clone(), cx.clone());
        move |hint| shared.hear(&cx, hint)
    }

    /// Works until the context ends; what was begun has come to its end then, or was cancelled.
    pub async fn run(&self, cx: &Cx) {
        let shared = &self.0;
        let looks = shared.looks.work(cx, LOOKS, |number| {
            let (shared, cx) = (shared.clone(), cx.clone());
            async move { shared.look(&cx, number).await }
        });
        let reviews = shared.reviews.work(cx, REVIEWS, |number| {
            let (shared, cx) = (shared.clone(), cx.clone());
            async move { shared.review(&cx, number).await }
        });
        let outcomes =
            futures::future::join_all(shared.chosen.iter().map(|config| shared.tell_of(cx, config)));
        let issues =
            futures::future::join_all(shared.chosen.iter().map(|config| shared.keep_issue(cx, config)));
        let promotions =
            futures::future::join_all(shared.chosen.iter().map(|config| shared.keep_promoting(cx, config)));
        let ahead =
            futures::future::join_all(shared.chosen.iter().map(|config| shared.keep_ahead(cx, config)));
        let (polls, queue, written) =
            (shared.keep_polling(cx), shared.keep_merge_queue(cx), shared.keep_written(cx));
        tokio::join!(looks, reviews, polls, outcomes, issues, promotions, ahead, queue, written);
        for ails in [Ails::Forge, Ails::Reviews, Ails::Memory] {
            shared.note(cx, ails, None);
        }
    }
}

impl Shared {
    fn hear(self: &Arc<Self>, cx: &Cx, hint: &Hint) {
        let look = |number| self.looks.push(number);
        let has_room = match (hint.kind, hint.request) {
            (HintKind::Push, _) => {
                self.wake_engines(cx, hint.branch.as_deref(), &format!("webhook of {}", self.repository));
                true
            }
            (HintKind::MergeQueue, _) => match (&hint.branch, &hint.commit) {
                (Some(base), Some(commit)) => {
                    self.merge_queue.push(QueuedCommit::new(base, commit.clone()).of(hint.request))
                }
                _ => false,
            },
            (HintKind::Comment, Some(number)) => {
                if let Some(written) = &hint.written {
                    self.written().learn(&written.comment, &written.body);
                }
                look(number)
            }
            (HintKind::Request | HintKind::Review, Some(number)) => look(number) && self.reviews.push(number),
            // Statuses are ours, most of them; nothing is said of a request by what is left.
            (HintKind::Status | HintKind::Other, _) => true,
            _ => false,
        };
        if !has_room {
            self.poll.notify_one();
        }
    }

    /// Has the engines that follow a branch look at once.
    fn wake_engines(&self, cx: &Cx, branch: Option<&str>, by: &str) {
        let follows = |config: &&Config| match (&config.source.reference, branch) {
            (GitRef::Branch(follows), Some(branch)) => follows == branch,
            _ => true,
        };
        for config in self.chosen.iter().filter(follows) {
            if let Some(handle) = self.board.handle(&config.name) {
                let (cx, by) = (cx.within(PATIENCE), by.to_owned());
                // An engine that is not woken looks by itself before long.
                tokio::spawn(async move { handle.request(&cx, &by, Request::Sync).await });
            }
        }
    }

    /// Whether a request is about what this process works with: it goes into a branch that an application follows, and one of the
    /// repository's applications is at work here. Of two processes with one file, one has the states and speaks on the forge.
    fn is_ours(&self, request: &ChangeRequest) -> bool {
        self.is_at_work() && self.followers(request).next().is_some()
    }

    fn is_at_work(&self) -> bool {
        self.chosen.iter().any(|config| self.board.handle(&config.name).is_some())
    }

    /// The applications that follow the branch into which a request goes.
    fn followers(&self, request: &ChangeRequest) -> impl Iterator<Item = &Config> {
        self.follow(&request.base.name)
    }

    /// The applications that follow a branch.
    fn follow(&self, branch: &str) -> impl Iterator<Item = &Config> {
        let name = branch.to_owned();
        self.chosen.iter().filter(move |config| config.source.reference.is_branch(&name))
    }

    /// The engine of an application, as soon as it is at work; nothing once the context is over.
    async fn engine_of(&self, cx: &Cx, config: &Config) -> Option<EngineHandle> {
        let mut moved = self.board.moved();
        while !cx.is_cancelled() {
            if let Some(handle) = self.board.handle(&config.name) {
                return Some(handle);
            }
            tokio::select! {
                _ = moved.changed() => {}
                () = cx.cancelled() => {}
            }
        }
        None
    }

    /// Notes for whoever asks whether this process is well that something ails the applications of this repository, or does not any more.
    fn note(&self, cx: &Cx, ails: Ails, error: Option<&Error>) {
        if error.is_some_and(|error| error.kind() == ErrorKind::Cancelled) {
            return;
        }
        for config in &self.chosen {
            self.board.note(&config.name, ails, error.map(|error| (cx.now(), error.kind())));
        }
    }

    /// Notes whether a request could be reviewed.
    fn note_review(&self, cx: &Cx, number: u64, error: Option<&Error>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => drop(failing.insert(number, error.kind())),
            None => drop(failing.remove(&number)),
        }
        self.note_failing(cx, &failing);
    }

    /// Forgets the reviews that failed of requests that are not open any more.
    fn forget_failing(&self, cx: &Cx, open: &[ChangeRequest]) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.retain(|number, _| open.iter().any(|request| request.number == *number));
        self.note_failing(cx, &failing);
    }

    fn note_failing(&self, cx: &Cx, failing: &BTreeMap<u64, ErrorKind>) {
        let found = failing.values().next().map(|why| (cx.now(), *why));
        self.chosen.iter().for_each(|config| self.board.note(&config.name, Ails::Reviews, found));
    }

    /// An error's text as it may be told on the forge.
    fn tellable(&self, text: &str) -> String {
        tellable(text, &self.chosen)
    }

    fn asked(&self, number: u64) -> Asked {
        let asked = Asked::new(self.forge.clone(), self.kind, number, self.context.clone());
        let asked = asked.keeping_approvals().answering_commands().warm(self.warm.clone());
        self.plans.iter().fold(asked, |asked, plans| asked.kept_on(plans.clone()))
    }

    fn applications(&self) -> Arc<Applications> {
        self.applications.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn chosen(&self) -> Vec<&Config> {
        self.chosen.iter().collect()
    }

    fn tell(&self, event: &ServerEvent) {
        (self.events)(event);
    }

    /// Comments as webhooks told of them, of all requests; what counts of them is remembered with the request.
    fn written(&self) -> MutexGuard<'_, AsWritten> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request with what is remembered of its comments.
    fn asked_of(&self, number: u64, page: &memory::Page) -> Asked {
        let asked = self.asked(number).without(page.refused.iter().cloned()).written(page.written.clone());
        let asked = page.void_until.into_iter().fold(asked, Asked::void_until);
        let judged = page.judged.iter();
        let asked = judged.fold(asked, |asked, (head, settled)| asked.judged(head.as_str(), settled.clone()));
        let ahead = page.ahead.iter().filter(|ahead| !ahead.is_let_go);
        ahead.fold(asked, |asked, ahead| asked.ahead(ahead.rests_on.clone()))
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<u64, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn merged(&self) -> MutexGuard<'_, merged::Merged> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The engines of plans that are only shown tell nobody.
fn nobody() -> Arc<dyn EventSink> {
    Arc::new(|_: &Event| {})
}
