//! Where a forge's API is.

use gitops_core::Result;
use http::Uri;

use crate::fault::{invalid, shown};

/// Scheme, host and port, and what stands before every path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    origin: String,
    prefix: String,
    pub is_secure: bool,
}

impl Base {
    /// Reads the URL of a forge. `api` is the path of its API below it.
    pub fn parse(text: &str, api: &str) -> Result<Self> {
        let refused = |fault: &str| {
            invalid(format!("`{}` is not the URL of a forge: {fault}", shown(text, 120)))
                .help("write it as `https://forge.example.org`")
        };
        let uri: Uri = text.parse().map_err(|_| refused("it is no URL"))?;
        let authority = uri.authority().ok_or_else(|| refused("the host is missing"))?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refused("it is not https")),
        };
        if authority.as_str().contains('@') {
            // What stands there may be a password.
            return Err(invalid("user and password belong into the token, not into the URL of a forge"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(refused("it holds `?` or `#`"));
        }
        if !is_secure && !is_loopback(authority.host()) {
            return Err(refused("a token is not sent over plain http, where everybody can read it"));
        }
        let scheme = if is_secure { "https" } else { "http" };
        let origin = format!("{scheme}://{}", authority.as_str().to_ascii_lowercase());
        Ok(Self { origin, prefix: format!("{}{api}", uri.path().trim_end_matches('/')), is_secure })
    }

    /// The URL of a path of the API.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }

    /// The URL of a path beside the API: the last part of the API's own path is its version.
    pub fn beside(&self, path: &str) -> String {
        let above = self.prefix.rsplit_once('/').map_or("", |(above, _)| above);
        format!("{}{above}{path}", self.origin)
    }

    /// Whether a URL is of this scheme, host and port.
    pub fn has(&self, url: &str) -> bool {
        url.get(..self.origin.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.origin))
            && url[self.origin.len()..].starts_with('/')
    }

    /// A place that a redirect names, if it is on this host.
    pub fn redirect(&self, location: &str) -> Option<String> {
        match location.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\'])) {
            Some(_) => Some(format!("{}{location}", self.origin)),
            None => self.has(location).then(|| location.to_owned()),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Base {
        Base::parse("https://Forge.example.org:8443/git/", "/api/v1").unwrap()
    }

    #[test]
    fn a_path_is_below_the_api() {
        assert_eq!(base().url("/user"), "https://forge.example.org:8443/git/api/v1/user");
    }

    #[test]
    fn what_is_beside_the_api_is_below_the_forge() {
        assert_eq!(base().beside("/graphql"), "https://forge.example.org:8443/git/api/graphql");
    }

    #[test]
    fn only_the_same_host_is_followed() {
        let same = ["/a?b", "https://forge.example.org:8443/a", "HTTPS://FORGE.example.org:8443/a"];
        assert!(same.iter().all(|location| base().redirect(location).is_some()));
        let others = [
            "//evil.example.org/a",
            "/\\evil.example.org/a",
            "https://forge.example.org/a",
            "http://forge.example.org:8443/a",
            "https://forge.example.org:84430/a",
            "https://forge.example.org:8443@evil.example.org/a",
            "https://forge.example.org:8443.evil.example.org/a",
            "a",
            "",
        ];
        for location in others {
            assert_eq!(base().redirect(location), None, "{location}");
        }
    }

    #[test]
    fn a_token_does_not_go_over_plain_http_or_to_who_knows_where() {
        for text in [
            "http://forge.example.org",
            "forge.example.org",
            "ftp://a",
            "https://",
            "https://a/?b",
            "https://a/#b",
        ] {
            assert!(Base::parse(text, "").is_err(), "{text}");
        }
        assert!(Base::parse("http://127.0.0.1:3000", "").is_ok());
        let error = Base::parse("https://me:hunter2@forge.example.org", "").unwrap_err();
        assert!(!error.with_help().contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, location: String) {
            let _ = Base::parse(&text, "/api");
            if let Some(url) = base().redirect(&location) {
                let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase));
                prop_assert!(host.is_none_or(|host| host == "forge.example.org"), "{}", url);
            }
        }
    }
}
