//! Times and durations as people say them.

use std::time::Duration;

use gitops_core::Time;

/// A moment to the second, and how long ago it was.
pub fn both(now: Time, then: Time) -> String {
    format!("{} ({})", clock(then), ago(now, then))
}

/// A moment to the second, in UTC.
pub fn clock(time: Time) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// How long ago something was, in its largest unit.
pub fn ago(now: Time, then: Time) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..=1 => "just now".to_owned(),
        2..=59 => format!("{seconds} s ago"),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        86_400..=172_799 => "1 day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// How long it is until something, in its largest unit.
pub fn until(now: Time, then: Time) -> String {
    let seconds = then.since(now).as_secs();
    match seconds {
        _ if then <= now => "now".to_owned(),
        0..=59 => format!("in {seconds} s"),
        60..=3599 => format!("in {} min", seconds / 60),
        _ => format!("in {} h", seconds / 3600),
    }
}

/// How long something took, in its two largest units.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_its_largest_unit() {
        let then = Time::from_micros(1_700_000_000_123_456);
        let after = |seconds| ago(then.after(Duration::from_secs(seconds)), then);
        assert_eq!(
            [after(0), after(59), after(60), after(7300)],
            ["just now", "59 s ago", "1 min ago", "2 h ago"]
        );
        let before = |seconds| until(then, then.after(Duration::from_secs(seconds)));
        assert_eq!(
            [before(0), before(56), before(60), before(7300)],
            ["now", "in 56 s", "in 1 min", "in 2 h"]
        );
        assert_eq!([after(100_000), after(200_000)], ["1 day ago", "2 days ago"]);
        assert_eq!(both(then.after(Duration::from_secs(5)), then), "2023-11-14T22:13:20Z (5 s ago)");
        let all = [900, 9_000, 125_000, 7_300_000].map(|millis| took(Duration::from_millis(millis)));
        assert_eq!(all, ["900 ms", "9 s", "2 min 5 s", "2 h 1 min"]);
    }
}
