//! The watches that all applications on one cluster share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_core::GroupKind;
use smol_str::SmolStr;
use tokio::task::JoinHandle;

use super::audience::{Audience, Listener};
use super::stream::Stream;
use crate::client::cluster::Cluster;

/// What is watched: a kind, in one namespace or (with none) in all, and how long the watch may be silent.
type Watched = (GroupKind, SmolStr, Duration);

/// The open watches of a [`Cluster`]: one for each kind and namespace, however many applications listen.
#[derive(Default)]
pub(super) struct Hub(Mutex<BTreeMap<Watched, Open>>);

struct Open {
    audience: Arc<Audience>,
    task: JoinHandle<()>,
}

impl Open {
    fn new(cluster: &Cluster, audience: Arc<Audience>, silence: Duration) -> Self {
        let stream = Stream { cluster: cluster.clone(), audience: audience.clone(), silence };
        Self { audience, task: tokio::spawn(stream.run()) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A place among those who listen to a watch. The watch ends with the last of them.
pub(super) struct Subscription {
    cluster: Cluster,
    watched: Watched,
    audience: Arc<Audience>,
    id: u64,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Watched, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Joins a watch, which is opened if nobody listens to it yet.
    pub fn new(cluster: &Cluster, watched: Watched, listener: Listener) -> Self {
        let mut open = cluster.shared::<Hub>().lock();
        let silence = watched.2;
        let found = open.entry(watched.clone()).or_insert_with(|| {
            let audience = Audience::new(watched.0.clone(), watched.1.clone());
            Open::new(cluster, Arc::new(audience), silence)
        });
        let audience = found.audience.clone();
        let id = audience.enter(listener);
        drop(open);
        let subscription = Self { cluster: cluster.clone(), watched, audience, id };
        subscription.keep_up();
        subscription
    }

    /// Opens the watch again if the runtime that it was on is gone: it was that of another listener.
    pub fn keep_up(&self) {
        let mut open = self.cluster.shared::<Hub>().lock();
        if let Some(found) = open.get_mut(&self.watched).filter(|found| found.task.is_finished()) {
            *found = Open::new(&self.cluster, found.audience.clone(), self.watched.2);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut open = self.cluster.shared::<Hub>().lock();
        if !self.audience.leave(self.id) {
            open.remove(&self.watched);
        }
    }
}
