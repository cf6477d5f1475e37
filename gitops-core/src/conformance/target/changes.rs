//! The changes that checks make, each with the preview that a plan would show.

use super::bench::{TargetBench, declared};
use crate::capability::Preview;
use crate::value::{Change, Digest, Expect, Key, Live, Object, OwnerLabel, Result, Value};

impl TargetBench {
    pub(super) async fn creation(&self, key: &Key, body: Value) -> Change {
        self.creation_by(key, body, self.owner_label()).await
    }

    pub(super) async fn creation_by(&self, key: &Key, body: Value, owner_label: OwnerLabel) -> Change {
        let object = declared(key, body);
        let preview = self.previewed(key, Some(&object), None).await;
        Change::Create { object, owner_label, preview }
    }

    pub(super) async fn update(&self, live: &Live, body: Value) -> Change {
        self.update_by(live, body, self.owner_label()).await
    }

    pub(super) async fn update_by(&self, live: &Live, body: Value, owner_label: OwnerLabel) -> Change {
        let (object, expect) = (declared(&live.key, body), Expect::from(live));
        let preview = self.previewed(&live.key, Some(&object), Some(live)).await;
        Change::Update { object, expect, owner_label, preview }
    }

    pub(super) async fn replacement(&self, live: &Live, body: Value) -> Change {
        let (object, expect, owner_label) =
            (declared(&live.key, body), Expect::from(live), self.owner_label());
        let preview = self.previewed(&live.key, Some(&object), Some(live)).await;
        Change::Replace { object, expect, owner_label, preview }
    }

    pub(super) async fn deletion(&self, live: &Live) -> Change {
        let (key, expect, owner_label) = (live.key.clone(), Expect::from(live), self.owner_label());
        let preview = self.previewed(&key, None, Some(live)).await;
        Change::Delete { key, expect, owner_label, preview }
    }

    /// What the target previews of writing a body over an object, if it can.
    pub(super) async fn preview(&self, live: &Live, body: &Value) -> Result<Option<Preview>> {
        let Some(plan) = self.target().dry_run() else { return Ok(None) };
        let object = declared(&live.key, body.clone());
        plan.preview(&self.cx, &live.key, Some(&object), Some(live)).await.map(Some)
    }

    /// The digest of what the target previews; nothing if it can't, or refuses to: the change itself then tells why.
    async fn previewed(&self, key: &Key, object: Option<&Object>, live: Option<&Live>) -> Option<Digest> {
        let plan = self.target().dry_run()?;
        plan.preview(&self.cx, key, object, live).await.ok().map(|preview| preview.digest)
    }
}

/// The same change with another expectation.
pub(super) fn expecting(change: Change, expect: Expect) -> Change {
    match change {
        Change::Update { object, owner_label, preview, .. } => {
            Change::Update { object, expect, owner_label, preview }
        }
        Change::Replace { object, owner_label, preview, .. } => {
            Change::Replace { object, expect, owner_label, preview }
        }
        Change::Delete { key, owner_label, preview, .. } => {
            Change::Delete { key, expect, owner_label, preview }
        }
        create @ Change::Create { .. } => create,
    }
}

/// The same update with another preview.
pub(super) fn foretelling(change: Change, preview: Option<Digest>) -> Change {
    match change {
        Change::Update { object, expect, owner_label, .. } => {
            Change::Update { object, expect, owner_label, preview }
        }
        other => other,
    }
}
