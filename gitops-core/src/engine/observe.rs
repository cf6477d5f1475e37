use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt;
use smol_str::SmolStr;

use super::Engine;
use super::effects::contained;
use super::seen::Seen;
use crate::capability::{MovedObjects, Scope, Target};
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::state::record::OwnedState;
use crate::value::{Error, ErrorKind, Key, Live, Result};

/// How many times in a row a watch is asked before the rest is left to the next reconciliation.
const WATCH_DRAIN: usize = 64;

/// How the next plan looks for what moved outside of Git.
#[derive(Default)]
pub(super) struct NextLook {
    /// For what no watch has seen.
    pub is_due: bool,
    /// It does not, although that is due.
    pub passes_over_drift: bool,
    /// For drift beside all of its changes.
    pub is_beside: bool,
}

impl NextLook {
    /// Each call says anew what it wants: one that was dropped half way may have left a wish of its own.
    pub fn as_usual(&mut self) {
        (self.passes_over_drift, self.is_beside) = (false, false);
    }
}

impl Engine {
    /// What targets have of some objects. Either all of it, or an error: never a part.
    pub(super) async fn observe(&self, cx: &Cx, keys: &BTreeSet<Key>) -> Result<BTreeMap<Key, Live>> {
        let mut scopes: BTreeMap<SmolStr, Vec<Key>> = BTreeMap::new();
        for key in keys {
            scopes.entry(key.target().into()).or_default().push(key.clone());
        }
        let mut found = BTreeMap::new();
        for (name, keys) in scopes {
            let entries = self.inventory().entries();
            let is_held = |key: &Key| entries.get(key).is_some_and(|entry| entry.state == OwnedState::Held);
            let scope = keys.into_iter().collect::<Scope>().holding(is_held);
            let answer = contained(cx.bounded(self.targets[&name].observe(cx, &scope))).await;
            for live in answer.map_err(|error| error.during("observe").with("target", &name))? {
                check_answer(&name, &scope, &live)?;
                found.insert(live.key.clone(), live);
            }
        }
        self.events.emit(&Event::Observed { asked: keys.len() });
        Ok(found)
    }

    /// The same, where what another plan saw is taken as that one saw it.
    pub(super) async fn observe_unseen(
        &self,
        cx: &Cx,
        keys: &BTreeSet<Key>,
        seen: Option<&Seen>,
    ) -> Result<BTreeMap<Key, Live>> {
        let Some(seen) = seen else { return self.observe(cx, keys).await };
        let (known, unseen): (BTreeSet<&Key>, BTreeSet<&Key>) = keys.iter().partition(|key| seen.has(key));
        let mut found = self.observe(cx, &unseen.into_iter().cloned().collect()).await?;
        let known = known.into_iter().filter_map(|key| Some((key.clone(), seen.live(key)?.clone())));
        found.extend(known);
        Ok(found)
    }

    /// Takes in what the watches have to say by now. Objects of a target without a watch, or whose watch fails, may all
    /// have moved.
    pub(super) fn drain_watches(&mut self, cx: &Cx) {
        for (name, target) in self.targets.clone() {
            self.drain_watch(cx, &name, &target);
        }
    }

    pub(super) fn drain_watch(&mut self, cx: &Cx, name: &SmolStr, target: &Arc<dyn Target>) {
        let Some(watch) = target.watch() else {
            self.anything_moved(name);
            return;
        };
        for _ in 0..WATCH_DRAIN {
            match contained(watch.moved(cx)).now_or_never() {
                None => break,
                Some(Ok(moved)) => drop(self.take_moved(name, moved)),
                Some(Err(error)) => {
                    self.events
                        .emit(&Event::WatchFailed { target: name.to_string(), error: error.to_string() });
                    self.anything_moved(name);
                    break;
                }
            }
        }
    }

    /// Takes in what a watch has to say by now; gives whether that is all that may have moved in its target.
    pub(super) fn hears_of_all(&mut self, cx: &Cx, name: &SmolStr, target: &Arc<dyn Target>) -> bool {
        let Some(watch) = target.watch() else { return false };
        let mut is_all = watch.covers_all() || self.keys_of(name).all(|key| watch.covers(key));
        for _ in 0..WATCH_DRAIN {
            match contained(watch.moved(cx)).now_or_never() {
                None => return is_all,
                Some(Ok(MovedObjects::Keys(keys))) => drop(self.take_moved(name, MovedObjects::Keys(keys))),
                // Which ones is found out otherwise.
                Some(Ok(MovedObjects::Any)) => is_all = false,
                Some(Err(_)) => return false,
            }
        }
        is_all
    }

    /// Remembers what may have moved; says whether any of it concerns the application.
    pub(super) fn take_moved(&mut self, target: &str, moved: MovedObjects) -> bool {
        let MovedObjects::Keys(mut keys) = moved else {
            self.events.emit(&Event::Moved { objects: None });
            self.anything_moved(target);
            return true;
        };
        self.events.emit(&Event::Moved { objects: Some(keys.len()) });
        keys.retain(|key| self.concerns(key));
        let concerns = !keys.is_empty();
        self.base.moved(keys);
        concerns
    }

    /// Whether an object is declared or ours. What will be declared later is looked at then.
    pub(super) fn concerns(&self, key: &Key) -> bool {
        self.desired().is_some_and(|desired| desired.objects().contains(key))
            || self.inventory().entries().contains(key)
    }

    fn anything_moved(&mut self, target: &str) {
        if self.base.looks_at_everything() {
            return;
        }
        let keys: Vec<Key> = self.keys_of(target).cloned().collect();
        self.base.moved(keys);
    }

    /// What is declared or ours in a target.
    pub(super) fn keys_of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Key> {
        let declared = self.declared.iter().flat_map(|declared| declared.desired.objects().keys());
        let keys = declared.chain(self.ledger.inventory().entries().keys());
        keys.filter(move |key| key.target() == target)
    }
}

/// A backend that answers for something else than it was asked is not believed in anything.
fn check_answer(target: &str, scope: &Scope, live: &Live) -> Result<()> {
    if scope.contains(&live.key) {
        return Ok(());
    }
    let message = format!("the target `{target}` answered for an object that it was not asked for");
    Err(Error::new(ErrorKind::Internal, message).at(&live.key).help("this is a fault of the backend"))
}
