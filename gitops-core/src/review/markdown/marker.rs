use crate::value::{Digest, Hasher};

const BEGIN: &str = "<!-- gitops-review:1 request=";

/// The hidden line by which a comment is found again and edited, instead of a second one being written.
///
/// It holds digests alone, so that no text of others is in it.
///
/// ```
/// use gitops_core::Digest;
/// use gitops_core::review::Marker;
/// let marker = Marker::new("github.com/acme/shop#12", Digest::of(b"effect"));
/// let comment = format!("{marker}\n## GitOps: ready\n");
/// assert_eq!(Marker::read(&comment), Some(marker.clone()));
/// assert!(marker.is_of("github.com/acme/shop#12"));
/// assert_eq!(Marker::read(&format!("> {marker}")), None, "a quoted comment is not ours");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    request: Digest,
    effect: Digest,
}

impl Marker {
    /// The marker of a request, by whatever names it apart from all others, and of the effect that its comment shows.
    pub fn new(request: &str, effect: Digest) -> Self {
        Self { request: Self::digest(request), effect }
    }

    /// The marker with which a comment begins. Anybody can write one: the comment's author must be checked too.
    pub fn read(comment: &str) -> Option<Self> {
        let rest = comment.strip_prefix(BEGIN)?;
        let (line, _) = rest.split_once(" -->")?;
        let (request, effect) = line.split_once(" effect=")?;
        Some(Self { request: request.parse().ok()?, effect: effect.parse().ok()? })
    }

    /// Whether it is of a request.
    pub fn is_of(&self, request: &str) -> bool {
        self.request == Self::digest(request)
    }

    /// The effect that the comment shows.
    pub fn effect(&self) -> Digest {
        self.effect
    }

    fn digest(request: &str) -> Digest {
        Hasher::new("gitops review request").field(request).finish()
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{BEGIN}{} effect={} -->", self.request, self.effect)
    }
}
