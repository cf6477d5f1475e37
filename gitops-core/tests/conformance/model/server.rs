//! What the server keeps and does, each in one step unless a fault says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::conformance::Fault;
use gitops_core::*;
use tokio::task::yield_now;

use super::Model;
use super::powers::digest;

#[derive(Default)]
pub struct Server {
    pub items: BTreeMap<Key, Item>,
    pub requests: Option<Fault>,
    /// One request that fails, after so many that do not.
    pub one_request: Option<(usize, Fault)>,
    pub fault_of_later_pages: Option<Fault>,
    /// Pages of lists that were not the first.
    pub later_pages: usize,
    pub flights: Vec<(Key, Action)>,
    pub moved: BTreeSet<Key>,
    pub previewed: BTreeSet<String>,
    pub answers: BTreeMap<String, Applied>,
    pub duplicates: BTreeSet<Key>,
    /// Creations that were sent and did not arrive yet.
    pub sent: BTreeMap<Key, Change>,
    /// Those of them whose callers are gone.
    pub late: BTreeMap<Key, Change>,
    pub reads: BTreeMap<Key, usize>,
    pub last: Option<Key>,
    pub lists: usize,
    versions: u64,
}

#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Item {
    pub key: Key,
    pub uid: Uid,
    pub version: Version,
    pub body: Value,
    /// What it was made with.
    pub first: Value,
    pub owner: Option<String>,
    pub op: String,
    pub writes: usize,
    pub has_extra: bool,
    pub is_held: bool,
    pub is_deleting: bool,
    pub is_damaged: bool,
    pub is_edited: bool,
    pub before: Option<Box<Item>>,
}

impl Server {
    pub fn next_version(&mut self) -> Version {
        self.versions += 1;
        Version::new(self.versions.to_string())
    }

    pub fn new_item(&mut self, key: &Key, body: Value, owner: Option<String>, op: &str) -> Item {
        let version = self.next_version();
        Item {
            key: key.clone(),
            uid: Uid::new(format!("uid-{version}")),
            version,
            first: body.clone(),
            body,
            owner,
            op: op.to_owned(),
            writes: 1,
            has_extra: false,
            is_held: false,
            is_deleting: false,
            is_damaged: false,
            is_edited: false,
            before: None,
        }
    }
}

impl Model {
    /// Where an object is kept.
    pub fn slot(&self, key: &Key) -> Key {
        match self.is("C02") {
            true => Key::new(key.target(), key.kind().clone(), "", key.name()),
            false => key.clone(),
        }
    }

    pub async fn change(&self, change: &Change) -> Result<Applied> {
        self.check_input(change)?;
        self.check_flights(change)?;
        self.come_between(change).await?;
        let answer = match (self.may(change), change) {
            (Ok(Some(answer)), _) => Ok(answer),
            (Err(error), _) => Err(self.scribble(change, error)),
            (Ok(None), Change::Create { object, .. }) => self.create(change, object.body.clone()).await,
            (Ok(None), Change::Update { object, .. }) => self.update(change, object.body.clone()).await,
            (Ok(None), Change::Replace { object, .. }) => Ok(self.replace(change, object.body.clone())),
            (Ok(None), Change::Delete { .. }) => self.delete(change).await,
        }?;
        let mut server = self.server();
        let is_forgotten = match change.action() {
            Action::Create => self.is("C18") && server.requests == Some(Fault::LostAnswer),
            Action::Replace => self.is("C28"),
            Action::Update | Action::Delete => false,
        };
        if !is_forgotten && answer != Applied::Deleting {
            server.answers.insert(change.owner_label().op.to_string(), answer.clone());
        }
        Ok(answer)
    }

    fn check_input(&self, change: &Change) -> Result<()> {
        let name = change.key().name();
        if (name.contains('!') || name.len() > 64) && !self.is("C64") {
            return Err(Error::new(ErrorKind::Invalid, "not a name of at most 64 letters"));
        }
        let Some(body) = change.body() else { return Ok(()) };
        if body.get("colour").is_some() {
            let invalid = Error::new(ErrorKind::Invalid, "things have no colour");
            return Err(if self.is("C44") { invalid.retry_when(Retry::Now) } else { invalid });
        }
        let length = body.get("text").and_then(Value::as_text).map_or(0, str::len);
        match length > 10_000 && !self.is("C63") {
            true => Err(Error::new(ErrorKind::Limit, "the text is too long").with("limit", 10_000)),
            false => Ok(()),
        }
    }

    fn check_flights(&self, change: &Change) -> Result<()> {
        let flights = self.server().flights.clone();
        let busy = || Error::new(ErrorKind::Unavailable, "busy");
        if self.is("C62") && flights.len() > 12 {
            return Err(busy());
        }
        let other = |(key, action): &(Key, Action)| key != change.key() && *action == Action::Update;
        match self.is("C60") && change.action() == Action::Update && flights.iter().any(other) {
            true => Err(busy()),
            false => Ok(()),
        }
    }

    /// Faults that check first and write later: what was checked is written whatever came between.
    async fn come_between(&self, change: &Change) -> Result<()> {
        let gap = match change.action() {
            Action::Create => self.is("C17") || self.is("C19"),
            Action::Update => self.is("C27"),
            _ => false,
        };
        if !gap || self.may(change)?.is_some() {
            return Ok(());
        }
        yield_now().await;
        let mut server = self.server();
        let slot = self.slot(change.key());
        match (server.items.get_mut(&slot), change) {
            (Some(item), Change::Create { owner_label, .. })
                if self.is("C19") && item.op == owner_label.op.as_str() =>
            {
                server.items.remove(&slot);
                server.answers.remove(owner_label.op.as_str());
            }
            (Some(item), Change::Create { owner_label, .. })
                if self.is("C17") && item.op != owner_label.op.as_str() =>
            {
                server.items.remove(&slot);
            }
            (Some(item), Change::Update { expect, .. }) => item.version = expect.version.clone(),
            _ => {}
        }
        Ok(())
    }

    /// Whether a change may be made; its answer, if it was made before.
    fn may(&self, change: &Change) -> Result<Option<Applied>> {
        let server = self.server();
        if let Some(answer) = server.answers.get(change.owner_label().op.as_str()) {
            return Ok(Some(answer.clone()));
        }
        let slot = self.slot(change.key());
        let item = server.items.get(&slot);
        let live = item.map(|item| self.live(&item.key, item.clone()));
        if let (Change::Delete { .. }, None) = (change, &live) {
            return if self.is("C34") { Err(self.refused(change)) } else { Ok(Some(Applied::Absent)) };
        }
        let is_ours = item
            .is_none_or(|item| item.owner.as_deref().is_some_and(|owner| change.owner_label().is_of(owner)));
        let is_creation = change.action() == Action::Create;
        let is_going = live.as_ref().is_some_and(|live| live.presence == Presence::Deleting);
        let revives = self.is("C38") && is_creation && is_going;
        if let (true, true, Some(live)) = (self.is("C16"), is_creation && is_ours && !is_going, &live) {
            return Ok(Some(Applied::from(live)));
        }
        if !is_ours && !self.is("C54") {
            return Err(Error::new(ErrorKind::NotOwned, "it is another's").at(change.key()));
        }
        if !revives && !self.is_expected(change, live.as_ref()) {
            return Err(self.refused(change));
        }
        self.is_as_foretold(change)?;
        Ok(None)
    }

    fn is_expected(&self, change: &Change, live: Option<&Live>) -> bool {
        let (Precondition::Exactly(expect), Some(live)) = (change.expects(), live) else {
            return change.expects().holds(live) || (self.is("C23") && change.action() == Action::Update);
        };
        if live.presence != Presence::Present {
            return false;
        }
        let (uid, version) = (live.uid == expect.uid, live.version == expect.version);
        match change.action() {
            Action::Update if self.is("C22") => uid,
            Action::Delete if self.is("C24") => version,
            Action::Delete if self.is("C25") => uid,
            Action::Replace if self.is("C26") => version,
            _ => uid && version,
        }
    }

    fn is_as_foretold(&self, change: &Change) -> Result<()> {
        let now = digest(change.body());
        match change.preview() {
            Some(preview) if *preview != now && !self.is("C72") => Err(self.refused(change)),
            _ => Ok(()),
        }
    }

    /// A refused change that writes all the same.
    fn scribble(&self, change: &Change, error: Error) -> Error {
        let mut server = self.server();
        let same = server.flights.iter().filter(|(key, _)| key == change.key()).count();
        if let (true, Change::Update { object, .. }, true) = (self.is("C61"), change, same > 2)
            && let Some(item) = server.items.get_mut(change.key())
        {
            item.body = object.body.clone();
        }
        error
    }
}

pub fn present(item: &Item) -> Applied {
    Applied::from(&Live::new(item.key.clone(), item.uid.clone(), item.version.clone(), Value::Null))
}
