//! What an answer that is no success means.

use gitops_core::{Error, ErrorKind, Retry, Time};
use http::StatusCode;
use serde_json::Value;

use super::patience::patience;
use super::{Answer, Ask, Credential};
use crate::fault::shown;

/// The most characters that are shown of a forge's words.
const SHOWN: usize = 300;

/// The error that an answer is.
pub(crate) fn refusal(ask: &Ask, answer: &Answer, credential: &Credential, now: Time) -> Error {
    let words = credential.hide(&words(answer));
    let message = match words.is_empty() {
        true => format!("the forge answered {}", answer.status.as_u16()),
        false => format!("the forge answered {}: {}", answer.status.as_u16(), shown(&words, SHOWN)),
    };
    let error = Error::new(kind(answer, &words), message).with("route", ask.route);
    if let Some(wait) = patience(answer, now) {
        return Error::new(ErrorKind::Unavailable, error.message())
            .with("route", ask.route)
            .retry_when(Retry::After(wait));
    }
    match answer.status.is_server_error() && ask.is_write() {
        // Also a gateway answers so that did not wait for the forge.
        true => error.retry_when(Retry::Now).outcome_unknown(),
        false => error,
    }
}

fn kind(answer: &Answer, words: &str) -> ErrorKind {
    match answer.status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE => ErrorKind::Denied,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => ErrorKind::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::Limit,
        StatusCode::REQUEST_TIMEOUT | StatusCode::LOCKED => ErrorKind::Unavailable,
        status if is_too_long(status, words) => ErrorKind::Limit,
        status if status.is_server_error() => ErrorKind::Unavailable,
        status if status.is_redirection() => ErrorKind::Unsupported,
        _ => ErrorKind::Invalid,
    }
}

/// GitHub says `Body is too long (maximum is 65536 characters)`, GitLab `is too long (maximum is 1000000 characters)`.
fn is_too_long(status: StatusCode, words: &str) -> bool {
    let is_refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
    is_refused && words.contains("too long")
}

/// What a forge said, of the forms in which forges say it.
fn words(answer: &Answer) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return String::new() };
    let mut words = Vec::new();
    for name in ["message", "error", "error_description", "errors"] {
        collect(&body[name], &mut words, 0);
    }
    words.dedup();
    words.join("; ")
}

/// The texts of a value, and the names that they stand under; a forge says `{"message": {"base": ["is wrong"]}}`.
fn collect(value: &Value, words: &mut Vec<String>, depth: usize) {
    const MOST: usize = 8;
    match value {
        _ if words.len() >= MOST || depth > 3 => {}
        Value::String(text) if !text.is_empty() => words.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words, depth + 1)),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => collect(message, words, depth + 1),
            None => fields.iter().for_each(|(name, value)| {
                let before = words.len();
                collect(value, words, depth + 1);
                words.iter_mut().skip(before).for_each(|word| *word = format!("{name}: {word}"));
            }),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};
    use proptest::prelude::*;

    use super::*;

    fn told(status: u16, body: &str) -> Error {
        let body = body.as_bytes().to_vec().into();
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: HeaderMap::new(), body };
        let credential = Credential::new(header::AUTHORIZATION, "Bearer", "hunter2secret").unwrap();
        refusal(&Ask::post("/a", &[]), &answer, &credential, Time::default())
    }

    #[test]
    fn a_forges_words_are_shown_in_one_line() {
        let said = |status, body| told(status, body).to_string();
        insta::assert_snapshot!(
            said(422, r#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","message":"Body is too long (maximum is 65536 characters)"}]}"#),
            @"the forge answered 422: Validation Failed; Body is too long (maximum is 65536 characters) (route: /a)"
        );
        insta::assert_snapshot!(
            said(400, r#"{"message":{"note":["is too long (maximum is 1000000 characters)"]}}"#),
            @"the forge answered 400: note: is too long (maximum is 1000000 characters) (route: /a)"
        );
        insta::assert_snapshot!(said(502, "<html>bad gateway</html>"), @"the forge answered 502 (route: /a)");
        insta::assert_snapshot!(
            said(401, r#"{"message":"bad token hunter2secret\n"}"#),
            @r"the forge answered 401: bad token (sensitive)\n (route: /a)"
        );
    }

    #[test]
    fn a_body_that_is_too_long_is_a_limit_and_a_server_that_fails_leaves_the_outcome_unknown() {
        assert_eq!(told(422, r#"{"message":"Body is too long"}"#).kind(), ErrorKind::Limit);
        assert_eq!(told(422, r#"{"message":"No commit found"}"#).kind(), ErrorKind::Invalid);
        assert!(told(500, "").is_unknown() && told(500, "").is_retryable());
        assert!(!told(404, "").is_unknown());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic_or_shows_the_token(status in 300u16..600, before: String, after: String) {
            let body = serde_json::json!({"message": format!("{before}hunter2secret{after}")});
            let error = told(status, &body.to_string());
            let shown = format!("{error:?} {error:#}");
            prop_assert!(!shown.contains("hunter2secret"), "{}", shown);
            told(status, &before);
        }
    }
}
