//! The changes that checks make, each with the preview that a plan would show.

use super::bench::{TargetBench, declared};
use crate::capability::Preview;
use crate::value::{Change, Expect, Key, Live, Mark, Value};
use crate::{Digest, Object, Result};

impl TargetBench {
    pub(super) async fn creation(&self, key: &Key, body: Value) -> Change {
        self.creation_by(key, body, self.mark()).await
    }

    pub(super) async fn creation_by(&self, key: &Key, body: Value, mark: Mark) -> Change {
        let object = declared(key, body);
        let preview = self.foretold(key, Some(&object), None).await;
        Change::Create { object, mark, preview }
    }

    pub(super) async fn update(&self, live: &Live, body: Value) -> Change {
        self.update_by(live, body, self.mark()).await
    }

    pub(super) async fn update_by(&self, live: &Live, body: Value, mark: Mark) -> Change {
        let (object, expect) = (declared(&live.key, body), Expect::from(live));
        let preview = self.foretold(&live.key, Some(&object), Some(live)).await;
        Change::Update { object, expect, mark, preview }
    }

    pub(super) async fn replacement(&self, live: &Live, body: Value) -> Change {
        let (object, expect, mark) = (declared(&live.key, body), Expect::from(live), self.mark());
        let preview = self.foretold(&live.key, Some(&object), Some(live)).await;
        Change::Replace { object, expect, mark, preview }
    }

    pub(super) async fn deletion(&self, live: &Live) -> Change {
        let (key, expect, mark) = (live.key.clone(), Expect::from(live), self.mark());
        let preview = self.foretold(&key, None, Some(live)).await;
        Change::Delete { key, expect, mark, preview }
    }

    /// What the target foretells of writing a body over an object, if it can.
    pub(super) async fn preview(&self, live: &Live, body: &Value) -> Result<Option<Preview>> {
        let Some(plan) = self.target().native_plan() else { return Ok(None) };
        let object = declared(&live.key, body.clone());
        plan.preview(&self.cx, &live.key, Some(&object), Some(live)).await.map(Some)
    }

    /// The digest of what the target foretells; nothing if it can't, or refuses to: the change itself then tells why.
    async fn foretold(&self, key: &Key, object: Option<&Object>, live: Option<&Live>) -> Option<Digest> {
        let plan = self.target().native_plan()?;
        plan.preview(&self.cx, key, object, live).await.ok().map(|preview| preview.digest)
    }
}

/// The same change with another expectation.
pub(super) fn expecting(change: Change, expect: Expect) -> Change {
    match change {
        Change::Update { object, mark, preview, .. } => Change::Update { object, expect, mark, preview },
        Change::Replace { object, mark, preview, .. } => Change::Replace { object, expect, mark, preview },
        Change::Delete { key, mark, preview, .. } => Change::Delete { key, expect, mark, preview },
        create @ Change::Create { .. } => create,
    }
}

/// The same update with another preview.
pub(super) fn foretelling(change: Change, preview: Option<Digest>) -> Change {
    match change {
        Change::Update { object, expect, mark, .. } => Change::Update { object, expect, mark, preview },
        other => other,
    }
}
