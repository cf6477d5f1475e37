use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Digest, Hasher};

/// The key under which secrets are compared; one per application, kept with its state, never shown.
///
/// A digest of a short secret could be guessed by trying; a digest under this key can't.
#[derive(Clone)]
pub struct SecretKey(Arc<Zeroizing<[u8; 32]>>);

impl SecretKey {
    /// A key from 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(sensitive)")
    }
}

/// Text that must not leave the process except into a target.
///
/// `Debug` and `Display` print `(sensitive)`; serialising prints it too, so a secret can't slip into a plan,
/// an event, the journal or the audit log. The memory is wiped on drop. Equality is that of the digests under
/// the [`SecretKey`]. Every place that reads the text says [`expose`](Self::expose), which is easy to search
/// for.
///
/// ```
/// use gitops_core::{Secret, SecretKey};
/// let token = Secret::new("hunter2", &SecretKey::new([7; 32]));
/// assert_eq!(format!("{token} {token:?}"), "(sensitive) (sensitive)");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    text: Zeroizing<String>,
    digest: Digest,
    key: SecretKey,
}

impl Secret {
    /// Takes a text as secret, comparable with others under the same key.
    pub fn new(text: impl Into<String>, key: &SecretKey) -> Self {
        let text = Zeroizing::new(text.into());
        let digest = Hasher::new("gitops secret").field(**key.0).field(&*text).finish();
        Self(Arc::new(Inner { text, digest, key: key.clone() }))
    }

    /// The text itself, for the one place that hands it to a target or a child process.
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// The key under which it is compared.
    pub(super) fn key(&self) -> &SecretKey {
        &self.0.key
    }

    /// The digest under the key: equal for equal texts, useless for guessing.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}
