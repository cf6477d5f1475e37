//! The model backends' truth: what is really there.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use smol_str::{SmolStr, format_smolstr};

use super::calls::recovery_class_of;
use super::twins;
use crate::capability::RecoveryClass;
use crate::value::{
    Action, Applied, Change, Error, ErrorKind, Expect, Key, Live, Presence, Result, Uid, Value, Version,
};

/// The field that the server adds to every object.
pub(super) const DEFAULTED: &str = "defaulted";

/// Why an object must be replaced.
pub(super) const IMMUTABLE: &str = "the value can't be changed in place";

/// One object that is there.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub key: Key,
    pub uid: Uid,
    pub version: u64,
    pub body: Value,
    pub owner: Option<SmolStr>,
    /// Which application made it, by the world's own books; an owner label can be copied.
    pub maker: Option<usize>,
    /// When its deletion, which was accepted, is finished.
    pub deleting: Option<i64>,
    /// Whether its maker learned its identity; an opaque target shows nothing else.
    pub known: bool,
    pub ready_at: i64,
    pub made_at: i64,
}

impl Item {
    pub fn live(&self) -> Live {
        let version = Version::new(format_smolstr!("{}", self.version));
        let mut live = Live::new(self.key.clone(), self.uid.clone(), version, self.body.clone());
        if let Some(owner) = &self.owner {
            live = live.owned_by(owner.as_str());
        }
        if self.deleting.is_some() {
            live.presence = Presence::Deleting;
        }
        live
    }

    /// Whether a target shows it: by its name; by our owner label; or because its identity was learned.
    pub fn is_shown_to(&self, app: usize) -> bool {
        match recovery_class_of(self.key.target()) {
            RecoveryClass::Keyed => true,
            RecoveryClass::Discoverable => self.maker == Some(app),
            RecoveryClass::Opaque => self.maker == Some(app) && self.known,
        }
    }

    fn is(&self, expect: &Expect) -> bool {
        self.deleting.is_none()
            && self.uid == expect.uid
            && self.version.to_string() == expect.version.as_str()
    }

    fn present(&self, manner: Manner) -> Applied {
        match manner.tells {
            true => Applied::Holds(Box::new(self.live())),
            false => Applied::from(&self.live()),
        }
    }
}

/// All objects of all model targets.
#[derive(Debug, Default)]
pub(super) struct Server {
    items: BTreeMap<(Key, u64), Item>,
    last: u64,
    /// What was there before somebody else's last write of each object, for views that are late.
    older: BTreeMap<Key, Live>,
    /// The answer to each operation that had an effect: what is repeated, at whatever time, has none.
    answered: BTreeMap<SmolStr, Applied>,
    pub writes: u64,
}

/// How the server carries a change out besides what it says.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Manner {
    pub recovery_class: RecoveryClass,
    pub maker: usize,
    pub now: i64,
    pub defaults: bool,
    /// The value can't be changed in place.
    pub immutable: bool,
    /// The value is kept as it is, whatever is written.
    pub untaken: bool,
    /// Answers say what is there now.
    pub tells: bool,
    /// It only puts the owner label on what nobody owns.
    pub marks_only: bool,
    /// A seeded bug: an owner label is set by a second write.
    pub labels_later: bool,
    pub ready_at: i64,
    /// When a deletion is finished that is not finished at once.
    pub gone_at: Option<i64>,
}

/// All that is kept under the first key of an object.
fn under(key: &Key) -> RangeInclusive<(Key, u64)> {
    let first = twins::first(key);
    (first.clone(), 0)..=(first, u64::MAX)
}

impl Server {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    pub fn at(&self, key: &Key) -> impl Iterator<Item = &Item> + use<'_> {
        self.items.range(under(key)).map(|(_, item)| item)
    }

    pub fn with_uid(&self, key: &Key, uid: &Uid) -> Option<&Item> {
        self.at(key).find(|item| &item.uid == uid)
    }

    pub fn older(&self, key: &Key) -> Option<&Live> {
        self.older.get(&twins::first(key))
    }

    /// Sets an owner label by itself.
    pub fn owner_label(&mut self, key: &Key, uid: &Uid, owner: SmolStr) {
        if let Some(item) = self.find_mut(key, uid) {
            item.owner = Some(owner);
        }
    }

    /// Puts an object there as somebody else would.
    pub fn intrude(&mut self, key: &Key, body: Value, owner: Option<SmolStr>) {
        self.last += 1;
        let item = Item {
            key: key.clone(),
            uid: Uid::new(format_smolstr!("u{}", self.last)),
            version: self.last,
            body,
            owner,
            maker: None,
            deleting: None,
            known: true,
            ready_at: 0,
            made_at: 0,
        };
        self.items.insert((key.clone(), self.last), item);
    }

    /// Changes the body of an object behind everybody's back.
    pub fn meddle(&mut self, key: &Key, uid: &Uid, edit: impl FnOnce(&Value) -> Value) -> bool {
        self.last += 1;
        let last = self.last;
        let Some(item) = self.find_mut(key, uid).filter(|item| item.deleting.is_none()) else { return false };
        let before = item.live();
        item.body = edit(&item.body);
        item.version = last;
        self.older.insert(twins::first(key), before);
        true
    }

    /// Removes whatever is there under a key.
    pub fn vanish(&mut self, key: &Key) -> bool {
        let keys: Vec<(Key, u64)> = self.items.range(under(key)).map(|(id, _)| id.clone()).collect();
        keys.iter().for_each(|id| {
            self.items.remove(id);
        });
        self.older.remove(&twins::first(key));
        !keys.is_empty()
    }

    /// Removes one incarnation.
    pub fn remove(&mut self, key: &Key, uid: &Uid) {
        let first = twins::first(key);
        self.items.retain(|(at, _), item| *at != first || &item.uid != uid);
        self.older.remove(&twins::first(key));
    }

    /// Finishes deletions that are due, and all of them if `all` says so.
    pub fn reap(&mut self, now: i64, all: bool) -> Vec<Key> {
        let due = |item: &Item| item.deleting.is_some_and(|at| all || at <= now);
        let due: Vec<(Key, u64)> =
            self.items.iter().filter(|(_, item)| due(item)).map(|(id, _)| id.clone()).collect();
        due.iter().for_each(|id| {
            self.items.remove(id);
        });
        due.into_iter().map(|(key, _)| key).collect()
    }

    /// Carries a change out in one step, if its precondition holds.
    pub fn apply(&mut self, change: &Change, manner: Manner) -> Result<Applied> {
        let op = &change.owner_label().op;
        if let Some(answer) = self.answered.get(op) {
            return Ok(answer.clone());
        }
        let applied = self.carry_out(change, manner)?;
        self.answered.insert(op.clone(), applied.clone());
        Ok(applied)
    }

    fn carry_out(&mut self, change: &Change, manner: Manner) -> Result<Applied> {
        match change {
            Change::Create { .. } => self.create(change, manner),
            Change::Update { expect, .. } => self.update(change, expect, manner),
            Change::Replace { expect, .. } => {
                let id = self.expected(change.key(), expect)?;
                self.items.remove(&id);
                Ok(self.make(change, manner))
            }
            Change::Delete { expect, .. } => self.delete(change, expect, manner),
        }
    }

    fn create(&mut self, change: &Change, manner: Manner) -> Result<Applied> {
        if manner.recovery_class == RecoveryClass::Keyed && self.at(change.key()).next().is_some() {
            return Err(Error::conflict(change.key()));
        }
        Ok(self.make(change, manner))
    }

    fn make(&mut self, change: &Change, manner: Manner) -> Applied {
        self.older.remove(&twins::first(change.key()));
        self.last += 1;
        self.writes += 1;
        let item = Item {
            key: twins::first(change.key()),
            uid: Uid::new(format_smolstr!("u{}", self.last)),
            version: self.last,
            body: stored(change, manner),
            owner: (!manner.labels_later).then(|| change.owner_label().owner.clone()),
            maker: Some(manner.maker),
            deleting: None,
            known: false,
            ready_at: manner.ready_at,
            made_at: manner.now,
        };
        let applied = item.present(manner);
        self.items.insert((item.key.clone(), self.last), item);
        applied
    }

    fn update(&mut self, change: &Change, expect: &Expect, manner: Manner) -> Result<Applied> {
        let id = self.expected(change.key(), expect)?;
        if manner.marks_only && self.items[&id].owner.is_some() {
            return Err(Error::conflict(change.key()));
        }
        if manner.immutable
            && !manner.marks_only
            && self.items[&id].body.get("value") != change.body().and_then(|body| body.get("value"))
        {
            return Err(Error::new(ErrorKind::Invalid, IMMUTABLE).at(change.key()));
        }
        self.last += 1;
        self.writes += 1;
        let last = self.last;
        let item = self.items.get_mut(&id).expect("it was found just now");
        match manner.marks_only {
            true => item.maker = Some(manner.maker),
            false => item.body = stored(change, manner),
        }
        item.version = last;
        item.owner = Some(change.owner_label().owner.clone());
        item.ready_at = manner.ready_at;
        let applied = item.present(manner);
        self.older.remove(&twins::first(change.key()));
        Ok(applied)
    }

    fn delete(&mut self, change: &Change, expect: &Expect, manner: Manner) -> Result<Applied> {
        if self.at(change.key()).next().is_none() {
            return Ok(Applied::Absent);
        }
        let id = self.expected(change.key(), expect)?;
        self.writes += 1;
        let item = self.items.get_mut(&id).expect("it was found just now");
        self.older.remove(&twins::first(change.key()));
        if manner.gone_at.is_some() {
            item.deleting = manner.gone_at;
            return Ok(Applied::Deleting);
        }
        self.items.remove(&id);
        Ok(Applied::Absent)
    }

    fn expected(&self, key: &Key, expect: &Expect) -> Result<(Key, u64)> {
        let found = self.items.range(under(key));
        let mut found = found.filter(|(_, item)| item.is(expect));
        found.next().map(|(id, _)| id.clone()).ok_or_else(|| Error::conflict(key))
    }
}

fn stored(change: &Change, manner: Manner) -> Value {
    let mut fields: BTreeMap<String, Value> = change.body().map(fields).unwrap_or_default();
    if manner.defaults {
        fields.insert(DEFAULTED.to_owned(), Value::from("by the server"));
    }
    if manner.untaken {
        fields.insert("value".to_owned(), Value::from("kept by the server"));
    }
    Value::map(fields)
}

/// The members of a body.
pub(super) fn fields(body: &Value) -> BTreeMap<String, Value> {
    match body {
        Value::Map(members) => {
            members.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A refusal that leaves no doubt.
pub(super) fn refused(key: &Key, action: Action) -> Error {
    Error::new(ErrorKind::Forbidden, format!("the server refuses to {action} it")).at(key)
}

impl Server {
    pub fn find_mut(&mut self, key: &Key, uid: &Uid) -> Option<&mut Item> {
        let mut range = self.items.range_mut(under(key));
        range.find(|(_, item)| &item.uid == uid).map(|(_, item)| item)
    }
}
