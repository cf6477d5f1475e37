use std::collections::{BTreeMap, BTreeSet};

use super::fill::Filled;
use crate::capability::Preview;
use crate::render::Desired;
use crate::value::{Digest, Digested, Key, Live, Refusal, Result};

/// What a plan saw of the objects that it leaves unsettled: plans that are compared with it start from there. So nothing that moves
/// between two of them looks like a difference of their revisions, and no target is asked twice.
#[derive(Default)]
pub(super) struct Seen {
    /// Nothing for an object that was not there.
    live: BTreeMap<Key, Option<Live>>,
    /// What was asked with: the digest of the object as it was declared, nothing for one that goes.
    previews: BTreeMap<Key, (Option<Digest>, Result<Preview, Refusal>)>,
}

impl Seen {
    /// What was found by one look at some objects.
    pub fn of(keys: BTreeSet<Key>, mut live: BTreeMap<Key, Live>, filled: Filled) -> Self {
        let Filled { desired, previews, .. } = filled;
        let previews = previews.into_iter().map(|(key, answer)| {
            let asked = declared(&desired, &key);
            (key, (asked, answer))
        });
        let previews = previews.collect();
        let live = keys.into_iter().map(|key| {
            let found = live.remove(&key);
            (key, found)
        });
        Self { live: live.collect(), previews }
    }

    /// Keeps what concerns some objects.
    pub fn retain(&mut self, keeps: impl Fn(&Key) -> bool) {
        self.live.retain(|key, _| keeps(key));
        self.previews.retain(|key, _| keeps(key));
    }

    /// Whether it was looked at.
    pub fn has(&self, key: &Key) -> bool {
        self.live.contains_key(key)
    }

    /// What was there.
    pub fn live(&self, key: &Key) -> Option<&Live> {
        self.live.get(key)?.as_ref()
    }

    /// What its target previewed of an object, if it is asked about the same declaration and the same state of it.
    pub fn preview(&self, desired: &Desired, key: &Key) -> Option<&Result<Preview, Refusal>> {
        let (asked, answer) = self.previews.get(key)?;
        (self.has(key) && *asked == declared(desired, key)).then_some(answer)
    }
}

fn declared(desired: &Desired, key: &Key) -> Option<Digest> {
    desired.objects().get(key).map(Digested::digest)
}
