//! The way to one cluster, as one identity.

mod config;
mod connection;
mod credential;
mod failure;
mod plugin;
mod refusal;
mod wire;

pub use connection::Connection;
pub(crate) use failure::{Cause, Failure};
pub(crate) use wire::{Call, Wire};

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use crate::client::kinds::Kinds;
use crate::client::schema::Schemas;

/// A connected cluster: one identity, one set of connections, one picture of the kinds that are served.
///
/// Cloning is cheap and shares all three, so several applications that act as one identity share them too, and their watches. An
/// application that acts as another identity has a `Cluster` of its own; nothing is shared between identities.
///
/// Made by [`Connection`]. Dropping the last clone closes the connections.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    wire: Wire,
    kinds: Kinds,
    schemas: Schemas,
    default_namespace: String,
    shared: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Cluster {
    pub(crate) fn new(wire: Wire, default_namespace: String) -> Self {
        Self(Arc::new(Inner {
            wire,
            kinds: Kinds::default(),
            schemas: Schemas::default(),
            default_namespace,
            shared: OnceLock::new(),
        }))
    }

    /// The namespace that the kubeconfig's context names, `default` where it names none.
    pub fn default_namespace(&self) -> &str {
        &self.0.default_namespace
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.0.wire
    }

    pub(crate) fn schemas(&self) -> &Schemas {
        &self.0.schemas
    }

    /// What a room above shares among all who use this cluster; there is one type of it.
    pub(crate) fn shared<T: Any + Default + Send + Sync>(&self) -> &T {
        let shared = self.0.shared.get_or_init(|| Box::new(T::default()));
        shared.downcast_ref().expect("one type is shared")
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.0.kinds
    }
}

/// A [`Cluster`] that somebody else keeps: it does not keep connections open.
#[derive(Clone)]
pub struct WeakCluster(Weak<Inner>);

impl Cluster {
    /// The same, without keeping it.
    pub fn downgrade(&self) -> WeakCluster {
        WeakCluster(Arc::downgrade(&self.0))
    }
}

impl WeakCluster {
    /// The cluster, if somebody still keeps it.
    pub fn upgrade(&self) -> Option<Cluster> {
        self.0.upgrade().map(Cluster)
    }
}

impl fmt::Debug for WeakCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakCluster").field(&self.upgrade()).finish()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.0.wire.server()).finish()
    }
}
