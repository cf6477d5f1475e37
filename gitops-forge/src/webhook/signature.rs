//! Whether a webhook was signed with one of our secrets.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Error, ErrorKind, Result, Secret, Time};
use ring::hmac;

use super::Sender;
use crate::fault::invalid;

/// How far the time of a signed webhook may be from ours.
const TOLERANCE: Duration = Duration::from_secs(300);

/// What GitLab's signing tokens begin with.
const SIGNING: &str = "whsec_";

/// A secret, in the forms in which forges use it.
pub(super) struct Key {
    /// The text itself as a key.
    text: hmac::Key,
    /// What a signing token of GitLab holds; such a token is never sent as it is.
    signing: Option<hmac::Key>,
}

impl Key {
    pub fn new(secret: &Secret) -> Result<Self> {
        let text = secret.expose();
        if text.is_empty() || text.contains(|c: char| c.is_control()) {
            return Err(invalid("the secret of webhooks is empty or has a control character in it")
                .help("look for a line break at the end of the secret's file"));
        }
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let signing = text.strip_prefix(SIGNING).map(|key| STANDARD.decode(key));
        let signing = signing.transpose().map_err(|_| invalid("a signing token of webhooks is no base64"))?;
        Ok(Self { text: key(text.as_bytes()), signing: signing.as_deref().map(key) })
    }

    /// Whether a text is the secret itself, in a time that does not depend on where they differ.
    fn is(&self, text: &str) -> bool {
        const SAME: &[u8] = b"the same text";
        let other = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()), SAME);
        self.signing.is_none() && hmac::verify(&self.text, SAME, other.as_ref()).is_ok()
    }
}

/// Checks the signature; gives the id of the delivery, which may be missing.
pub(super) fn check<'h>(
    sender: Sender,
    keys: &[Key],
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: Time,
) -> Result<&'h str> {
    let first = |names: &[&str]| names.iter().find_map(|name| header(name)).unwrap_or_default();
    match sender {
        Sender::Gitea => {
            let signature = first(&["x-forgejo-signature", "x-gitea-signature"]);
            hexadecimal(keys, signature, body)?;
            Ok(first(&["x-forgejo-delivery", "x-gitea-delivery"]))
        }
        Sender::GitHub => {
            let signature = header("x-hub-signature-256").ok_or_else(|| match header("x-hub-signature") {
                Some(_) => refused("it is signed with SHA-1 alone, which is not secure"),
                None => refused("it is not signed"),
            })?;
            let digits =
                signature.strip_prefix("sha256=").ok_or_else(|| refused("its signature is not SHA-256"))?;
            hexadecimal(keys, digits, body)?;
            Ok(first(&["x-github-delivery"]))
        }
        Sender::GitLab => {
            if let Some(signatures) = header("webhook-signature") {
                return gitlab_signed(keys, signatures, header, body, now);
            }
            let token =
                header("x-gitlab-token").ok_or_else(|| refused("it is not signed and has no token"))?;
            let is_ours = keys.iter().any(|key| key.is(token));
            is_ours.then_some(()).ok_or_else(|| refused("its token is not ours"))?;
            Ok(first(&["idempotency-key", "x-gitlab-event-uuid"]))
        }
    }
}

fn hexadecimal(keys: &[Key], digits: &str, body: &[u8]) -> Result<()> {
    if digits.is_empty() {
        return Err(refused("it is not signed"));
    }
    let tag = hex(digits).ok_or_else(|| refused("its signature is not hexadecimal"))?;
    let is_signed = keys.iter().any(|key| hmac::verify(&key.text, body, &tag).is_ok());
    is_signed.then_some(()).ok_or_else(|| refused("its signature is not ours"))
}

/// GitLab's newer way: `v1,BASE64`, several with blanks between, over `ID.TIMESTAMP.BODY`.
fn gitlab_signed<'h>(
    keys: &[Key],
    signatures: &str,
    header: &impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: Time,
) -> Result<&'h str> {
    let id = header("webhook-id").ok_or_else(|| refused("its id is missing"))?;
    let timestamp = header("webhook-timestamp").ok_or_else(|| refused("its time is missing"))?;
    let seconds: i64 = timestamp.parse().map_err(|_| refused("its time is no number"))?;
    let at = Time::from_micros(seconds.saturating_mul(1_000_000));
    if at.since(now) > TOLERANCE || now.since(at) > TOLERANCE {
        return Err(refused("its time is more than five minutes from ours")
            .help("set the clocks of the forge and of this machine"));
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let tags =
        signatures.split(' ').filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    let is_signed = |tag: &Vec<u8>| {
        let keys = keys.iter().filter_map(|key| key.signing.as_ref());
        keys.into_iter().any(|key| hmac::verify(key, &signed, tag).is_ok())
    };
    // A header has few bytes, so there are few of them.
    tags.take(8).any(|tag| is_signed(&tag)).then_some(id).ok_or_else(|| refused("its signature is not ours"))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("a webhook was refused: {why}"))
        .help("give the forge and this program the same secret")
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
