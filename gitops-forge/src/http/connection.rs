use std::fmt;
use std::sync::Arc;

use super::observe::CallObserver;
use crate::limits::ForgeLimits;

/// How a forge is reached: its URL, and what every adapter's client has in common.
///
/// ```
/// use gitops_forge::{Call, Connection};
/// let connection = Connection::to("https://forge.example.org")
///     .observer(|call: &Call| println!("{} {}: {:?}", call.method, call.route, call.status));
/// ```
#[derive(Clone)]
pub struct Connection {
    pub(super) url: String,
    pub(super) limits: ForgeLimits,
    pub(super) observer: Option<Arc<dyn CallObserver>>,
    pub(super) authorities: Vec<Vec<u8>>,
}

impl Connection {
    /// To the forge of a URL, as a browser is given it. It is checked by the adapter that gets the connection.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), limits: ForgeLimits::default(), observer: None, authorities: Vec::new() }
    }

    /// The same to another URL.
    pub(crate) fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// The URL as it was given.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Other limits.
    #[must_use]
    pub fn limits(self, limits: ForgeLimits) -> Self {
        Self { limits, ..self }
    }

    /// Tells somebody of every call.
    #[must_use]
    pub fn observer(self, observer: impl CallObserver + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Believes a certificate authority beside the machine's own ones: one or more certificates in PEM form.
    #[must_use]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("limits", &self.limits).finish_non_exhaustive()
    }
}
