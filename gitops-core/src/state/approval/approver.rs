use std::fmt;

use serde::{Deserialize, Serialize};

/// Who approved something, and how it is known that it was this person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Approver {
    /// The person's name, as the system that knows the person has it.
    pub name: String,
    /// Where the person said so.
    pub through: Through,
}

/// Where somebody approved something, which says how much the name is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "system", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Through {
    /// On a machine, by somebody who may write the application's state: the operating system knows the user by number.
    Terminal {
        /// The user's number.
        uid: u32,
    },
    /// In a review of a change request.
    Review {
        /// The request on its forge, and after `: ` the reviews and comments that count: `gitea platform/site#7: review 12`.
        review: String,
    },
    /// In an emergency, by two people whom a forge knows, for hours at most. It opens change windows too.
    Urgent {
        /// The request on which they said it, as the forge names it.
        request: String,
        /// Why.
        reason: String,
    },
    /// With a signature.
    Signature {
        /// The key's fingerprint.
        key: String,
    },
    /// With a token of an identity provider.
    Oidc {
        /// Who issued the token.
        issuer: String,
    },
    /// As a user of a cluster.
    Cluster {
        /// The cluster.
        cluster: String,
    },
}

impl Through {
    /// Whether it is a review or a comment of this request: `gitea platform/site#7`.
    pub(crate) fn is_on(&self, request: &str) -> bool {
        match self {
            Self::Review { review } => {
                review.split_once(": ").map_or(review.as_str(), |(of, _)| of) == request
            }
            _ => false,
        }
    }
}

impl Approver {
    /// Somebody, known through a system.
    pub fn new(name: impl Into<String>, through: Through) -> Self {
        Self { name: name.into(), through }
    }

    /// The name, with the place where it can be read what the person said, if there is one beside the state.
    pub(crate) fn traced(&self) -> String {
        match &self.through {
            Through::Review { review } => format!("{} ({review})", self.name),
            _ => self.name.clone(),
        }
    }
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminal { uid } => write!(f, "terminal (uid {uid})"),
            Self::Review { review } => write!(f, "review {review}"),
            Self::Urgent { request, reason } => write!(f, "in an emergency on {request}: {reason}"),
            Self::Signature { key } => write!(f, "signature {key}"),
            Self::Oidc { issuer } => write!(f, "token of {issuer}"),
            Self::Cluster { cluster } => write!(f, "user of {cluster}"),
        }
    }
}

/// Such as `bo, review gitea/17`.
impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, self.through)
    }
}
