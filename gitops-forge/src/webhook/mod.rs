//! What a forge sends when something happened: verified, and made a hint of.
//!
//! A webhook is a hint to look sooner, and nothing more: what happened is asked from the forge. So one that is lost,
//! doubled or late changes nothing but the time. Answer at once, with 202, and look afterwards.
//!
//! ```
//! use gitops_core::{Secret, SecretKey, Time};
//! use gitops_forge::webhook::{Deliveries, HintKind, Webhooks};
//!
//! let secret = Secret::new("a long random text", &SecretKey::new([7; 32]));
//! let webhooks = Webhooks::new([secret])?;
//! let mut deliveries = Deliveries::new(10_000);
//!
//! let body = br#"{"ref": "refs/heads/main", "repository": {"full_name": "platform/site"}}"#;
//! let signature = "a2f97b0afee4b11ee71bf3ab16a3fb5f53ab51ec4ad9ae87cd29e6b5a7e1b9a6";
//! let header = |name: &str| match name {
//!     "x-gitea-event" => Some("push"),
//!     "x-gitea-delivery" => Some("f6266f16-1bf3-46a5-9ea4-602e06ead473"),
//!     "x-gitea-signature" => Some(signature),
//!     _ => None,
//! };
//! match webhooks.verify(header, body, Time::default()) {
//!     Ok(hint) if deliveries.admit(&hint) => assert_eq!(hint.kind, HintKind::Push),
//!     Ok(_) => {} // It came before.
//!     Err(refused) => assert!(refused.to_string().contains("signature")),
//! }
//! # Ok::<(), gitops_core::Error>(())
//! ```

mod deliveries;
mod payload;
mod signature;

use gitops_core::{Error, ErrorKind, Result, Secret, Time};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use self::deliveries::Deliveries;
use self::signature::Key;
use crate::fault::invalid;
use crate::value::{CommitId, RepositoryPath};

/// The longest id of a delivery, in bytes.
const LONGEST_ID: usize = 200;

/// What a forge said by a webhook that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hint {
    /// Which forge said it.
    pub sender: Sender,
    /// What it is about.
    pub kind: HintKind,
    /// The repository.
    pub repository: Option<RepositoryPath>,
    /// The change request.
    pub request: Option<u64>,
    /// The commit: what a branch was pushed to, the head of the request, or what a merge queue made.
    pub commit: Option<CommitId>,
    /// The branch that was pushed to, or that a merge queue merges into, without `refs/heads/`.
    pub branch: Option<String>,
    /// The comment that somebody wrote just now, as it was written: others may edit it before anybody asks for it.
    pub written: Option<Written>,
    /// The id of the delivery.
    pub delivery: SmolStr,
    /// What tells this body from others; a delivery's id is signed by few forges.
    digest: SmolStr,
}

/// A comment as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Written {
    /// What the forge knows it by.
    pub comment: SmolStr,
    /// Its text.
    pub body: String,
}

/// Which forge sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sender {
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    GitLab,
    /// GitHub.
    GitHub,
}

/// What a webhook is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HintKind {
    /// A branch or tag moved, came or went.
    Push,
    /// A change request was opened, pushed to, merged, closed or edited.
    Request,
    /// A comment was written, edited or removed.
    Comment,
    /// A review was given or taken back.
    Review,
    /// A status or a check of a commit changed.
    Status,
    /// A commit of a merge queue wants to be checked.
    MergeQueue,
    /// Something else, such as the test of a new webhook.
    Other,
}

/// Verifies webhooks of any forge, with one secret, or two while one takes the place of the other.
pub struct Webhooks {
    keys: Vec<Key>,
    body_bytes: usize,
}

impl Webhooks {
    /// Takes what is signed with one of the secrets.
    ///
    /// # Errors
    /// `Invalid` without a secret, with an empty one, or with more than two: a webhook that anybody could send is never
    /// taken.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self> {
        let keys: Vec<_> = secrets.into_iter().map(|secret| Key::new(&secret)).collect::<Result<_>>()?;
        match keys.len() {
            1 | 2 => Ok(Self { keys, body_bytes: 5 << 20 }),
            0 => Err(invalid("webhooks have no secret")
                .help("give the forge and this program one long random text")),
            _ => {
                Err(invalid("webhooks have more than two secrets")
                    .help("keep the present and the former one"))
            }
        }
    }

    /// The most bytes of a body. Default: 5 MiB.
    #[must_use]
    pub fn body_bytes(self, body_bytes: usize) -> Self {
        Self { body_bytes, ..self }
    }

    /// How many bytes of a body a server needs to read to know that it is too long.
    pub fn limit(&self) -> usize {
        self.body_bytes
    }

    /// Verifies a webhook, and says what it is about. The signature is checked over the bytes as they came, before they
    /// are read.
    ///
    /// `header` gives a header by its name in lower case; if there are several, the first.
    ///
    /// # Errors
    /// `Limit` for a body that is too long; `Unauthenticated` for a signature that is missing, of a kind that is not
    /// secure (SHA-1), wrong, or too old; `Invalid` for what comes from no forge that is known, has no delivery id, or
    /// is no JSON.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: Time,
    ) -> Result<Hint> {
        if body.len() > self.body_bytes {
            return Err(crate::fault::over_limit("a webhook is too long", "body_bytes", self.body_bytes));
        }
        let sender = sender(&header)?;
        let id = signature::check(sender, &self.keys, &header, body, now)?;
        let sane =
            |id: &str| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        let delivery =
            Some(id).filter(|id| sane(id)).ok_or_else(|| invalid("a webhook has no delivery id"))?;
        let event = event(sender, &header);
        let digest = SmolStr::new(blake3::hash(body).to_hex());
        payload::read(sender, event, body).map(|read| Hint {
            sender,
            kind: read.kind,
            repository: read.repository,
            request: read.request,
            commit: read.commit,
            branch: read.branch,
            written: read.written,
            delivery: delivery.into(),
            digest,
        })
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks")
            .field("secrets", &self.keys.len())
            .field("body_bytes", &self.body_bytes)
            .finish()
    }
}

/// The forge, by the headers that only it sends. Gitea sends those of GitHub beside its own, so it is looked for first.
fn sender<'h>(header: &impl Fn(&str) -> Option<&'h str>) -> Result<Sender> {
    let has = |name| header(name).is_some();
    match () {
        () if has("x-gitea-event") || has("x-forgejo-event") => Ok(Sender::Gitea),
        () if has("x-gitlab-event") => Ok(Sender::GitLab),
        () if has("x-github-event") => Ok(Sender::GitHub),
        () => Err(Error::new(ErrorKind::Invalid, "a webhook is of no forge that is known")),
    }
}

fn event<'h>(sender: Sender, header: &impl Fn(&str) -> Option<&'h str>) -> &'h str {
    let name = match sender {
        Sender::Gitea => header("x-forgejo-event").or_else(|| header("x-gitea-event")),
        Sender::GitLab => header("x-gitlab-event"),
        Sender::GitHub => header("x-github-event"),
    };
    name.unwrap_or_default()
}
