//! The same backend for a service that takes several requests in one question: each change is sent with the version that it was
//! planned for, and what the service did not find so is asked about alone.

use gitops_core::capability::Batch;
use gitops_core::prelude::*;

use crate::KeyValue;
use crate::protocol::{Item, Reply, Request};

/// How many changes are sent in one question.
const LIMIT: usize = 64;

/// The key-value service, asked to make many changes at once.
pub struct Batched(pub KeyValue);

#[async_trait]
impl Target for Batched {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.0.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }

    fn batch(&self) -> Option<&dyn Batch> {
        Some(self)
    }
}

#[async_trait]
impl Batch for Batched {
    fn limit(&self) -> usize {
        LIMIT
    }

    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        let requests: Vec<_> = changes.iter().map(request).collect();
        let sent = requests.iter().flatten().cloned().collect();
        let mut replies = match self.0.0.ask(Request::All { requests: sent }).await {
            Ok(Reply::All { replies }) => replies.into_iter(),
            Ok(_) => Vec::new().into_iter(),
            Err(error) => return changes.iter().map(|_| Err(again(&error))).collect(),
        };
        let mut answers = Vec::new();
        for (change, request) in changes.iter().zip(&requests) {
            let reply = request.as_ref().and_then(|_| replies.next());
            answers.push(match reply {
                Some(Reply::Done { version: 0 }) => Ok(Applied::Absent),
                Some(Reply::Done { version }) => {
                    Ok(Applied::Present { uid: uid(change), version: Version::new(version.to_string()) })
                }
                // What is there is another, or the same change was made before: the look at it says which.
                _ => self.0.apply(cx, change).await,
            });
        }
        answers
    }
}

/// What asks for a change, on condition that all is as it was planned for; nothing for what the service has no request for.
fn request(change: &Change) -> Option<Request> {
    let name = change.key().name().to_owned();
    let expect = match change {
        Change::Update { expect, .. } | Change::Delete { expect, .. } => {
            Some(expect.version.as_str().parse().ok()?)
        }
        _ => None,
    };
    match (change.body(), expect) {
        (None, Some(expect)) => Some(Request::Remove { name, expect }),
        (None, None) => None,
        (Some(body), expect) => {
            let (owner, label) = (change.owner_label().owner.to_string(), uid(change).to_string());
            let item = Item { value: body.as_text()?.to_owned(), owner, label };
            Some(Request::Put { name, expect, item })
        }
    }
}

/// The label of an item: that of its creation.
fn uid(change: &Change) -> Uid {
    match change {
        Change::Update { expect, .. } => expect.uid.clone(),
        _ => Uid::new(change.owner_label().op.clone()),
    }
}

/// The same error, for the next change of the question.
fn again(error: &Error) -> Error {
    let again = Error::new(error.kind(), error.message()).retry_when(error.retry());
    if error.is_unknown() { again.outcome_unknown() } else { again }
}
