//! Which objects moved, by watches on what is ours.

mod book;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use gitops_core::capability::{Moved, Watch};
use gitops_core::{Cx, GroupKind, Key, Result};
use smol_str::SmolStr;
use tokio::task::JoinSet;

pub(crate) use book::Book;
use stream::Stream;

use crate::live::application::{Inner, Kubernetes};

/// The watches of one target: one for each kind, or for each of its namespaces where more is not allowed.
///
/// Only what carries our label is watched, so that the size of the cluster costs nothing. They begin with the first
/// question what moved; a program that plans once opens none.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Wanted>);

#[derive(Default)]
struct Wanted {
    target: Option<SmolStr>,
    kinds: BTreeMap<GroupKind, BTreeSet<SmolStr>>,
    running: BTreeSet<(GroupKind, SmolStr)>,
    /// Ends the streams when the target goes.
    tasks: JoinSet<()>,
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Objects of this kind, in this namespace, are worth a watch.
    pub fn want(&self, key: &Key) {
        let mut wanted = self.lock();
        wanted.target.get_or_insert_with(|| key.target().into());
        let namespaces = wanted.kinds.entry(key.kind().clone()).or_default();
        if !namespaces.contains(key.namespace()) {
            namespaces.insert(key.namespace().into());
        }
    }

    /// Opens the streams that are wanted and not open.
    fn start(&self, inner: &Inner) {
        let limited = inner.limits.are_narrow();
        let mut wanted = self.lock();
        let Wanted { target, kinds, running, tasks } = &mut *wanted;
        let Some(target) = target else { return };
        for (kind, namespaces) in kinds {
            let everywhere = BTreeSet::from([SmolStr::default()]);
            let namespaces = if limited { &*namespaces } else { &everywhere };
            for namespace in namespaces {
                if running.insert((kind.clone(), namespace.clone())) {
                    let (kind, namespace, target) = (kind.clone(), namespace.clone(), target.clone());
                    let (cluster, eye) = (inner.cluster.clone(), inner.eye.clone());
                    let (book, silence) = (inner.book.clone(), inner.silence);
                    tasks.spawn(Stream { cluster, eye, book, target, kind, namespace, silence }.run());
                }
            }
        }
    }
}

#[async_trait]
impl Watch for Kubernetes {
    async fn moved(&self, _: &Cx) -> Result<Moved> {
        let inner = self.inner();
        inner.streams.start(inner);
        Ok(Moved::Keys(inner.book.moved().await))
    }

    fn covers(&self, key: &Key) -> bool {
        self.inner().book.covers(key)
    }
}
