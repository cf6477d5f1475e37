//! The backend: an in-house key-value service as a target. Each object is one text under a name.

use gitops_core::prelude::*;

use crate::Client;
use crate::protocol::{Item, Reply, Request};

/// A key-value service, reached through a client of its own.
pub struct KeyValue(pub Client);

#[async_trait]
impl Target for KeyValue {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("key-value")
    }

    async fn observe(&self, _: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = Vec::new();
        for key in scope.keys() {
            if let Reply::Item { version, item } =
                self.0.ask(Request::Get { name: key.name().into() }).await?
            {
                let version = Version::new(version.to_string());
                let live = Live::new(key.clone(), Uid::new(item.label), version, Value::from(&*item.value));
                found.push(live.owned_by(item.owner));
            }
        }
        Ok(found)
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let (name, mark) = (change.key().name().to_owned(), change.mark());
        let (expect, label) = match (change, change.expects()) {
            (Change::Update { .. }, Precondition::Exactly(old)) => (Some(number(old)?), old.uid.to_string()),
            (_, Precondition::Exactly(old)) => (Some(number(old)?), mark.op.to_string()),
            (_, Precondition::Absent) => (None, mark.op.to_string()),
        };
        let request = match (change.body().map(Value::as_text), expect) {
            (None, expect) => Request::Remove { name, expect: expect.unwrap_or_default() },
            (Some(text), expect) => {
                let item = Item {
                    value: text.unwrap_or_default().into(),
                    owner: mark.owner.to_string(),
                    label: label.clone(),
                };
                Request::Put { name, expect, item }
            }
        };
        match self.0.ask(request).await? {
            Reply::Done { version: 0 } => Ok(Applied::Absent),
            Reply::Done { version } => {
                Ok(Applied::Present { uid: Uid::new(label), version: Version::new(version.to_string()) })
            }
            _ => Err(Error::conflict(change.key())),
        }
    }
}

fn number(expect: &Expect) -> Result<u64> {
    expect.version.as_str().parse().map_err(|_| Error::new(ErrorKind::Internal, "no version of ours"))
}
