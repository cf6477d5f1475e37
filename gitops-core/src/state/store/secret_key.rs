//! The key under which secrets are compared, where several machines must compare them alike.

use super::{Document, StateStore};
use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Result, SecretKey};

const DOCUMENT: &str = "secret-key";

impl SecretKey {
    /// The key that a store keeps; it is made by the first call ever, and the same for every machine that shares the
    /// store.
    ///
    /// Who can read the document can try guesses at secrets against the digests in the inventory: the store must let
    /// nobody read it but the application. A key in the state folder instead
    /// ([`StateDir::secret_key`](crate::StateDir::secret_key)) is lost with the disk; everything with a secret is
    /// then planned as changed and applied anew, once.
    ///
    /// # Errors
    /// `Corrupt` if the document is no key: it is not made anew, for every secret would then seem to have changed.
    ///
    /// # Cancel safety
    /// A dropped call has made the key or not; the next one finds it or makes it.
    pub async fn kept_in(cx: &Cx, store: &dyn StateStore) -> Result<Self> {
        if let Some(key) = Self::found_in(cx, store).await? {
            return Ok(key);
        }
        let document = Document { epoch: 0, bytes: cx.random_bytes::<32>().to_vec() };
        match store.swap(cx, DOCUMENT, None, document).await {
            Err(error) if !error.is_conflict() => return Err(error),
            // Made here, or by another machine at the same time.
            _ => {}
        }
        let missing = || Error::new(ErrorKind::Internal, "the store does not give what it was given");
        Self::found_in(cx, store).await?.ok_or_else(missing)
    }

    /// The key that a store keeps, if one was made yet; nothing is written.
    ///
    /// # Errors
    /// As [`kept_in`](Self::kept_in).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn found_in(cx: &Cx, store: &dyn StateStore) -> Result<Option<Self>> {
        load(cx, store).await
    }
}

async fn load(cx: &Cx, store: &dyn StateStore) -> Result<Option<SecretKey>> {
    let Some(stored) = store.load(cx, DOCUMENT).await? else { return Ok(None) };
    let bytes = <[u8; 32]>::try_from(stored.document.bytes.as_slice()).map_err(|_| {
        Error::new(ErrorKind::Corrupt, "the secret key is damaged: it has 32 bytes")
            .with("document", DOCUMENT)
            .help("put it back from a backup; without one, remove it: everything with a secret is then applied anew")
    })?;
    Ok(Some(SecretKey::new(bytes)))
}
