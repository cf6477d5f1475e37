//! One change on its way to a target and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::adoption;
use super::builder::Timeouts;
use super::proof::{Answer, Prover, plain};
use crate::capability::{Diff, Health, Readiness, Target};
use crate::cx::{Cx, DEADLINE_PASSED};
use crate::plan::Step;
use crate::value::{Action, Applied, Change, Error, ErrorKind, Expect, Key, Object, OwnerLabel, Result};

/// What came back from outside.
pub(super) enum Done {
    /// Targets answered changes.
    Answered(Vec<(Key, Result<Answer>)>),
    /// An object became ready, or did not.
    Settled(Key, Readiness),
}

/// A change and how to make it.
#[derive(Clone)]
pub(super) struct Sending {
    pub change: Change,
    pub manner: Manner,
}

/// How a change is made.
#[derive(Clone)]
pub(super) enum Manner {
    /// As it is.
    Plain,
    /// The object is unlabelled, and its content is as declared: it is labelled, and no more is done.
    Label,
    /// The object is unlabelled: it is labelled first, and then changed by a change of its own.
    LabelFirst,
    /// The object was just labelled, and the plan showed this.
    Fill(Diff),
}

impl Sending {
    /// A step's change. `taken_over` is the state in which an adoption left the object, once it did.
    pub fn new(
        step: &Step,
        object: Option<&Arc<Object>>,
        owner_label: OwnerLabel,
        taken_over: Option<Expect>,
    ) -> Result<Self> {
        let manner = match (adoption::adopts(step), &taken_over) {
            (false, _) => Manner::Plain,
            (true, Some(_)) => Manner::Fill(step.diff.clone()),
            (true, None) if adoption::is_equal(step) => Manner::Label,
            (true, None) => Manner::LabelFirst,
        };
        let key = step.key.clone();
        let object = object.cloned();
        let preview = step.preview.filter(|_| taken_over.is_none());
        let expect = taken_over.or_else(|| step.expect.clone());
        let change = match (step.action, object, expect) {
            (Action::Create, Some(object), None) => Change::Create { object, owner_label, preview },
            (Action::Update, Some(object), Some(expect)) => {
                Change::Update { object, expect, owner_label, preview }
            }
            (Action::Replace, Some(object), Some(expect)) => {
                Change::Replace { object, expect, owner_label, preview }
            }
            (Action::Delete, _, Some(expect)) => Change::Delete { key, expect, owner_label, preview },
            _ => {
                return Err(
                    Error::new(ErrorKind::Internal, "a step lacks what its action needs").at(&step.key)
                );
            }
        };
        Ok(Self { change, manner })
    }

    fn is_plain(&self) -> bool {
        matches!(self.manner, Manner::Plain)
    }
}

/// Sends changes to one target: in one call if it takes several, else each on its own.
pub(super) fn send(
    cx: &Cx,
    prover: &Arc<Prover>,
    sendings: Vec<Sending>,
    timeouts: Timeouts,
) -> Vec<BoxFuture<'static, Done>> {
    let within = prover.target.info().apply_timeout.unwrap_or(timeouts.call);
    let shielded = cx.shielded();
    // Where the whole call has an earlier end, that is the limit that a change may meet.
    let is_own = shielded.deadline().is_none_or(|end| shielded.now().after(within) <= end);
    let (cx, within) = (shielded.within(within), is_own.then_some(within));
    let one = |sending| send_one(cx.clone(), prover.clone(), sending, within);
    let Some(limit) = prover.target.batch().map(|batch| batch.limit().max(1)) else {
        return sendings.into_iter().map(one).collect();
    };
    let (plain, others): (Vec<Sending>, Vec<Sending>) = sendings.into_iter().partition(Sending::is_plain);
    let changes: Vec<Change> = plain.into_iter().map(|sending| sending.change).collect();
    let batches =
        changes.chunks(limit).map(|changes| send_batch(cx.clone(), prover.clone(), changes.to_vec(), within));
    batches.chain(others.into_iter().map(one)).collect()
}

fn send_one(
    cx: Cx,
    prover: Arc<Prover>,
    sending: Sending,
    within: Option<Duration>,
) -> BoxFuture<'static, Done> {
    let Sending { change, manner } = sending;
    async move {
        let key = change.key().clone();
        let target = &prover.target;
        let made = contained(cx.bounded(async {
            match &manner {
                Manner::Plain => target.apply(&cx, &change).await,
                Manner::Label | Manner::LabelFirst => adoption::owner_label(&cx, target, &change).await,
                Manner::Fill(shown) => adoption::fill(&cx, target, change.clone(), shown).await,
            }
        }))
        .await;
        let answer = match manner {
            Manner::LabelFirst => made.map(|applied| Answer::unasked(plain(applied))),
            _ => prover.prove(&cx, std::slice::from_ref(&change), vec![made]).await.remove(0),
        };
        Done::Answered(vec![(key.clone(), place(answer, &key, within))])
    }
    .boxed()
}

fn send_batch(
    cx: Cx,
    prover: Arc<Prover>,
    changes: Vec<Change>,
    within: Option<Duration>,
) -> BoxFuture<'static, Done> {
    async move {
        let call = async {
            let Some(batch) = prover.target.batch() else {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "the target no longer takes several changes at once",
                ));
            };
            Ok(batch.apply_all(&cx, &changes).await)
        };
        let mut answers = contained(cx.bounded(call)).await.map(Vec::into_iter);
        let mut next = |change: &Change| match &mut answers {
            Ok(answers) => answers.next().unwrap_or_else(|| Err(no_answer())),
            Err(error) => Err(error.repeated().at(change.key())),
        };
        let answers = changes.iter().map(&mut next).collect();
        let answers = prover.prove(&cx, &changes, answers).await;
        let keys = changes.iter().map(|change| change.key().clone());
        Done::Answered(
            keys.zip(answers).map(|(key, answer)| (key.clone(), place(answer, &key, within))).collect(),
        )
    }
    .boxed()
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "the target left a change without an answer").outcome_unknown()
}

/// A cancelled or timed-out call may have had its effect; every error says of which object it is, and one of the time that a
/// change may take how long that is.
fn place(answer: Result<Answer>, key: &Key, within: Option<Duration>) -> Result<Answer> {
    let is_of_limit =
        |error: &Error| error.kind() == ErrorKind::Timeout && error.message() == DEADLINE_PASSED;
    let of_limit = |error: Error| match within.filter(|_| is_of_limit(&error)) {
        Some(within) => error.with("limit of one change", format!("{within:?}")),
        None => error,
    };
    answer.map_err(|error| of_limit(error).during("apply").at(key))
}

/// How long what is waited for is looked at once more after somebody asked to stop.
const LAST_LOOK: Duration = Duration::from_secs(1);

async fn ask_ready(cx: &Cx, health: &dyn Health, key: &Key, applied: &Applied) -> Result<Readiness> {
    contained(cx.bounded(health.ready(cx, key, applied))).await
}

/// Waits for an object to be ready. A target without health calls an object ready as soon as it is there.
pub(super) fn await_ready(
    cx: &Cx,
    target: Arc<dyn Target>,
    key: Key,
    applied: Applied,
    patience: Duration,
) -> BoxFuture<'static, Done> {
    let (patient, stopped) = (cx.within(patience), cx.clone());
    async move {
        let readiness = match (target.health(), &applied) {
            (Some(health), _) => {
                let mut asked = ask_ready(&patient, health, &key, &applied).await;
                if asked.is_err() && stopped.is_cancelled() {
                    // What is ready by then is not told as not ready for ever because somebody asked to stop.
                    let last = stopped.shielded().within(LAST_LOOK);
                    asked = ask_ready(&last, health, &key, &applied).await.or(asked);
                }
                asked.unwrap_or_else(|error| Readiness::Progressing(error.to_string()))
            }
            (None, Applied::Deleting) => Readiness::Progressing("its deletion is not finished".to_owned()),
            (None, _) => Readiness::Ready,
        };
        Done::Settled(key, readiness)
    }
    .boxed()
}

/// A backend that panics fails its own call and no other; the effect may have happened.
pub(super) async fn contained<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let message = format!("the backend panicked: {text}");
        Err(Error::new(ErrorKind::Internal, message).outcome_unknown().help("this is a fault of the backend"))
    })
}
