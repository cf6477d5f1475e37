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
            found.extend(self.get(key).await?);
        }
        Ok(found)
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let (key, owner_label, live) = (change.key(), change.owner_label(), self.get(change.key()).await?);
        let uid = match change {
            Change::Update { expect, .. } => expect.uid.clone(),
            _ => Uid::new(owner_label.op.clone()),
        };
        match &live {
            None if change.body().is_none() => return Ok(Applied::Absent),
            Some(live) if !live.is_owned_by(&owner_label.owner) => return Err(Error::conflict(key)),
            // Sent again: it was done.
            Some(live) if live.uid == uid && Some(&live.body) == change.body() => return Ok(live.into()),
            found if !change.expects().holds(found.as_ref()) => return Err(Error::conflict(key)),
            _ => {}
        }
        let (name, expect) =
            (key.name().to_owned(), live.and_then(|live| live.version.as_str().parse().ok()));
        let request = match change.body().map(Value::as_text) {
            Some(None) => return Err(Error::new(ErrorKind::Invalid, "a setting is a text")),
            None => Request::Remove { name, expect: expect.unwrap_or_default() },
            Some(Some(text)) => {
                let (owner, label) = (owner_label.owner.to_string(), uid.to_string());
                Request::Put { name, expect, item: Item { value: text.to_owned(), owner, label } }
            }
        };
        match self.0.ask(request).await? {
            Reply::Done { version: 0 } => Ok(Applied::Absent),
            Reply::Done { version } => {
                Ok(Applied::Present { uid, version: Version::new(version.to_string()) })
            }
            _ => Err(Error::conflict(key)),
        }
    }
}

impl KeyValue {
    async fn get(&self, key: &Key) -> Result<Option<Live>> {
        let reply = self.0.ask(Request::Get { name: key.name().to_owned() }).await?;
        let Reply::Item { version, item } = reply else { return Ok(None) };
        let (uid, version) = (Uid::new(item.label), Version::new(version.to_string()));
        let live = Live::new(key.clone(), uid, version, Value::from(&*item.value));
        Ok(Some(if item.owner.is_empty() { live } else { live.owned_by(item.owner) }))
    }
}
