//! A backend as one value.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::capability::Target;
use crate::gate::Gate;
use crate::render::{Desired, Render};
use crate::value::{Diagnostic, GroupKind};

/// A backend as one value: a target, the renderer of the files that declare its objects, and everything that makes it safe.
///
/// The author of a backend gives it a constructor that returns a `Mount`.
/// [`EngineBuilder::mount`](crate::EngineBuilder::mount) takes it whole: a gate that the backend needs comes with it, and
/// nobody who puts an engine together can forget it.
#[must_use]
#[derive(Clone)]
pub struct Mount {
    pub(crate) target: Arc<dyn Target>,
    pub(crate) render: Arc<dyn Render>,
    pub(crate) gates: Vec<Arc<dyn Gate>>,
    pub(crate) protected: BTreeSet<GroupKind>,
    pub(crate) ready_timeout: Option<Duration>,
    pub(crate) reviews: Vec<Review>,
}

/// Looks at everything that is declared.
pub(crate) type Review = Arc<dyn Fn(&Desired) -> Vec<Diagnostic> + Send + Sync>;

impl Mount {
    /// A target, and how files become its objects.
    pub fn new(target: Arc<dyn Target>, render: Arc<dyn Render>) -> Self {
        Self {
            target,
            render,
            gates: Vec::new(),
            protected: BTreeSet::new(),
            ready_timeout: None,
            reviews: Vec::new(),
        }
    }

    /// Adds a rule that every plan must pass because of this backend.
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gates.push(gate);
        self
    }

    /// Adds kinds whose deletion or replacement needs an approval, besides those that the target itself
    /// [names](crate::TargetInfo::protected).
    pub fn protect(mut self, kinds: impl IntoIterator<Item = GroupKind>) -> Self {
        self.protected.extend(kinds);
        self
    }

    /// How long to wait for one of its objects to become ready; without it, as long as for those of other targets.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = Some(timeout);
        self
    }

    /// Adds a look at everything that is declared: see [`EngineBuilder::review`](crate::EngineBuilder::review).
    pub fn review(mut self, look: impl Fn(&Desired) -> Vec<Diagnostic> + Send + Sync + 'static) -> Self {
        self.reviews.push(Arc::new(look));
        self
    }

    /// The target.
    pub fn target(&self) -> &Arc<dyn Target> {
        &self.target
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("target", &self.target.info().name)
            .field("gates", &self.gates.len())
            .field("protected", &self.protected)
            .finish()
    }
}
