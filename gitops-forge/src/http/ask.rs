//! One call of an API, as it is sent.

use std::fmt::Display;

use gitops_core::Time;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// All but what is never given a meaning in a path or a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What comes into the place of a name in braces.
type Part<'a> = &'a (dyn Display + Sync);

/// What is asked of the forge.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The path with names in braces, as the forge's documentation writes it. Metrics count by it.
    pub route: &'static str,
    pub method: Method,
    path: String,
    query: String,
    pub body: Option<Value>,
    reads: bool,
}

impl Ask {
    pub fn get(route: &'static str, parts: &[Part<'_>]) -> Self {
        Self::new(Method::GET, route, parts)
    }

    pub fn post(route: &'static str, parts: &[Part<'_>]) -> Self {
        Self::new(Method::POST, route, parts)
    }

    pub fn patch(route: &'static str, parts: &[Part<'_>]) -> Self {
        Self::new(Method::PATCH, route, parts)
    }

    pub fn put(route: &'static str, parts: &[Part<'_>]) -> Self {
        Self::new(Method::PUT, route, parts)
    }

    pub fn delete(route: &'static str, parts: &[Part<'_>]) -> Self {
        Self::new(Method::DELETE, route, parts)
    }

    fn new(method: Method, route: &'static str, parts: &[Part<'_>]) -> Self {
        Self { route, method, path: filled(route, parts), query: String::new(), body: None, reads: false }
    }

    #[must_use]
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        let joint = if self.query.is_empty() { "?" } else { "&" };
        let value = escaped(&value.to_string());
        self.query.extend([joint, name, "=", &value]);
        self
    }

    /// A time in whole seconds, as every forge reads it.
    #[must_use]
    pub fn time(self, name: &str, time: Time) -> Self {
        let seconds = time.as_micros().div_euclid(1_000_000);
        self.query(name, jiff::Timestamp::from_second(seconds).unwrap_or_default())
    }

    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Says that it only reads, though its method is one that may write: a query of GraphQL.
    #[must_use]
    pub fn only_reads(self) -> Self {
        Self { reads: true, ..self }
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path and query.
    pub fn target(&self) -> String {
        format!("{}{}", self.path, self.query)
    }

    /// Whether it may change something.
    pub fn is_write(&self) -> bool {
        self.method != Method::GET && !self.reads
    }

    /// Whether its URL alone says what is asked, so that an answer may be kept by it.
    pub fn is_by_url(&self) -> bool {
        self.method == Method::GET
    }
}

/// A route with each name in braces replaced by a part, escaped: what comes from outside stays one part of the path.
fn filled(route: &str, parts: &[Part<'_>]) -> String {
    let mut parts = parts.iter();
    let mut path = String::new();
    for piece in route.split_inclusive(['{', '}']) {
        match piece.strip_suffix('}') {
            Some(_) => path.push_str(&segment(parts.next().expect("a route has a part for each name"))),
            None => path.push_str(piece.trim_end_matches('{')),
        }
    }
    path
}

fn segment(part: Part<'_>) -> String {
    match part.to_string().as_str() {
        // They would name the folder and the one above.
        dots @ ("." | "..") => dots.replace('.', "%2E"),
        part => escaped(part),
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_route_is_filled() {
        let ask = Ask::get("/repos/{owner}/{repo}/pulls/{index}/merge", &[&"a", &"b c", &7]);
        assert_eq!(ask.query("x", "1&2").query("y", 3).target(), "/repos/a/b%20c/pulls/7/merge?x=1%262&y=3");
    }

    proptest! {
        #[test]
        fn what_comes_from_outside_stays_one_part(part: String) {
            let target = Ask::get("/a/{part}/b", &[&part]).target();
            prop_assert_eq!(target.split('/').count(), 4);
            prop_assert!(!target.contains(['?', '#', '\\', ' ']) && !target.contains("/../"), "{}", target);
        }
    }
}
