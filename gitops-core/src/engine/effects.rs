//! One change on its way to a target and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::builder::Timeouts;
use crate::capability::Readiness;
use crate::plan::{Reason, Step};
use crate::target::Target;
use crate::value::{Action, Applied, Change, Key, Mark, Object};
use crate::{Cx, Error, ErrorKind, Result};

/// What came back from outside.
pub(super) enum Done {
    /// Targets answered changes.
    Answered(Vec<(Key, Result<Applied>)>),
    /// An object became ready, or did not.
    Settled(Key, Readiness),
}

/// A change and how to make it.
#[derive(Clone)]
pub(super) struct Sending {
    pub change: Change,
    /// The object is unmarked and must be taken over first.
    pub adopts: bool,
}

impl Sending {
    pub fn new(step: &Step, object: Option<&Arc<Object>>, mark: Mark) -> Result<Self> {
        let adopts = step.reason == Reason::Adopted;
        let key = step.key.clone();
        let object = object.cloned();
        let (expect, preview) = (step.expect.clone(), step.preview);
        let change = match (step.action, object, expect) {
            (Action::Create, Some(object), None) => Change::Create { object, mark, preview },
            (Action::Update, Some(object), Some(expect)) => Change::Update { object, expect, mark, preview },
            (Action::Replace, Some(object), Some(expect)) => {
                Change::Replace { object, expect, mark, preview }
            }
            (Action::Delete, None, Some(expect)) => Change::Delete { key, expect, mark, preview },
            _ => {
                return Err(
                    Error::new(ErrorKind::Internal, "a step lacks what its action needs").at(&step.key)
                );
            }
        };
        Ok(Self { change, adopts })
    }
}

/// Sends changes to one target: in one call if it takes several, else each on its own.
pub(super) fn send(
    cx: &Cx,
    target: &Arc<dyn Target>,
    sendings: Vec<Sending>,
    timeouts: Timeouts,
) -> Vec<BoxFuture<'static, Done>> {
    let cx = cx.shielded().within(timeouts.call);
    let Some(limit) = target.batch().map(|batch| batch.limit().max(1)) else {
        return sendings.into_iter().map(|sending| send_one(cx.clone(), target.clone(), sending)).collect();
    };
    let (adopting, plain): (Vec<Sending>, Vec<Sending>) =
        sendings.into_iter().partition(|sending| sending.adopts);
    let changes: Vec<Change> = plain.into_iter().map(|sending| sending.change).collect();
    let batches =
        changes.chunks(limit).map(|changes| send_batch(cx.clone(), target.clone(), changes.to_vec()));
    let adopting = adopting.into_iter().map(|sending| send_one(cx.clone(), target.clone(), sending));
    batches.chain(adopting).collect()
}

fn send_one(cx: Cx, target: Arc<dyn Target>, sending: Sending) -> BoxFuture<'static, Done> {
    let Sending { change, adopts } = sending;
    let key = change.key().clone();
    let call = async move {
        let answer = contained(cx.bounded(async {
            match (adopts, target.import()) {
                (false, _) => target.apply(&cx, &change).await,
                (true, Some(import)) => import.adopt(&cx, &change).await,
                (true, None) => {
                    Err(Error::new(ErrorKind::Unsupported, "the target can't take over what others made"))
                }
            }
        }));
        answer.await
    };
    call.map(move |answer| Done::Answered(vec![(key.clone(), place(answer, &key))])).boxed()
}

fn send_batch(cx: Cx, target: Arc<dyn Target>, changes: Vec<Change>) -> BoxFuture<'static, Done> {
    async move {
        let keys: Vec<Key> = changes.iter().map(|change| change.key().clone()).collect();
        let call = async {
            let Some(batch) = target.batch() else {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "the target no longer takes several changes at once",
                ));
            };
            Ok(batch.apply_all(&cx, &changes).await)
        };
        let mut answers = contained(cx.bounded(call)).await.map(Vec::into_iter);
        let mut next = |key: &Key| match &mut answers {
            Ok(answers) => answers.next().unwrap_or_else(|| Err(no_answer())),
            Err(error) => Err(error.repeated().at(key)),
        };
        Done::Answered(keys.into_iter().map(|key| (key.clone(), place(next(&key), &key))).collect())
    }
    .boxed()
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "the target left a change without an answer").outcome_unknown()
}

/// A cancelled or timed-out call may have had its effect; every error says of which object it is.
fn place(answer: Result<Applied>, key: &Key) -> Result<Applied> {
    answer.map_err(|error| error.during("apply").at(key))
}

/// Waits for an object to be ready. A target without health calls an object ready as soon as it is there.
pub(super) fn await_ready(
    cx: &Cx,
    target: Arc<dyn Target>,
    key: Key,
    applied: Applied,
    patience: Duration,
) -> BoxFuture<'static, Done> {
    let cx = cx.within(patience);
    async move {
        let readiness = match (target.health(), &applied) {
            (Some(health), _) => contained(cx.bounded(health.ready(&cx, &key, &applied)))
                .await
                .unwrap_or_else(|error| Readiness::Progressing(error.to_string())),
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
