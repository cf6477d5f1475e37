use smol_str::SmolStr;

use super::{Digest, Digested, Hasher, Key, Provenance, Value};

/// One declared object: what should be, where, and after what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Object {
    /// Its identity.
    pub key: Key,
    /// What should be there.
    pub body: Value,
    /// Where it was declared. No part of the digest: a moved declaration changes nothing.
    pub provenance: Provenance,
    /// What must be ready before it is written.
    pub needs: Vec<Need>,
    /// Names that other objects may need (a kind that it defines, an output that it has).
    pub offers: Vec<SmolStr>,
    /// Whether the object stays in the target when it leaves the source.
    pub keep: bool,
    /// Its place in the order of its target's stages; without one it has no part in that order.
    pub stage: Option<i64>,
}

/// What an object needs to be ready before it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Need {
    /// This object; it is an error if nobody declares it.
    Object(Key),
    /// This object, if it is declared in the same application.
    IfDeclared(Key),
    /// Whatever object offers this name, if any does.
    Offer(SmolStr),
}

impl Object {
    /// An object without needs.
    pub fn new(key: Key, body: Value, provenance: Provenance) -> Self {
        Self { key, body, provenance, needs: Vec::new(), offers: Vec::new(), keep: false, stage: None }
    }

    /// Adds something that must be ready first.
    #[must_use]
    pub fn with_need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Adds a name that others may need.
    #[must_use]
    pub fn with_offer(mut self, name: impl Into<SmolStr>) -> Self {
        self.offers.push(name.into());
        self
    }

    /// Puts the object into a stage: it waits until all objects of the target's earlier stages are ready.
    ///
    /// What it needs only [if that is declared](Need::IfDeclared), and what it needs by an offer, is not waited for if it
    /// is in a later stage: an order that was written down beats one that was found.
    #[must_use]
    pub fn in_stage(mut self, stage: i64) -> Self {
        self.stage = Some(stage);
        self
    }

    /// Leaves the object in the target when it leaves the source.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.keep = true;
        self
    }
}

/// The digest covers body, needs, offers, `keep` and stage: all that a plan depends on.
impl Digested for Object {
    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops object");
        hasher.field(self.body.digest().as_bytes()).field([u8::from(self.keep)]);
        for need in &self.needs {
            match need {
                Need::Object(key) => hasher.field("object").field(key.to_string()),
                Need::IfDeclared(key) => hasher.field("declared").field(key.to_string()),
                Need::Offer(name) => hasher.field("offer").field(name),
            };
        }
        for name in &self.offers {
            hasher.field("offers").field(name);
        }
        if let Some(stage) = self.stage {
            hasher.field("stage").field(stage.to_le_bytes());
        }
        hasher.finish()
    }
}
