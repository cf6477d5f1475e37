use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Intent;
use crate::capability::Readiness;
use crate::value::{Digest, Digested, Hasher, Key, Live, Uid, Version};

/// One object that we own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other, and stored by their names"
)]
pub struct Owned {
    /// Where it stands.
    pub state: OwnedState,
    /// The incarnation that we own; nothing for a claim.
    pub uid: Option<Uid>,
    /// The state in which we left it; nothing for a claim.
    pub version: Option<Version>,
    /// The digest of the body that it was last seen to have; nothing if it was never compared, or has another.
    pub desired: Option<Digest>,
    /// The digest of the body that was last written, where the target left something else
    /// ([`OpResult::Differs`](super::OpResult::Differs)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_otherwise: Option<Digest>,
    /// The file that declared it.
    pub path: SmolStr,
    /// What it needed when it was written: it is deleted before those.
    pub needs: Vec<Key>,
    /// Whether it stays when it is no longer declared.
    pub keep: bool,
    /// The stage in which it was written, if it has one: later stages are deleted before earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<i64>,
    /// Whether it runs to an end and may then be gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runs_once: bool,
    /// By what it is known again under another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Digest>,
    /// What it needed in former declarations. It may use that until it is ready in the last one, so that those objects
    /// are not deleted before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still_needs: Vec<Key>,
    /// What was written last of the declared fields that are left to other clients, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_fields: BTreeMap<SmolStr, Digest>,
    /// What was last seen of its readiness, where that outlives the object or the process.
    #[serde(default, skip_serializing_if = "ReadinessRecord::is_none")]
    pub readiness: ReadinessRecord,
    /// Whether it is new and was not seen to be ready since: what left the source may be the same under another name, and
    /// works.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_ready: bool,
    /// Whether a person said that its deletion waits for nothing: it left the source, and what is new there does not become
    /// ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub let_go: bool,
}

/// What is durably known of an object's readiness, in the state in which we last wrote it.
///
/// Readiness is asked for whenever it is needed. This holds what nobody could be asked for: how something ended that is
/// gone, and what a person decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
#[non_exhaustive]
pub enum ReadinessRecord {
    /// Nothing.
    #[default]
    None,
    /// It was seen to be ready.
    Ready,
    /// It was seen to have [ended](Readiness::Ended) without success, for this reason.
    Failed(String),
    /// A person said that what needs it may go on without it.
    Released,
}

/// How many characters of the reason of a failure are kept.
const REASON_LENGTH: usize = 512;

impl ReadinessRecord {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether what needs the object may go on, whatever is seen of it.
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Ready | Self::Released)
    }
}

/// Where an owned object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OwnedState {
    /// We set out to make it and do not know that we did.
    Claimed,
    /// We made it.
    Held,
    /// Its deletion was accepted; its absence has not been seen.
    Deleting,
}

impl Owned {
    pub(crate) fn claimed(intent: &Intent) -> Self {
        Self {
            state: OwnedState::Claimed,
            uid: None,
            version: None,
            desired: intent.desired,
            left_otherwise: None,
            path: intent.path.clone(),
            needs: intent.needs.clone(),
            keep: intent.keep,
            stage: intent.stage,
            runs_once: intent.runs_once,
            likeness: intent.likeness,
            still_needs: Vec::new(),
            left_fields: BTreeMap::new(),
            readiness: ReadinessRecord::None,
            never_ready: intent.is_new,
            let_go: false,
        }
    }

    /// An object that an intent was about, as it was seen.
    pub(crate) fn of(intent: &Intent, live: &Live) -> Self {
        Self::held(intent, live.uid.clone(), live.version.clone())
    }

    pub(crate) fn held(intent: &Intent, uid: Uid, version: Version) -> Self {
        Self { state: OwnedState::Held, uid: Some(uid), version: Some(version), ..Self::claimed(intent) }
    }

    /// The same entry with what the former declaration of the same incarnation may still use until it is ready.
    #[must_use]
    pub(crate) fn after(mut self, former: Option<&Self>) -> Self {
        let Some(former) = former.filter(|former| former.uid == self.uid) else { return self };
        let used = former.needs.iter().chain(&former.still_needs);
        let used: BTreeSet<Key> = used.filter(|key| !self.needs.contains(key)).cloned().collect();
        self.still_needs = used.into_iter().collect();
        self
    }

    /// The same entry, of which nobody knows the version, with what another one of the same incarnation knows of fields that are
    /// left to others.
    #[must_use]
    pub(crate) fn leaving(mut self, former: Option<&Self>) -> Self {
        let is_compared = self.version.as_ref().is_some_and(|version| version.as_str().is_empty());
        if let Some(former) = former.filter(|former| is_compared && former.uid == self.uid) {
            self.left_fields.clone_from(&former.left_fields);
        }
        self
    }

    /// The same entry with what another one knows of the readiness of the same incarnation, declared as it is now.
    #[must_use]
    pub(crate) fn knowing(self, former: Option<&Self>) -> Self {
        match former.filter(|former| former.uid == self.uid) {
            Some(former)
                if (former.desired, former.left_otherwise) == (self.desired, self.left_otherwise) =>
            {
                Self { readiness: former.readiness.clone(), ..self.after(Some(former)) }
            }
            former => self.after(former),
        }
    }

    /// Whether nobody need ask how it does, because it may be gone: it ran once, and ended well or a person released it. What
    /// stays is told as it is, released or not.
    pub fn is_settled(&self) -> bool {
        self.runs_once && self.readiness.is_settled()
    }

    /// Whether something of its readiness is to be remembered once it is seen.
    pub fn is_unproven(&self) -> bool {
        self.may_use_more() || (self.state == OwnedState::Held && self.never_ready)
    }

    /// Whether it may use more than its declaration says: it runs once and was not seen to end well, or it was not seen to be
    /// ready since it was declared otherwise.
    pub(crate) fn may_use_more(&self) -> bool {
        let runs = self.runs_once && !self.readiness.is_settled();
        self.state == OwnedState::Held && (runs || !self.still_needs.is_empty())
    }

    /// The same entry with what was seen of its readiness, where that is worth remembering.
    #[must_use]
    pub(crate) fn seen(mut self, readiness: &Readiness) -> Self {
        if readiness.is_ready() {
            (self.still_needs, self.never_ready) = (Vec::new(), false);
        }
        if self.runs_once && !self.readiness.is_settled() {
            self.readiness = match readiness {
                Readiness::Ended(reason) => {
                    ReadinessRecord::Failed(reason.chars().take(REASON_LENGTH).collect())
                }
                readiness if readiness.is_ready() => ReadinessRecord::Ready,
                // That it is not there says nothing of how it ended.
                Readiness::Gone => self.readiness,
                // It goes on, or may.
                _ => ReadinessRecord::None,
            };
        }
        self
    }

    /// The same entry, released: what needs it may go on without it, and it holds on to nothing.
    #[must_use]
    pub(crate) fn released(mut self) -> Self {
        (self.still_needs, self.readiness) = (Vec::new(), ReadinessRecord::Released);
        self.never_ready = false;
        self
    }
}

impl Digested for Owned {
    fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops entry");
        hasher.field([self.state as u8, u8::from(self.keep)]).field(&self.path);
        for token in [self.uid.as_ref().map(Uid::as_str), self.version.as_ref().map(Version::as_str)] {
            hasher.field(token.unwrap_or_default());
        }
        hasher.field(self.desired.map(|digest| *digest.as_bytes()).unwrap_or_default());
        for key in &self.needs {
            hasher.field(key.to_string());
        }
        if let Some(stage) = self.stage {
            hasher.field("stage").field(stage.to_le_bytes());
        }
        if self.runs_once {
            hasher.field("runs once");
        }
        if let Some(likeness) = self.likeness {
            hasher.field("like").field(likeness.as_bytes());
        }
        if let Some(written) = self.left_otherwise {
            hasher.field("left otherwise").field(written.as_bytes());
        }
        for key in &self.still_needs {
            hasher.field("still").field(key.to_string());
        }
        for (path, written) in &self.left_fields {
            hasher.field("left").field(path).field(written.as_bytes());
        }
        for (is_so, word) in [(self.never_ready, "never ready"), (self.let_go, "let go")] {
            if is_so {
                hasher.field(word);
            }
        }
        match &self.readiness {
            ReadinessRecord::None => {}
            ReadinessRecord::Ready => drop(hasher.field("ready")),
            ReadinessRecord::Failed(reason) => drop(hasher.field("failed").field(reason)),
            ReadinessRecord::Released => drop(hasher.field("released")),
        }
        hasher.finish()
    }
}
