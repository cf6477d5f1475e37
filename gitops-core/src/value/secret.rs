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
    /// The text and its key; nothing of a secret that is known by its digest only.
    open: Option<(Zeroizing<String>, SecretKey)>,
    digest: Digest,
}

impl Secret {
    /// Takes a text as secret, comparable with others under the same key.
    pub fn new(text: impl Into<String>, key: &SecretKey) -> Self {
        let text = Zeroizing::new(text.into());
        let digest = Hasher::new("gitops secret").field(**key.0).field(&*text).finish();
        Self(Arc::new(Inner { open: Some((text, key.clone())), digest }))
    }

    /// A secret of which only the digest is known: a target takes it and never shows it again. It can be compared, and
    /// has no text: what it stands in can't be written anywhere.
    pub(crate) fn sealed(digest: Digest) -> Self {
        Self(Arc::new(Inner { open: None, digest }))
    }

    /// Whether only the digest is known.
    pub(crate) fn is_sealed(&self) -> bool {
        self.0.open.is_none()
    }

    /// The text itself, for the one place that hands it to a target or a child process.
    ///
    /// It is empty if a target shows only that the secret is there, and not its text. Declarations have no such secrets.
    pub fn expose(&self) -> &str {
        self.0.open.as_ref().map_or("", |(text, _)| text)
    }

    /// The key under which it is compared; nothing if only its digest is known.
    pub(super) fn key(&self) -> Option<&SecretKey> {
        self.0.open.as_ref().map(|(_, key)| key)
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
