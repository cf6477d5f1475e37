//! Durations and times as people write them.

use std::time::Duration;

use gitops_core::Time;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

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

/// A moment in the past as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long ago.
    Ago(Duration),
    /// At a time.
    At(Time),
}

impl Moment {
    /// The time that it means.
    pub fn time(self, now: Time) -> Time {
        match self {
            Self::Ago(ago) => {
                let micros = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Time::from_micros(now.as_micros().saturating_sub(micros))
            }
            Self::At(time) => time,
        }
    }
}

/// A moment: a duration before now such as `2h`, a date, or a time such as `2026-11-30T09:00Z`. What has no zone is UTC.
///
/// # Errors
/// One sentence, if the text is none of these.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(ago) = parse(text) {
        return Ok(Moment::Ago(ago));
    }
    let midnight = |date: Date| date.to_datetime(jiff::civil::Time::midnight());
    // A time with a zone reads as a date and a time too, which would drop the zone.
    let stamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok().filter(|_| !text.ends_with(['Z', 'z', ']']));
        let civil = civil.or_else(|| text.parse::<Date>().ok().map(midnight))?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    let wrong = || format!("`{text}` is neither a duration such as 2h nor a time such as 2026-11-30T09:00Z");
    stamp.map(|stamp| Moment::At(Time::from_micros(stamp.as_microsecond()))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_so_long_ago_or_a_time_and_nothing_is_guessed() {
        let at = |text: &str| match parse_moment(text) {
            Ok(Moment::At(time)) => time.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(parse_moment("2h"), Ok(Moment::Ago(Duration::from_secs(7200))));
        assert_eq!(at("2026-11-30"), "2026-11-30T00:00:00.000Z");
        assert_eq!(at("2026-11-30T09:00"), "2026-11-30T09:00:00.000Z");
        assert_eq!(at("2026-11-30T09:00:00Z"), "2026-11-30T09:00:00.000Z");
        assert_eq!(at("2026-11-30T09:00+02:00"), "2026-11-30T07:00:00.000Z");
        for text in ["", "yesterday", "7", "2026-13-01", "2026-11-30T25:00", "09:00"] {
            assert!(parse_moment(text).is_err(), "{text:?} was taken as a moment");
        }
        let now = Time::from_micros(7_200_000_000);
        assert_eq!(Moment::Ago(Duration::from_secs(3600)).time(now), Time::from_micros(3_600_000_000));
    }

    #[test]
    fn durations_need_a_unit_and_at_least_a_second() {
        assert_eq!(parse("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        for text in ["60", "", "soon", "-5s", "10ms", "99999999999999999999h"] {
            assert!(parse(text).is_err(), "{text:?} was taken as a duration");
        }
    }
}
