//! Answers.

use std::borrow::Cow;

use gitops_core::redact;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

/// An answer with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// A line or some for people.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    of_type(status, "text/plain; charset=utf-8", text.into())
}

/// Metrics in the text format of `OpenMetrics`.
pub(super) fn metrics(text: String) -> Answer {
    of_type(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text.into())
}

/// A page of a plan, which nobody else is to keep, frame or link from; nothing in it runs.
pub(super) fn page(kind: &'static str, body: Bytes) -> Answer {
    let mut answer = of_type(StatusCode::OK, kind, body);
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

/// The path is there, and is asked for in another way.
pub(super) fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "not like that\n");
    answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(methods));
    answer
}

fn of_type(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    // A token may stand as a name, which is shown in clear.
    let shown = std::str::from_utf8(&body).ok().map(redact::tokens);
    let body = match shown {
        Some(Cow::Owned(shown)) => shown.into(),
        _ => body,
    };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_name_that_is_a_token_is_on_no_page() {
        let token = format!("{}{}", concat!("gl", "pat-"), "a1B2".repeat(8));
        for answer in [
            metrics(format!("x{{application=\"{token}\"}} 1\n")),
            page("text/html", format!("<p>{token}</p>").into()),
            text(StatusCode::OK, token.clone()),
        ] {
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            let shown = String::from_utf8_lossy(&bytes);
            assert!(!shown.contains(&token) && shown.contains(redact::HIDDEN), "{shown}");
        }
    }
}
