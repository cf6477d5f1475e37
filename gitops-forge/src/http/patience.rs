//! How long a forge asks us to wait.

use std::time::Duration;

use gitops_core::Time;
use http::StatusCode;

use super::Answer;

/// Where a forge asks for patience and does not say for how long: what GitHub wants at least.
const UNSAID: Duration = Duration::from_secs(60);

/// Nobody is believed who asks for more.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long to wait, if the answer asks for that; `now` is our clock, for a forge that does not tell its own.
pub(crate) fn patience(answer: &Answer, now: Time) -> Option<Duration> {
    let is_asked = match answer.status {
        StatusCode::TOO_MANY_REQUESTS => true,
        // GitHub's limits, and its secondary ones.
        StatusCode::FORBIDDEN => is_limited(answer),
        StatusCode::SERVICE_UNAVAILABLE => answer.header("retry-after").is_some(),
        _ => false,
    };
    let now = answer.date().unwrap_or(now);
    let said = || retry_after(answer, now).or_else(|| reset(answer, now));
    is_asked.then(|| said().unwrap_or(UNSAID).min(LONGEST))
}

fn is_limited(answer: &Answer) -> bool {
    let words = String::from_utf8_lossy(&answer.body[..answer.body.len().min(4096)]).to_ascii_lowercase();
    answer.header("retry-after").is_some()
        || is_used_up(answer)
        || words.contains("secondary rate limit")
        || words.contains("abuse detection")
}

fn is_used_up(answer: &Answer) -> bool {
    ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| answer.number(name) == Some(0u64))
}

/// `Retry-After`: seconds, or a time.
fn retry_after(answer: &Answer, now: Time) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    let at = || {
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Time::from_micros(date.timestamp().as_microsecond()).since(now))
    };
    text.parse().ok().map(Duration::from_secs).or_else(at)
}

/// When a limit that is used up begins anew; a second later, as forges count in seconds.
fn reset(answer: &Answer, now: Time) -> Option<Duration> {
    if !is_used_up(answer) {
        return None;
    }
    let names = ["x-ratelimit-reset", "ratelimit-reset"];
    let seconds: i64 = names.iter().find_map(|name| answer.number(name))?;
    let at = Time::from_micros(seconds.saturating_mul(1_000_000));
    Some(at.since(now) + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn asked(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let headers: HeaderMap = headers.collect();
        let answer =
            Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().into() };
        patience(&answer, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn every_way_of_asking_for_patience_is_heard() {
        assert_eq!(asked(429, &[("retry-after", "7")], ""), Some(7));
        assert_eq!(asked(429, &[], ""), Some(60));
        assert_eq!(asked(503, &[("retry-after", "5")], ""), Some(5));
        assert_eq!(asked(503, &[], ""), None);
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000100")];
        assert_eq!(asked(403, &used_up, ""), Some(101));
        let gitlab = [("ratelimit-remaining", "0"), ("ratelimit-reset", "1790000010")];
        assert_eq!(asked(429, &gitlab, ""), Some(11));
        let words = "{\"message\":\"You have exceeded a secondary rate limit.\"}";
        assert_eq!(asked(403, &[], words), Some(60));
        assert_eq!(asked(403, &[("x-ratelimit-remaining", "12")], "{\"message\":\"no\"}"), None);
        assert_eq!(asked(200, &used_up, ""), None);
    }

    #[test]
    fn the_forges_own_clock_counts() {
        let date = "Mon, 21 Sep 2026 14:13:10 GMT"; // ten seconds before NOW
        let used_up = [("date", date), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790000000")];
        assert_eq!(asked(403, &used_up, ""), Some(11));
        let at = [("date", date), ("retry-after", "Mon, 21 Sep 2026 14:13:40 GMT")];
        assert_eq!(asked(429, &at, ""), Some(30));
    }

    #[test]
    fn no_forge_is_waited_for_longer_than_a_day() {
        assert_eq!(asked(429, &[("retry-after", "99999999999")], ""), Some(86_400));
        assert_eq!(asked(429, &[("retry-after", "-1")], ""), Some(60));
        let absurd = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9223372036854775807")];
        assert_eq!(asked(403, &absurd, ""), Some(86_400));
    }
}
