//! What the server warns of beside its answers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Diagnostic, Key};
use http::HeaderMap;

/// How many warnings are told in all: a program that runs for months must not remember more.
const MOST: usize = 1000;

/// How many characters of one are told.
const LONGEST: usize = 1000;

/// Who is told of warnings.
type Listener = Arc<dyn Fn(Diagnostic) + Send + Sync>;

/// Tells warnings, each about one object once.
#[derive(Default)]
pub(crate) struct Warnings {
    listener: Option<Listener>,
    told: Mutex<BTreeSet<(Key, String)>>,
}

impl Warnings {
    pub fn new(listener: Option<Listener>) -> Self {
        Self { listener, told: Mutex::default() }
    }

    /// Tells what the server said about an object that is declared somewhere.
    pub fn tell(&self, key: &Key, declared: &str, said: Vec<String>) {
        for message in said {
            let message = format!("the API server warns: {message}");
            self.say(key, Diagnostic::warning("GO0419", declared, message));
        }
    }

    /// Tells a warning of ours about an object.
    pub fn say(&self, key: &Key, warning: Diagnostic) {
        if let Some(listener) = self.listener.as_ref().filter(|_| self.is_new(key, &warning.message)) {
            listener(warning);
        }
    }

    fn is_new(&self, key: &Key, message: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST && told.insert((key.clone(), message.to_owned()))
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warnings")
    }
}

/// The texts of an answer's headers `Warning: 299 - "text"`.
pub(crate) fn of_headers(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(http::header::WARNING).iter();
    all.filter_map(|value| text(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// The text in quotes, without the backslashes that stand before quotes in it.
fn text(value: &str) -> Option<String> {
    let (_, quoted) = value.split_once('"')?;
    let (quoted, _) = quoted.rsplit_once('"')?;
    let mut is_escaped = false;
    let kept = quoted.chars().filter(|c| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    });
    Some(kept.take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_of_a_warning_is_read_and_nothing_else() {
        let read = |value: &str| text(value);
        assert_eq!(read(r#"299 - "use \"b\\c\" instead""#).as_deref(), Some(r#"use "b\c" instead"#));
        assert_eq!(read("299 - nothing"), None);
        assert_eq!(read("\""), None);
    }

    proptest! {
        #[test]
        fn no_header_is_too_much(value in "[a\\\\\" 9é-]{0,40}") {
            drop(text(&value));
        }
    }
}
