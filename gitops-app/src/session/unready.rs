//! Which of the owned objects do not work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, future, stream};
use gitops_core::capability::{Health, Readiness};
use gitops_core::{Applied, Cx, Error, Key, Owned, OwnedState, ReadinessRecord};
use gitops_terraform::Terraform;

use super::Session;
use crate::config::TargetKind;

/// How long is asked in all, about all objects of a target together, and about one alone.
const IN_ALL: Duration = Duration::from_secs(10);
const TOGETHER: Duration = Duration::from_secs(5);
const ALONE: Duration = Duration::from_secs(1);

/// How many are asked about at once.
const AT_ONCE: usize = 16;

/// An object that is asked about, as it was left.
struct Asked<'a> {
    key: &'a Key,
    entry: &'a Owned,
    applied: Applied,
    health: &'a dyn Health,
}

impl Session {
    /// The objects of clusters and the roots that do not work at the moment, each with the reason. Nobody is waited for: all of a
    /// target are looked at together, and those that are not ready then for a second each, and all of it for ten.
    pub async fn unready(&self, cx: &Cx) -> Vec<(Key, Readiness)> {
        self.unready_of(cx, |_| true).await
    }

    /// The same of some of them.
    pub(crate) async fn unready_of(&self, cx: &Cx, which: impl Fn(&Key) -> bool) -> Vec<(Key, Readiness)> {
        let healths = self.healths();
        if healths.is_empty() {
            return Vec::new();
        }
        let cx = &cx.within(IN_ALL);
        let owned = self.engine.inventory().entries().iter().filter(|(key, _)| which(key));
        let asked: Vec<Asked<'_>> =
            owned.filter_map(|(key, entry)| Asked::of(key, entry, *healths.get(key.target())?)).collect();
        let ready = ready_together(cx, &asked).await;
        let open = asked.iter().filter(|asked| !ready.contains(asked.key)).map(|asked| asked.alone(cx));
        let open: Vec<_> = open.collect();
        let answers: Vec<_> = stream::iter(open).buffered(AT_ONCE).collect().await;
        answers.into_iter().filter(|(_, readiness)| *readiness != Readiness::Ready).collect()
    }

    /// The roots that are known not to work, each with the reason. No process is started for it, and nobody is waited for.
    pub async fn failed_roots(&self, cx: &Cx) -> Vec<(Key, Readiness)> {
        let mut by_target: BTreeMap<&str, (&Terraform, Vec<Key>)> = BTreeMap::new();
        for (key, target) in self.roots() {
            by_target.entry(key.target()).or_insert((target, Vec::new())).1.push(key.clone());
        }
        let mut found = Vec::new();
        for (target, keys) in by_target.into_values() {
            // One that can't be looked at is told of by the plan.
            let seen = target.look(cx, &keys).await.unwrap_or_default();
            found.extend(seen.into_iter().filter(|(_, readiness)| !readiness.is_ready()));
        }
        found
    }

    /// The targets that can be asked how an object does. A file does well as soon as it is there.
    fn healths(&self) -> BTreeMap<&str, &dyn Health> {
        let targets = self.config.targets.iter();
        let targets = targets.filter(|target| !matches!(target.kind, TargetKind::Directory { .. }));
        targets
            .filter_map(|target| Some((target.name.as_str(), self.targets.get(&target.name)?.health()?)))
            .collect()
    }
}

impl<'a> Asked<'a> {
    /// An owned object, if there is something to ask about it.
    fn of(key: &'a Key, entry: &'a Owned, health: &'a dyn Health) -> Option<Self> {
        // What ran once and ended well, or which a person went on without, may be gone.
        if entry.is_settled() {
            return None;
        }
        let applied = match entry.state {
            OwnedState::Deleting => Applied::Deleting,
            _ => Applied::Present { uid: entry.uid.clone()?, version: entry.version.clone()? },
        };
        Some(Self { key, entry, applied, health })
    }
}

impl Asked<'_> {
    async fn alone(&self, cx: &Cx) -> (Key, Readiness) {
        let readiness = self.health.ready(&cx.within(ALONE), self.key, &self.applied).await;
        let unknown = |error: Error| Readiness::Progressing(format!("it can't be looked at: {error}"));
        (self.key.clone(), as_known(self.entry, readiness.unwrap_or_else(unknown)))
    }
}

/// What is seen of an object with what is known of it. One that runs once may be gone after its end: it is as it was last seen.
/// Any other has failed if it is gone.
fn as_known(entry: &Owned, seen: Readiness) -> Readiness {
    match (seen, &entry.readiness) {
        (Readiness::Gone, ReadinessRecord::Failed(reason)) if entry.runs_once => {
            Readiness::Ended(reason.clone())
        }
        (gone @ Readiness::Gone, _) if entry.runs_once => gone,
        (gone @ Readiness::Gone, _) => Readiness::Failed(gone.reason().unwrap_or_default().to_owned()),
        (seen, _) => seen,
    }
}

/// The objects that their targets say are ready, each target asked once about all that should be there.
async fn ready_together(cx: &Cx, asked: &[Asked<'_>]) -> BTreeSet<Key> {
    let mut by_target: BTreeMap<&str, (&dyn Health, Vec<Key>)> = BTreeMap::new();
    for Asked { key, health, .. } in asked.iter().filter(|asked| asked.applied != Applied::Deleting) {
        by_target.entry(key.target()).or_insert((*health, Vec::new())).1.push((*key).clone());
    }
    let cx = &cx.within(TOGETHER);
    let looks = by_target.into_values().map(|(health, keys)| async move {
        // Those of a target that does not answer are asked about one by one.
        cx.bounded(health.look(cx, &keys)).await.unwrap_or_default()
    });
    let seen = future::join_all(looks).await.into_iter().flatten();
    seen.filter(|(_, readiness)| *readiness == Readiness::Ready).map(|(key, _)| key).collect()
}
