use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::cx::Cx;
use crate::render::Desired;
use crate::source::Snapshot;
use crate::value::{Key, Live, Object, Refusal, Result};

/// Says whether it would take a new object, or let one go, where a server can be asked without an effect.
///
/// An engine asks about new objects when a plan is shown, once for each declaration that was taken. It does not ask when it carries a
/// plan out: then the target itself answers. About deletions, which are few, and about places it asks with each plan.
#[async_trait]
pub trait Admission: Send + Sync {
    /// Whether the target would make this object, which is not there.
    ///
    /// # Guarantees asked of an implementation
    /// - Nothing is written.
    /// - What can't be told before something [beside](Beside) it is made is no error.
    ///
    /// # Errors
    /// The target would refuse it: the object, and what needs it, is left out of the plan. Its diagnostics are told.
    ///
    /// # Cancel safety
    /// Any future may be dropped at any await.
    async fn admits(&self, cx: &Cx, object: &Object, beside: &Beside) -> Result<()>;

    /// Why the target would not let this object go by a rule of its own, such as a policy. Nothing if it would, or if nobody
    /// knows, which is the default.
    ///
    /// # Guarantees asked of an implementation
    /// - Nothing is removed.
    /// - A missing right is no such rule: who asks may have other rights than who carries a plan out.
    ///
    /// # Errors
    /// Nobody knows: the deletion stays in the plan.
    ///
    /// # Cancel safety
    /// Any future may be dropped at any await.
    async fn refuses_deletion(&self, _cx: &Cx, _live: &Live) -> Result<Option<Refusal>> {
        Ok(None)
    }

    /// Those of these declared objects, there or not, of which the place is being deleted with all that is in it, such as their
    /// namespace; each with the object that is its place. What is known of the target by now comes along. By default there are none.
    ///
    /// # Errors
    /// Nobody knows: the objects are taken for objects like any other.
    ///
    /// # Cancel safety
    /// Any future may be dropped at any await.
    async fn going(
        &self,
        _cx: &Cx,
        _keys: &[Key],
        _live: &BTreeMap<Key, Live>,
    ) -> Result<BTreeMap<Key, Key>> {
        Ok(BTreeMap::new())
    }
}

/// What is declared with a new object, and what of it the same plan makes or changes.
#[derive(Clone, Debug)]
pub struct Beside {
    desired: Desired,
    made: BTreeSet<Key>,
    changed: BTreeSet<Key>,
    snapshot: Option<Snapshot>,
}

impl Beside {
    /// What is declared, of which a plan makes and changes nothing yet; with the files, if they are at hand.
    pub fn new(desired: Desired, snapshot: Option<Snapshot>) -> Self {
        Self { desired, made: BTreeSet::new(), changed: BTreeSet::new(), snapshot }
    }

    /// The same of a plan that makes these objects and changes those.
    #[must_use]
    pub fn pending(mut self, made: BTreeSet<Key>, changed: BTreeSet<Key>) -> Self {
        (self.made, self.changed) = (made, changed);
        self
    }

    /// Everything that is declared.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Whether the plan makes an object, which is not there.
    pub fn is_made(&self, key: &Key) -> bool {
        self.made.contains(key)
    }

    /// Whether the plan makes or changes an object.
    pub fn is_pending(&self, key: &Key) -> bool {
        self.is_made(key) || self.changed.contains(key)
    }

    /// The content of the file that declares an object.
    pub fn file(&self, object: &Object) -> Option<Arc<[u8]>> {
        self.snapshot.as_ref()?.read(&object.provenance.path).ok().flatten()
    }
}
