//! Days and clocks on the wall.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

/// A time of a day in minutes; 1,440 is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clock {
    seconds: u32,
}

const DAY: u32 = 24 * 3600;

impl Clock {
    /// Reads `HH:MM`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            let number = |digits: &str| {
                let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
                is_plain.then(|| digits.parse::<u32>().ok())?
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            let seconds = (hours * 60 + minutes) * 60;
            (minutes < 60 && seconds <= DAY).then_some(Self { seconds })
        };
        read().ok_or_else(|| {
            format!("`{}` is no time such as `08:30`", text.chars().take(20).collect::<String>())
        })
    }

    pub(super) fn of(time: jiff::civil::Time) -> Self {
        let part = |n: i8| u32::try_from(n).unwrap_or(0);
        Self { seconds: (part(time.hour()) * 60 + part(time.minute())) * 60 + part(time.second()) }
    }

    pub(super) fn is_end_of_day(self) -> bool {
        self.seconds == DAY
    }

    /// The clock on a day; nothing beyond the calendar.
    pub(super) fn on(self, day: Date) -> Option<DateTime> {
        if self.is_end_of_day() {
            return day.tomorrow().ok().map(|day| day.at(0, 0, 0, 0));
        }
        let (hours, minutes) = (self.seconds / 3600, self.seconds / 60 % 60);
        Some(day.at(i8::try_from(hours).ok()?, i8::try_from(minutes).ok()?, 0, 0))
    }
}

/// Reads a day of the week by its first three letters or its whole name.
pub(super) fn weekday(text: &str) -> Result<Weekday, String> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let lower = text.to_ascii_lowercase();
    let day = days.iter().find(|(name, _)| lower == *name || lower == name[..3]);
    day.map(|(_, day)| *day)
        .ok_or_else(|| format!("`{}` is no day such as `mon`", text.chars().take(20).collect::<String>()))
}

/// Reads a day with a time, such as `2026-12-23T18:00`.
pub(super) fn civil(text: &str) -> Result<DateTime, String> {
    let fault =
        || format!("`{}` is no time such as `2026-12-23T18:00`", text.chars().take(40).collect::<String>());
    let (day, clock) = text.split_once('T').ok_or_else(fault)?;
    let day: Date = day.parse().map_err(|_| fault())?;
    Clock::parse(clock).ok().and_then(|clock| clock.on(day)).ok_or_else(fault)
}

/// A day and those after it, and the one before: a window may have begun then.
pub(super) fn next_days(from: Date, days: usize) -> impl Iterator<Item = Date> {
    let first = from.yesterday().unwrap_or(from);
    std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(days + 2)
}

/// The moments at which a clock on the wall shows a time: two where an hour comes twice; where an hour is left out, the
/// moment at which it is.
pub(super) fn instants(zone: &TimeZone, wall: DateTime) -> Vec<Timestamp> {
    let ambiguous = || zone.to_ambiguous_timestamp(wall);
    let sides = [ambiguous().earlier(), ambiguous().later()].into_iter().flatten();
    let mut found: Vec<Timestamp> = sides.collect();
    if found.iter().any(|at| zone.to_datetime(*at) != wall) {
        let before = found.iter().min().copied();
        let jump = before.and_then(|at| {
            zone.following(at.saturating_sub(jiff::SignedDuration::from_hours(4)).ok()?).next()
        });
        found.extend(jump.map(|jump| jump.timestamp()));
    }
    found
}
