//! Which objects moved, by watches on what is ours.

mod audience;
mod book;
mod hub;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use gitops_core::capability::{MovedObjects, Watch};
use gitops_core::{Cx, GroupKind, Key, Result};
use smol_str::SmolStr;

use audience::Listener;
pub(crate) use book::Book;
use hub::Subscription;

use crate::live::application::{Inner, Kubernetes};

/// What one target listens to: one watch for each kind, or for each of its namespaces where more is not allowed.
///
/// Only what carries the label of some application is watched, so that the size of the cluster costs nothing; all applications that
/// use one [`Cluster`](crate::Cluster) share the watches. They begin with the first question what moved; a program that plans once
/// opens none.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Wanted>);

#[derive(Default)]
struct Wanted {
    target: Option<SmolStr>,
    kinds: BTreeMap<GroupKind, BTreeSet<SmolStr>>,
    /// They end when the target goes.
    joined: BTreeMap<(GroupKind, SmolStr), Subscription>,
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

    /// Joins the watches that are wanted.
    fn start(&self, inner: &Inner) {
        let limited = inner.tenancy.is_narrow();
        let mut wanted = self.lock();
        let Wanted { target, kinds, joined } = &mut *wanted;
        let Some(target) = target else { return };
        joined.values().for_each(Subscription::keep_up);
        for (kind, namespaces) in kinds {
            let everywhere = BTreeSet::from([SmolStr::default()]);
            let namespaces = if limited { &*namespaces } else { &everywhere };
            for namespace in namespaces {
                joined.entry((kind.clone(), namespace.clone())).or_insert_with_key(|(kind, namespace)| {
                    let (eye, book) = (inner.eye.clone(), inner.book.clone());
                    let watched = (kind.clone(), namespace.clone(), inner.silence);
                    Subscription::new(&inner.cluster, watched, Listener { target: target.clone(), eye, book })
                });
            }
        }
    }
}

#[async_trait]
impl Watch for Kubernetes {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        let inner = self.inner();
        inner.streams.start(inner);
        Ok(MovedObjects::Keys(inner.book.moved().await))
    }

    fn covers(&self, key: &Key) -> bool {
        self.inner().book.covers(key)
    }
}
