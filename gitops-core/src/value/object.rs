use smol_str::SmolStr;

use super::{Digest, Digested, Hasher, Key, Provenance, Value};

/// One declared object: what should be, where, and after what.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
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
    /// Names that stand for what others offer: see [`leading`](Self::leading).
    pub leads: Vec<Lead>,
    /// Whether the object stays in the target when it leaves the source.
    pub keep: bool,
    /// Whether an object that is there already and that somebody else looks after is as good: it is left alone, and blocks
    /// nothing.
    pub yields: bool,
    /// Its place in the order of its target's stages; without one it has no part in that order.
    pub stage: Option<i64>,
    /// Whether it runs to an end and may then be gone: a job, a hook.
    pub runs_once: bool,
    /// What it has in common with itself under another key, where the key is a place from which it can be moved: see
    /// [`like`](Self::like). No part of the digest.
    pub likeness: Option<Digest>,
    /// Whether a person said under which key it is known: see [`named`](Self::named). No part of the digest.
    pub is_named: bool,
    /// Whether it is deleted after its end, if it runs once.
    pub clean_up: CleanUp,
    /// The last stage that it serves, if it is there for others that run once and does nothing itself: see
    /// [`serving_until`](Self::serving_until).
    pub serves_until: Option<i64>,
}

/// After which end an object that runs once is deleted: the delete policy of a hook.
///
/// It is deleted by the first plan that has nothing else to do, so that all that needs it is through; after that its absence is no
/// drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanUp {
    /// Once it was seen to be ready.
    pub succeeded: bool,
    /// Once it was seen to have failed.
    pub failed: bool,
}

impl CleanUp {
    /// Deleted once it succeeded, or failed, or neither.
    pub const fn after(succeeded: bool, failed: bool) -> Self {
        Self { succeeded, failed }
    }
}

/// A name, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Lead {
    /// The name that others may need.
    pub name: SmolStr,
    /// Who offers all of these names is what they need then. None of them stands for no object.
    pub to: Vec<SmolStr>,
}

impl Lead {
    /// A name that stands for what offers all of some others.
    pub const fn new(name: SmolStr, to: Vec<SmolStr>) -> Self {
        Self { name, to }
    }
}

/// What an object needs to be ready before it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Need {
    /// This object; it is an error if nobody declares it.
    Object(Key),
    /// This object, if it is declared in the same application. A need that names lead to, and nobody wrote down: it gives way where
    /// it would close a circle. So does an [offer](Self::Offer).
    IfDeclared(Key),
    /// Whatever object offers this name, itself or by [what it leads to](Object::leading), if any does.
    Offer(SmolStr),
}

impl Object {
    /// An object without needs.
    pub fn new(key: Key, body: Value, provenance: Provenance) -> Self {
        let (needs, offers, leads) = (Vec::new(), Vec::new(), Vec::new());
        let (yields, runs_once, clean_up) = (false, false, CleanUp::default());
        let (keep, stage, likeness, is_named, serves_until) = (false, None, None, false, None);
        Self {
            key,
            body,
            provenance,
            needs,
            offers,
            leads,
            keep,
            yields,
            stage,
            runs_once,
            likeness,
            is_named,
            clean_up,
            serves_until,
        }
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

    /// Has a name stand for all objects that offer all of some other names: for what a selector selects, say. Who
    /// [needs the name](Need::Offer) needs those objects, wherever they are declared; this one itself it does not need.
    ///
    /// A single name may lead on to others. What leads in a circle leads nowhere else.
    #[must_use]
    pub fn leading(
        mut self,
        name: impl Into<SmolStr>,
        to: impl IntoIterator<Item = impl Into<SmolStr>>,
    ) -> Self {
        self.leads.push(Lead::new(name.into(), to.into_iter().map(Into::into).collect()));
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

    /// Leaves an object alone that somebody else made.
    #[must_use]
    pub fn yielding(mut self) -> Self {
        self.yields = true;
        self
    }

    /// Says that the object runs to an end and may then be gone.
    ///
    /// Once it was seen to be ready, its absence is no drift, and it is not made again until its declaration changes. If
    /// it is gone before that, nobody knows how it ended: it counts as not ready and blocks what needs it, until its
    /// declaration changes or a person [releases](crate::Engine::release) it.
    #[must_use]
    pub fn running_once(mut self) -> Self {
        self.runs_once = true;
        self
    }

    /// Says that an object that [runs once](Self::running_once) does nothing itself, and is there for others: the account of a
    /// job, say.
    ///
    /// If it is gone after its end, it is made again for each object that names it as a need, and for each that runs once in
    /// its own stage or a later one up to this stage, whenever one of them is made.
    #[must_use]
    pub fn serving_until(mut self, stage: i64) -> Self {
        self.serves_until = Some(stage);
        self
    }

    /// Says by what the object is known again if it is declared under another key one day.
    ///
    /// A new object that is like one which is no longer declared is not made: a person says first whether it is the same one,
    /// under its old key, or another. Else a folder that is renamed would be everything that it declares a second time.
    /// So it is with whatever is declared in the folder of one that is no longer declared, like it or not.
    #[must_use]
    pub fn like(mut self, likeness: Digest) -> Self {
        self.likeness = Some(likeness);
        self
    }

    /// Says that a person gave the key. Then the object is another one than what it is [like](Self::like), unless it is declared in
    /// that one's folder: what got another name where it lies is rather the same.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.is_named = true;
        self
    }

    /// Says after which end an object that [runs once](Self::running_once) is deleted.
    #[must_use]
    pub fn cleaned_up(mut self, clean_up: CleanUp) -> Self {
        self.clean_up = clean_up;
        self
    }

    /// Leaves the object in the target when it leaves the source.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.keep = true;
        self
    }
}

/// The digest covers all but the provenance and the likeness: all that the object is.
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
        for Lead { name, to } in &self.leads {
            hasher.field("leads").field(name).field(to.len().to_le_bytes()).fields(to);
        }
        if self.yields {
            hasher.field("yields");
        }
        if let Some(stage) = self.stage {
            hasher.field("stage").field(stage.to_le_bytes());
        }
        if self.runs_once {
            hasher.field("runs once");
        }
        let CleanUp { succeeded, failed } = self.clean_up;
        if succeeded || failed {
            hasher.field("clean up").field([u8::from(succeeded), u8::from(failed)]);
        }
        if let Some(until) = self.serves_until {
            hasher.field("serves until").field(until.to_le_bytes());
        }
        hasher.finish()
    }
}
