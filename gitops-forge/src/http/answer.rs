//! One answer of an API, whole.

use gitops_core::{Error, ErrorKind, Result, Retry, Time};
use http::{HeaderMap, StatusCode};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;

use super::Ask;

/// What the forge answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header as a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.header(name)?.trim().parse().ok()
    }

    /// The forge's own clock.
    pub fn date(&self) -> Option<Time> {
        let date = jiff::fmt::rfc2822::parse(self.header("date")?).ok()?;
        Some(Time::from_micros(date.timestamp().as_microsecond()))
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| unread(ask, &error))
    }
}

/// The answer says that it was done, and is not what it should be: of a write, the outcome is to be looked up.
fn unread(ask: &Ask, error: &serde_json::Error) -> Error {
    // The text of the error names fields and positions, and no values but those that a type does not take.
    let what = match error.classify() {
        serde_json::error::Category::Data => "has another form than it should",
        _ => "is not whole",
    };
    let message = format!("the forge's answer {what}");
    let unread = Error::new(ErrorKind::Corrupt, message)
        .with("route", ask.route)
        .with("line", error.line())
        .with("column", error.column());
    match (ask.is_write(), error.is_eof()) {
        (true, _) => unread.retry_when(Retry::Now).outcome_unknown(),
        (false, true) => unread.retry_when(Retry::Now),
        (false, false) => unread.because(first_line(error)),
    }
}

fn first_line(error: &serde_json::Error) -> String {
    crate::fault::shown(&error.to_string(), 200)
}
