//! Who we are to a forge.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::redact;
use gitops_core::{Cx, Result, Secret};
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::Transport;
use crate::fault::invalid;

/// What a call is made with: one header, and what must not be shown of it.
#[derive(Clone)]
pub(crate) struct Credential {
    name: HeaderName,
    value: HeaderValue,
    forms: Arc<[Zeroizing<String>]>,
}

impl Credential {
    /// A token behind a word, such as `Bearer`; without a word, the token alone.
    pub fn new(name: HeaderName, word: &str, token: &str) -> Result<Self> {
        let is_broken = token.is_empty() || token.contains(|c: char| c.is_control() || c.is_whitespace());
        let text = Zeroizing::new(if word.is_empty() { token.to_owned() } else { format!("{word} {token}") });
        let value = HeaderValue::from_str(&text).ok().filter(|_| !is_broken);
        let Some(mut value) = value else {
            return Err(invalid("the token is empty or has a blank or a control character in it")
                .help("look for a line break at the end of the token's file"));
        };
        value.set_sensitive(true);
        Ok(Self { name, value, forms: redact::forms(token).into() })
    }

    /// The header of a call.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        (self.name.clone(), self.value.clone())
    }

    /// Whether both are one.
    pub fn is(&self, other: &Self) -> bool {
        self.value == other.value
    }

    /// A text of the forge without the token, in any form.
    pub fn hide(&self, text: &str) -> String {
        redact::hide(text, &self.forms)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(sensitive)")
    }
}

/// Gives what calls are made with.
#[async_trait]
pub(crate) trait Auth: Send + Sync {
    /// What to make a call with now.
    async fn credential(&self, cx: &Cx, transport: &Transport) -> Result<Credential>;

    /// The forge refused a credential. Gives whether another one can be had.
    async fn refused(&self, credential: &Credential) -> bool;
}

/// The same token for every call.
pub(crate) struct StaticToken(Credential);

impl StaticToken {
    pub fn new(name: HeaderName, word: &str, token: &Secret) -> Result<Self> {
        Credential::new(name, word, token.expose()).map(Self)
    }
}

#[async_trait]
impl Auth for StaticToken {
    async fn credential(&self, _: &Cx, _: &Transport) -> Result<Credential> {
        Ok(self.0.clone())
    }

    async fn refused(&self, _: &Credential) -> bool {
        false
    }
}
