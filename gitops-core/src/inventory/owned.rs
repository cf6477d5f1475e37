use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::journal::Intent;
use crate::value::{Digest, Digested, Hasher, Key, Live, Uid, Version};

/// One object that we own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Where it stands.
    pub state: OwnedState,
    /// The incarnation that we own; nothing for a claim.
    pub uid: Option<Uid>,
    /// The state in which we left it; nothing for a claim.
    pub version: Option<Version>,
    /// The digest of the body that we last wrote.
    pub desired: Option<Digest>,
    /// The file that declared it.
    pub path: SmolStr,
    /// What it needed when it was written: it is deleted before those.
    pub needs: Vec<Key>,
    /// Whether it stays when it is no longer declared.
    pub keep: bool,
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
    pub(super) fn claimed(intent: &Intent) -> Self {
        Self {
            state: OwnedState::Claimed,
            uid: None,
            version: None,
            desired: intent.desired,
            path: intent.path.clone(),
            needs: intent.needs.clone(),
            keep: intent.keep,
        }
    }

    /// An object that an intent was about, as it was seen.
    pub(crate) fn of(intent: &Intent, live: &Live) -> Self {
        Self::held(intent, live.uid.clone(), live.version.clone())
    }

    pub(super) fn held(intent: &Intent, uid: Uid, version: Version) -> Self {
        Self { state: OwnedState::Held, uid: Some(uid), version: Some(version), ..Self::claimed(intent) }
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
        hasher.finish()
    }
}
