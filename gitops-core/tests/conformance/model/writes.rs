//! What the server does once it may.

use gitops_core::conformance::Fault;
use gitops_core::*;
use tokio::task::yield_now;

use super::Model;
use super::server::{Item, present};

impl Model {
    pub async fn create(&self, change: &Change, body: Value) -> Result<Applied> {
        let (slot, owner_label) = (self.slot(change.key()), change.owner_label());
        let mut item = self.server().new_item(change.key(), self.stored(body, true), None, &owner_label.op);
        if self.is("C04") {
            item.uid = Uid::new(change.key().to_string());
        }
        if self.is("C20") {
            self.server().items.insert(slot.clone(), item.clone());
            yield_now().await;
        }
        item.owner = Some(owner_label.owner.to_string());
        if self.is("C49") {
            let half = Item { body: Value::Null, ..item.clone() };
            self.server().items.insert(slot.clone(), half);
            yield_now().await;
        }
        let mut server = self.server();
        if self.is("C21") && server.requests == Some(Fault::LostAnswer) {
            server.duplicates.insert(slot.clone());
        }
        server.last = Some(slot.clone());
        let answer = present(&item);
        server.items.insert(slot, item);
        Ok(answer)
    }

    pub async fn update(&self, change: &Change, body: Value) -> Result<Applied> {
        let slot = self.slot(change.key());
        if self.is("C76") {
            yield_now().await;
            let now = self.server().items.get(&slot).map(|item| Version::clone(&item.version));
            if now
                .is_some_and(|now| !matches!(change, Change::Update { expect, .. } if expect.version == now))
            {
                return Err(self.refused(change));
            }
        }
        let version = self.server().next_version();
        let owner_label = change.owner_label();
        let absent = || {
            self.server().new_item(
                change.key(),
                Value::Null,
                Some(owner_label.owner.to_string()),
                &owner_label.op,
            )
        };
        let found = self.server().items.get(&slot).cloned();
        let mut item = found.unwrap_or_else(absent);
        item.writes += 1;
        let comes_back = self.is("C74") && item.writes == 3 && body == item.first;
        let stands_still = self.is("C05") && item.writes.is_multiple_of(7);
        if !stands_still && !comes_back {
            item.version = version.clone();
        }
        if self.is("C03") {
            item.uid = Uid::new(format!("uid-{version}"));
        }
        item.has_extra &= !self.is("C31");
        let was_edited = std::mem::take(&mut item.is_edited);
        let keeps = self.is("C32") || (self.is("C78") && was_edited);
        let note = item.body.get("note").cloned().filter(|_| keeps);
        if !self.is("C82") {
            item.owner = Some(owner_label.owner.to_string());
        }
        item.op = owner_label.op.to_string();
        item.body = match (note, self.stored(body, false)) {
            (Some(note), Value::Map(fields)) => {
                let fields = fields.iter().map(|(name, value)| (name.to_owned(), value.clone()));
                Value::map(fields.chain([("note".to_owned(), note)]))
            }
            (_, body) => body,
        };
        if self.is("C50") {
            let half = Item { body: Value::Null, ..item.clone() };
            self.server().items.insert(slot.clone(), half);
            yield_now().await;
            if self.server().items.get(&slot).is_none_or(|now| now.version != item.version) {
                return Ok(present(&item));
            }
        }
        let answer = match self.is("C79") {
            true => self.lie(&item),
            false => present(&item),
        };
        self.server().items.insert(slot, item);
        Ok(answer)
    }

    /// An answer that shows something else than there is.
    fn lie(&self, item: &Item) -> Applied {
        let mut live = self.live(&item.key, item.clone());
        live.body = Value::Null;
        Applied::Holds(Box::new(live))
    }

    pub fn replace(&self, change: &Change, body: Value) -> Applied {
        let (slot, owner_label) = (self.slot(change.key()), change.owner_label());
        let body = self.stored(body, true);
        let mut server = self.server();
        let mut item =
            server.new_item(change.key(), body, Some(owner_label.owner.to_string()), &owner_label.op);
        item.before = server.items.get(&slot).filter(|_| self.is("C09")).cloned().map(Box::new);
        let answer = present(&item);
        server.items.insert(slot, item);
        answer
    }

    pub async fn delete(&self, change: &Change) -> Result<Applied> {
        let slot = self.slot(change.key());
        if self.is("C51") {
            self.server().items.get_mut(&slot).into_iter().for_each(|item| item.owner = None);
            yield_now().await;
        }
        let mut server = self.server();
        match server.items.get_mut(&slot) {
            Some(item) if item.is_held => {
                item.is_deleting = true;
                return Ok(if self.is("C35") { Applied::Absent } else { Applied::Deleting });
            }
            _ => server.items.remove(&slot),
        };
        server.items.retain(|key, _| key.namespace() != slot.name());
        if self.is("C39") {
            server.items.retain(|key, _| !key.name().starts_with(slot.name()));
        }
        Ok(Applied::Absent)
    }

    /// What the server makes of a body.
    fn stored(&self, body: Value, is_new: bool) -> Value {
        let Value::Map(fields) = &body else { return body };
        let text = fields.get("text").and_then(Value::as_text).map(str::to_owned);
        let with = |name: &str, value: Value| {
            let fields = fields.iter().map(|(name, value)| (name.to_owned(), value.clone()));
            Value::map(fields.chain([(name.to_owned(), value)]))
        };
        match text {
            Some(text) if self.is("C07") => with("text", text.trim().into()),
            Some(_) if self.is("C29") && is_new && fields.get("size").is_none() => with("size", 0.into()),
            Some(text) if self.is("C30") && !is_new && text == "1000m" => with("text", "1".into()),
            Some(text) if self.is("C63") && text.len() > 10_000 => with("text", text[..10_000].into()),
            _ => body,
        }
    }
}
