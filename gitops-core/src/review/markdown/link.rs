use crate::value::Digest;

/// How long an address may be, in bytes.
const BYTES: usize = 1_000;

/// Where the full plan of a review is, with the digest of its bytes.
///
/// ```
/// use gitops_core::Digest;
/// use gitops_core::review::Link;
/// assert!(Link::new("https://ci.example.org/plans/7", Digest::of(b"plan")).is_ok());
/// assert!(Link::new("javascript:alert(1)", Digest::of(b"plan")).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    url: String,
    digest: Digest,
}

/// An address to which no link is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a link is `http://` or `https://` with up to {BYTES} characters of an address, without blanks, quotes or brackets"
)]
pub struct LinkError;

impl Link {
    /// A link to an address.
    ///
    /// # Errors
    /// The address is not HTTP, is too long, or has a character that does not belong into an address.
    pub fn new(url: impl Into<String>, digest: Digest) -> Result<Self, LinkError> {
        let url = url.into();
        let is_http = url.starts_with("https://") || url.starts_with("http://");
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&byte);
        match is_http && url.len() <= BYTES && url.bytes().all(fits) {
            true => Ok(Self { url, digest }),
            false => Err(LinkError),
        }
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The digest of what is there.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
