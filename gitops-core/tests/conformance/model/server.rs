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
    pub flights: Vec<(Key, Action)>,
    pub moved: BTreeSet<Key>,
    pub foretold: BTreeSet<String>,
    answers: BTreeMap<String, Applied>,
    duplicates: BTreeSet<Key>,
    reads: BTreeMap<Key, usize>,
    last: Option<Key>,
    lists: usize,
    versions: u64,
}

#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Item {
    pub key: Key,
    pub uid: Uid,
    pub version: Version,
    pub body: Value,
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

    pub async fn list(&self, scope: &Scope) -> Result<Vec<Live>> {
        if let Some(key) = scope.keys().find(|key| key.kind().kind() == "Unknown") {
            return Err(Error::new(ErrorKind::Unsupported, "no such kind").at(key));
        }
        if self.is("C12") && scope.len() > 100 {
            return Ok(self.list_by_offset(scope).await);
        }
        if self.is("C48") && scope.len() < 5 {
            let taken: Vec<_> =
                scope.keys().filter_map(|key| self.server().items.remove_entry(key)).collect();
            yield_now().await;
            self.server().items.extend(taken);
        }
        let found: Vec<Live> = scope.keys().flat_map(|key| self.show(key)).collect();
        if self.is("C47") && found.iter().any(|live| matches!(live.presence, Presence::Unreadable(_))) {
            return Err(Error::new(ErrorKind::Corrupt, "can't decode the list"));
        }
        Ok(self.listed(scope, found))
    }

    /// Pages by their offset in a list that moves: what others remove makes it skip.
    async fn list_by_offset(&self, scope: &Scope) -> Vec<Live> {
        let mut found = Vec::new();
        for page in 0.. {
            let keys: Vec<Key> =
                self.server().items.keys().filter(|key| scope.contains(key)).cloned().collect();
            let page: Vec<&Key> = keys.iter().skip(page * 20).take(20).collect();
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().flat_map(|key| self.show(key)));
            yield_now().await;
        }
        found
    }

    /// What the faults of lists make of one.
    fn listed(&self, scope: &Scope, mut found: Vec<Live>) -> Vec<Live> {
        let mut server = self.server();
        server.lists += 1;
        if self.is("C01") && (2..10).contains(&scope.len()) {
            found.iter_mut().for_each(|live| live.uid = Uid::new(format!("{}-listed", live.uid)));
        }
        if self.is("C10") && (11..=50).contains(&scope.len()) {
            found.retain(|live| Some(&live.key) != server.last.as_ref());
        }
        if self.is("C11") && scope.len() > 125 {
            found.pop();
        }
        if self.is("C15") && server.lists.is_multiple_of(2) {
            found.reverse();
        }
        if self.is("C55") && scope.len() > 2 {
            let first = found[0].ownership.clone();
            found.iter_mut().for_each(|live| live.ownership = first.clone());
        }
        found
    }

    /// An object as a look shows it.
    fn show(&self, key: &Key) -> Vec<Live> {
        let mut server = self.server();
        let reads = server.reads.entry(key.clone()).or_default();
        *reads += 1;
        if self.is("C06") && reads.is_multiple_of(9) {
            let version = server.next_version();
            server.items.get_mut(key).into_iter().for_each(|item| item.version = version.clone());
        }
        let folded = |item: &&Item| {
            let beside = |key: &Key| (key.kind().clone(), key.namespace().to_owned());
            beside(&item.key) == beside(key) && item.key.name().eq_ignore_ascii_case(key.name())
        };
        let other = || server.items.values().find(folded).filter(|_| self.is("C08")).cloned();
        let Some(item) = server.items.get(&self.slot(key)).cloned().or_else(other) else { return Vec::new() };
        let stale = server.items.get_mut(key).and_then(|item| item.before.take());
        let mut live = self.live(key, stale.map_or(item, |before| *before));
        if self.is("C52")
            && let Ownership::Owner(owner) = &mut live.ownership
        {
            owner.truncate(63);
        }
        match server.duplicates.contains(key) {
            true => vec![live.clone(), live],
            false => vec![live],
        }
    }

    fn live(&self, key: &Key, item: Item) -> Live {
        if item.is_damaged {
            return Live::unreadable(key.clone(), "no text");
        }
        let mut live = Live::new(key.clone(), item.uid, item.version, item.body);
        if let (Some(owner), false) = (item.owner, self.is("C53") && item.is_edited) {
            live = live.owned_by(owner);
        }
        if item.is_deleting && !self.is("C36") {
            live.presence = Presence::Deleting;
        }
        if let (true, Some(Value::Secret(secret))) = (self.is("C57"), live.body.get("secret")) {
            live.outputs.insert("last-applied".into(), Value::from(secret.expose()));
        }
        live
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
            server.answers.insert(change.mark().op.to_string(), answer.clone());
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
            (Some(item), Change::Create { mark, .. }) if self.is("C19") && item.op == mark.op.as_str() => {
                server.items.remove(&slot);
                server.answers.remove(mark.op.as_str());
            }
            (Some(item), Change::Create { mark, .. }) if self.is("C17") && item.op != mark.op.as_str() => {
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
        if let Some(answer) = server.answers.get(change.mark().op.as_str()) {
            return Ok(Some(answer.clone()));
        }
        let slot = self.slot(change.key());
        let item = server.items.get(&slot);
        let live = item.map(|item| self.live(&item.key, item.clone()));
        if let (Change::Delete { .. }, None) = (change, &live) {
            return if self.is("C34") { Err(self.refused(change)) } else { Ok(Some(Applied::Absent)) };
        }
        let is_ours = item.is_none_or(|item| item.owner.as_deref() == Some(&change.mark().owner));
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

    async fn create(&self, change: &Change, body: Value) -> Result<Applied> {
        let (slot, mark) = (self.slot(change.key()), change.mark());
        let mut item = self.server().new_item(change.key(), self.stored(body, true), None, &mark.op);
        if self.is("C04") {
            item.uid = Uid::new(change.key().to_string());
        }
        if self.is("C20") {
            self.server().items.insert(slot.clone(), item.clone());
            yield_now().await;
        }
        item.owner = Some(mark.owner.to_string());
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

    async fn update(&self, change: &Change, body: Value) -> Result<Applied> {
        let slot = self.slot(change.key());
        let version = self.server().next_version();
        let mark = change.mark();
        let absent =
            || self.server().new_item(change.key(), Value::Null, Some(mark.owner.to_string()), &mark.op);
        let found = self.server().items.get(&slot).cloned();
        let mut item = found.unwrap_or_else(absent);
        item.writes += 1;
        if !(self.is("C05") && item.writes.is_multiple_of(7)) {
            item.version = version.clone();
        }
        if self.is("C03") {
            item.uid = Uid::new(format!("uid-{version}"));
        }
        item.has_extra &= !self.is("C31");
        item.is_edited = false;
        let note = item.body.get("note").cloned().filter(|_| self.is("C32"));
        item.op = mark.op.to_string();
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
        let answer = present(&item);
        self.server().items.insert(slot, item);
        Ok(answer)
    }

    fn replace(&self, change: &Change, body: Value) -> Applied {
        let (slot, mark) = (self.slot(change.key()), change.mark());
        let body = self.stored(body, true);
        let mut server = self.server();
        let mut item = server.new_item(change.key(), body, Some(mark.owner.to_string()), &mark.op);
        item.before = server.items.get(&slot).filter(|_| self.is("C09")).cloned().map(Box::new);
        let answer = present(&item);
        server.items.insert(slot, item);
        answer
    }

    async fn delete(&self, change: &Change) -> Result<Applied> {
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

pub fn present(item: &Item) -> Applied {
    Applied::from(&Live::new(item.key.clone(), item.uid.clone(), item.version.clone(), Value::Null))
}
