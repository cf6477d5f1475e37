//! What the server's refusals, and its silence, mean.

use std::error::Error as StdError;
use std::time::Duration;

use gitops_core::{Error, ErrorKind, Retry};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::failure::{Cause, Failure, is_of_a_rule};

/// What a request was for, as far as its failure depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Whether it changes something.
    pub writes: bool,
    /// Whether what was sent holds a secret.
    pub secret: bool,
}

impl Asked {
    pub fn to_read() -> Self {
        Self { writes: false, secret: false }
    }

    pub fn to_write() -> Self {
        Self { writes: true, secret: false }
    }

    /// The same error; of a write, it leaves the outcome unknown.
    pub fn outcome(self, error: Error) -> Error {
        match self.writes {
            true => error.outcome_unknown(),
            false => error.outcome_known(),
        }
    }
}

/// The part of a `Status` that says what was wrong.
#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    causes: Option<Vec<Cause>>,
    retry_after_seconds: Option<u64>,
}

/// A refusal that came as an answer: nothing happened, except where the server itself failed on the way.
pub(super) fn refused(code: StatusCode, headers: &HeaderMap, body: &[u8], asked: Asked) -> Failure {
    let status: Status = serde_json::from_slice(body).unwrap_or_default();
    let kind = kind(code, &status);
    let failed = code.is_server_error() && kind == ErrorKind::Unavailable;
    let retry = match retry_after(headers, &status) {
        Some(delay) => Some(Retry::After(delay)),
        None => failed.then_some(Retry::Now),
    };
    let error = Error::new(kind, message(code, &status, asked)).with("status", code.as_u16());
    let error = help(kind, &status.message).into_iter().fold(error, Error::help);
    let causes = status.details.unwrap_or_default().causes.unwrap_or_default();
    let error = retry.into_iter().fold(of_causes(error, &causes, asked), Error::retry_when);
    let error = match failed {
        true => asked.outcome(error),
        false => error.outcome_known(),
    };
    Failure { error, causes, answered: true }
}

fn kind(code: StatusCode, status: &Status) -> ErrorKind {
    match code.as_u16() {
        401 => ErrorKind::Unauthenticated,
        403 if status.message.contains("exceeded quota") => ErrorKind::Limit,
        403 => ErrorKind::Forbidden,
        // Without a status it is the address that is not there, not the object: the kind is not served.
        404 if status.reason.is_empty() => ErrorKind::Unsupported,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        // Another incarnation has the name: the server calls that a change of an immutable field.
        422 if status.names_field("metadata.uid") => ErrorKind::Conflict,
        410 => ErrorKind::Stale,
        413 => ErrorKind::Limit,
        // A field that the kind does not have, or a value that its field does not take: the server calls that an error of its
        // own.
        500 if MISFITS.iter().any(|words| status.message.contains(words)) => ErrorKind::Invalid,
        429 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

/// Words of the server for an object that it can't make sense of.
pub(super) const MISFITS: [&str; 3] = [
    "failed to create typed patch object",
    "failed to convert new object",
    "failed to convert new typed object",
];

/// What a person can do about it, where that does not depend on the object.
fn help(kind: ErrorKind, message: &str) -> Option<&'static str> {
    let by_words = [
        ("exceeded quota", "raise the quota, or declare less"),
        ("because it is being terminated", "wait until the namespace is gone, or name another one"),
        ("admission webhook", "declare it as the policy wants it, or ask those whose policy it is"),
    ];
    let by_kind = match kind {
        ErrorKind::Unauthenticated => Some("renew the credentials of the kubeconfig"),
        ErrorKind::Forbidden if is_of_a_rule(message) => {
            Some("declare it as the rule of the cluster wants it, or ask those whose rule it is")
        }
        ErrorKind::Forbidden => Some("grant the right to the user that the message names, or act as another"),
        _ => None,
    };
    by_words.iter().find(|(words, _)| message.contains(words)).map(|(_, help)| *help).or(by_kind)
}

/// The server's own words, unless they could quote a secret.
fn message(code: StatusCode, status: &Status, asked: Asked) -> String {
    let reason = match status.reason.is_empty() {
        true if code == StatusCode::NOT_FOUND => "it does not serve the kind at this address",
        true => code.canonical_reason().unwrap_or("refused"),
        false => &status.reason,
    };
    match status.message.is_empty() || asked.secret {
        true => format!("the API server refused it: {reason}"),
        false => status.message.clone(),
    }
}

/// Of a secret, only the names of fields are shown.
fn of_causes(error: Error, causes: &[Cause], asked: Asked) -> Error {
    causes.iter().fold(error, |error, cause| match (cause.reason.as_str(), asked.secret) {
        ("FieldManagerConflict", _) => error.with("owned by others", cause.owner()),
        (_, true) if !cause.field.is_empty() => error.with("field", &cause.field),
        _ => error,
    })
}

impl Status {
    fn names_field(&self, field: &str) -> bool {
        let causes = self.details.iter().flat_map(|details| details.causes.iter().flatten());
        causes.into_iter().any(|cause| cause.field == field)
    }
}

fn retry_after(headers: &HeaderMap, status: &Status) -> Option<Duration> {
    let header = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let seconds = header.or_else(|| status.details.as_ref()?.retry_after_seconds);
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// No answer came. Only a connection that was never made is sure to have carried nothing.
pub(super) fn unreachable(error: kube::Error, asked: Asked) -> Failure {
    if let kube::Error::Auth(error) = error {
        let what = "no credentials for the API server could be had";
        return Error::new(ErrorKind::Unauthenticated, what).because(error).into();
    }
    let never_sent = is_of_connecting(&error);
    let made = Error::new(ErrorKind::Unavailable, describe(&error)).because(error);
    match never_sent {
        true => made.outcome_known().into(),
        false => asked.outcome(made).into(),
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_of_connecting(error: &kube::Error) -> bool {
    use hyper_util::client::legacy::Error as Legacy;
    let legacy =
        |error: &(dyn StdError + 'static)| error.downcast_ref::<Legacy>().is_some_and(Legacy::is_connect);
    chain(error).any(legacy)
}

fn describe(error: &kube::Error) -> &'static str {
    let is_certificate = chain(error).any(|error| error.to_string().contains("certificate"));
    match (is_certificate, is_of_connecting(error)) {
        (true, _) => "the API server's certificate is not signed by the authority of the kubeconfig",
        (false, true) => "the API server can't be reached",
        (false, false) => "the connection to the API server was lost before its answer",
    }
}
