//! An application in a cluster: everything that the parts of its target share.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Key, Object, Result, Value};

use super::health::HealthRules;
use super::object::{Eye, Seen};
use super::watch::{Book, Streams};
use crate::client::cluster::{Call, Cluster, Failure, Wire};
use crate::client::kinds::Place;
use crate::client::tenancy::Tenancy;
use crate::client::warnings::Warnings;

/// The objects of one application in one cluster.
///
/// # Guarantees
/// - A creation never touches an object that is there; an update names uid and resource version; a delete carries
///   both as preconditions. A field of a client that is not a person's is blocked and named, never taken, unless
///   [`Conflicts::Take`] says so; the object's other fields are written.
/// - The application owns what it declares, field by field, under a field manager of its own. What others set
///   stays, and its changes are no drift.
/// - A kind or group that can't be read makes its own objects unreadable; the others are not affected. Nothing is
///   taken for absent that the server did not say is absent.
/// - No request of it goes past [`Tenancy`].
///
/// It is a *keyed* target: each effect exactly once.
#[derive(Clone)]
pub struct Kubernetes(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub cluster: Cluster,
    pub eye: Eye,
    pub tenancy: Tenancy,
    pub conflicts: Conflicts,
    pub replace: bool,
    pub health: HealthRules,
    /// How long an object that no controller has looked at is waited for.
    pub grace: Duration,
    /// How long an object on its way may stand still before it is stuck.
    pub patience: Duration,
    /// How long a watch may be silent before it is taken for dead.
    pub silence: Duration,
    pub warnings: Warnings,
    pub book: Arc<Book>,
    pub streams: Streams,
    pub concurrency: usize,
}

/// What to do about a declared field that somebody else set to another value.
///
/// Who set it is in the server's record. Whatever a client of a person did (`kubectl edit`, `kubectl scale`, `k9s`, a dashboard) is
/// no claim to the field: undoing it is what a target is for. Any other client may be a controller, which would set the field
/// again: taking it would begin a fight. Each field is decided by itself, and the other fields of its object are written.
///
/// Where a `HorizontalPodAutoscaler` or a `ScaledObject` of KEDA names the object, its `spec.replicas` is left to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflicts {
    /// Block the field, naming it and its manager, and write the others.
    Refuse,
    /// Undo what clients of persons set; block fields of others, and write the rest.
    #[default]
    Restore,
    /// Set it, whoever claims it.
    Take,
}

impl Kubernetes {
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    pub fn wire(&self) -> &Wire {
        self.cluster.wire()
    }

    /// Where an object is; its kind must be served and it must be within the limits.
    pub async fn place(&self, cx: &Cx, key: &Key) -> Result<Place> {
        self.tenancy.check(key)?;
        let served = self.cluster.kinds().served_for(cx, self.wire(), key).await?;
        Place::of(served, key, &self.tenancy)
    }

    /// The same for an object that is declared in a version, about which discovery is asked anew if it does not know it: a
    /// definition may serve it by now.
    pub async fn place_of(&self, cx: &Cx, object: &Object) -> Result<Place> {
        let place = self.place(cx, &object.key).await?;
        let declared = object.body.get("apiVersion").and_then(Value::as_text).unwrap_or_default();
        if place.object_as(declared).is_ok() {
            return Ok(place);
        }
        self.cluster.kinds().forget(object.key.kind());
        self.place(cx, &object.key).await
    }

    /// The object as the server has it now, by a consistent read; `None` if it is not there.
    pub async fn read(&self, cx: &Cx, uri: String) -> Result<Option<Seen>, Failure> {
        match self.wire().json(cx, Call::get(uri)).await {
            Ok(json) => Ok(Some(Seen::new(json))),
            Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
