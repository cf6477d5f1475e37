//! Where forges send what happened.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_app::config::ForgeKind;
use gitops_core::{ErrorKind, Time};
use gitops_forge::RepositoryPath;
use gitops_forge::webhook::{Deliveries, Hint, Sender, Webhooks};

/// How many bytes a body may have. Forges send more only for pushes of hundreds of commits, which polling finds.
const BODY_BYTES: usize = 1 << 20;

/// How many deliveries are remembered of each repository.
const REMEMBERED: usize = 10_000;

/// Where the forges of a configuration send what happened: `POST /webhooks/github`, `/gitlab`, `/gitea` (Forgejo too).
///
/// A webhook is verified over its bytes before they are read, with the one or two secrets of a repository, and counts for
/// that repository alone. It is a hint to look sooner and nothing more, so one that is lost, doubled, late or in the wrong
/// order changes nothing but the time.
#[derive(Default)]
pub(crate) struct Endpoints(Vec<Arc<Endpoint>>);

/// What is taken of one repository.
pub(crate) struct Endpoint {
    kind: ForgeKind,
    repository: RepositoryPath,
    webhooks: Webhooks,
    deliveries: Mutex<Deliveries>,
    hear: Hear,
}

/// Takes a hint that was verified; must return quickly.
pub(crate) type Hear = Arc<dyn Fn(&Hint) + Send + Sync>;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was taken.
    Taken,
    /// It was taken before.
    CameBefore,
    /// It is of another repository.
    Elsewhere,
    /// It is not signed with one of the secrets.
    Forged,
    /// It is of another forge, or no JSON, or has no id.
    Unreadable,
}

impl Endpoints {
    /// How long a body of a kind of forge may be; nothing if none is taken of it.
    pub(crate) fn limit(&self, forge: &str) -> Option<usize> {
        self.of(forge).map(|endpoint| endpoint.webhooks.limit()).max()
    }

    /// Verifies a delivery, and hands it on if it is new.
    pub(crate) fn deliver<'h>(
        &self,
        forge: &str,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: Time,
    ) -> Delivery {
        let found = self.of(forge).map(|endpoint| endpoint.deliver(&header, body, now));
        found
            .min_by_key(|delivery| match delivery {
                Delivery::Taken | Delivery::CameBefore => 0,
                Delivery::Elsewhere => 1,
                Delivery::Unreadable => 2,
                Delivery::Forged => 3,
            })
            .unwrap_or(Delivery::Unreadable)
    }

    fn of<'a>(&'a self, forge: &str) -> impl Iterator<Item = &'a Arc<Endpoint>> {
        let kind = ForgeKind::of(forge);
        self.0.iter().filter(move |endpoint| Some(endpoint.kind) == kind)
    }
}

impl FromIterator<Arc<Endpoint>> for Endpoints {
    fn from_iter<T: IntoIterator<Item = Arc<Endpoint>>>(endpoints: T) -> Self {
        Self(endpoints.into_iter().collect())
    }
}

impl Endpoint {
    /// Takes what a repository's forge signs with one of its secrets.
    pub(crate) fn new(kind: ForgeKind, repository: RepositoryPath, webhooks: Webhooks, hear: Hear) -> Self {
        let deliveries = Mutex::new(Deliveries::new(REMEMBERED));
        let webhooks = webhooks.body_bytes(BODY_BYTES);
        Self { kind, repository, webhooks, deliveries, hear }
    }

    fn deliver<'h>(&self, header: impl Fn(&str) -> Option<&'h str>, body: &[u8], now: Time) -> Delivery {
        let hint = match self.webhooks.verify(header, body, now) {
            Ok(hint) if hint.sender == sender(self.kind) => hint,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Delivery::Forged,
            Ok(_) | Err(_) => return Delivery::Unreadable,
        };
        if hint.repository.as_ref().is_some_and(|found| !found.is(&self.repository)) {
            return Delivery::Elsewhere;
        }
        let is_new = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).admit(&hint);
        if !is_new {
            return Delivery::CameBefore;
        }
        (self.hear)(&hint);
        Delivery::Taken
    }
}

fn sender(kind: ForgeKind) -> Sender {
    match kind {
        ForgeKind::GitHub => Sender::GitHub,
        ForgeKind::GitLab => Sender::GitLab,
        ForgeKind::Gitea => Sender::Gitea,
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|endpoint| (endpoint.kind, &endpoint.repository))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use gitops_core::{Secret, SecretKey};
    use ring::hmac;

    use super::*;

    const BODY: &str =
        r#"{"action":"opened","pull_request":{"number":7},"repository":{"full_name":"platform/site"}}"#;

    fn endpoints(secrets: &[&str]) -> (Endpoints, Arc<AtomicUsize>) {
        let heard = Arc::new(AtomicUsize::new(0));
        let secrets = secrets.iter().map(|text| Secret::new(*text, &SecretKey::new([7; 32])));
        let (webhooks, count) = (Webhooks::new(secrets).unwrap(), heard.clone());
        let hear: Hear = Arc::new(move |_: &Hint| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let repository = RepositoryPath::parse("platform/site").unwrap();
        let endpoint = Endpoint::new(ForgeKind::Gitea, repository, webhooks, hear);
        (std::iter::once(Arc::new(endpoint)).collect(), heard)
    }

    fn sent(endpoints: &Endpoints, secret: &str, body: &str, id: &str) -> Delivery {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
        let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let signature: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        let header = |name: &str| match name {
            "x-gitea-event" => Some("pull_request"),
            "x-gitea-delivery" => Some(id),
            "x-gitea-signature" => Some(signature.as_str()),
            _ => None,
        };
        endpoints.deliver("gitea", header, body.as_bytes(), Time::default())
    }

    #[test]
    fn what_is_signed_counts_once_and_for_its_own_repository() {
        let (endpoints, heard) = endpoints(&["the new one", "the former one"]);
        assert_eq!(sent(&endpoints, "the new one", BODY, "1"), Delivery::Taken);
        assert_eq!(sent(&endpoints, "the new one", BODY, "1"), Delivery::CameBefore);
        assert_eq!(
            sent(&endpoints, "the former one", BODY, "2"),
            Delivery::CameBefore,
            "few forges sign the id"
        );
        assert_eq!(sent(&endpoints, "another", BODY, "3"), Delivery::Forged);
        let other = BODY.replace("platform/site", "platform/other");
        assert_eq!(sent(&endpoints, "the former one", &other, "4"), Delivery::Elsewhere);
        assert_eq!(sent(&endpoints, "the former one", "{", "5"), Delivery::Unreadable);
        let again = BODY.replace("opened", "edited");
        assert_eq!(sent(&endpoints, "the former one", &again, "6"), Delivery::Taken);
        assert_eq!(heard.load(Ordering::Relaxed), 2);
        assert_eq!((endpoints.limit("gitea"), endpoints.limit("github")), (Some(BODY_BYTES), None));
        let nothing = |_: &str| None;
        assert_eq!(endpoints.deliver("github", nothing, b"{}", Time::default()), Delivery::Unreadable);
    }
}
