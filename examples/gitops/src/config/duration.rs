//! Durations as people write them.

use std::time::Duration;

use jiff::SignedDuration;

/// A duration such as `60s`, `5m` or `1h 30m`.
///
/// # Errors
/// One sentence, if the text is no duration, has no unit, or is less than a second.
pub fn parse(text: &str) -> Result<Duration, String> {
    let duration: SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is not a duration with a unit"))?;
    match Duration::try_from(duration) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        _ => Err(format!("`{text}` is less than a second")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_at_least_a_second() {
        assert_eq!(parse("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        for text in ["60", "", "soon", "-5s", "10ms", "99999999999999999999h"] {
            assert!(parse(text).is_err(), "{text:?} was taken as a duration");
        }
    }
}
