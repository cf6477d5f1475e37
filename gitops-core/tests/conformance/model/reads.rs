//! What the server shows.

use gitops_core::*;
use tokio::task::yield_now;

use super::Model;
use super::server::Item;

impl Model {
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

    pub fn live(&self, key: &Key, item: Item) -> Live {
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
}
