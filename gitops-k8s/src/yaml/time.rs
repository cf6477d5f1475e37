//! Points in time as plain scalars.

/// A date, or a date with a time, as RFC 3339 prints it; nothing if the text is neither.
///
/// Taken are `2001-1-2`, `2001-1-2 3:4:5.6`, and with `T` or `t` and a zone `2001-1-2T3:4:5.6Z` or `…+01:00`.
pub(super) fn normalise(text: &str) -> Option<String> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, rest) = number(rest.strip_prefix('-')?)?;
    let (day, rest) = number(rest.strip_prefix('-')?)?;
    let date = jiff::civil::Date::new(digits(year)?, month, day).ok()?;
    let clock = match rest.as_bytes().first() {
        None => "00:00:00Z".to_owned(),
        Some(b' ') => clock(rest[1..].trim_start_matches(' '), false)?,
        Some(b'T' | b't') => clock(&rest[1..], true)?,
        _ => return None,
    };
    Some(format!("{date}T{clock}"))
}

fn clock(text: &str, zoned: bool) -> Option<String> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = number(rest.strip_prefix(':')?)?;
    let (second, rest) = number(rest.strip_prefix(':')?)?;
    let (fraction, zone) = fraction(rest)?;
    let zone = match (zoned, zone) {
        (false, "") | (true, "Z") => "Z",
        (true, zone) if is_offset(zone) => zone,
        _ => return None,
    };
    (hour < 24 && minute < 60 && second < 60)
        .then(|| format!("{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// The fraction of a second without trailing zeros, and what is behind it.
fn fraction(text: &str) -> Option<(String, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((String::new(), text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let digits = digits.get(..9).unwrap_or(digits).trim_end_matches('0');
    match (end, digits) {
        (0, _) => None,
        (_, "") => Some((String::new(), rest)),
        _ => Some((format!(".{digits}"), rest)),
    }
}

fn is_offset(zone: &str) -> bool {
    let [b'+' | b'-', a, b, b':', c, d] = zone.as_bytes() else { return false };
    let two =
        |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'));
    two(a, b).is_some_and(|hours| hours <= 24) && two(c, d).is_some_and(|minutes| minutes < 60)
}

/// One or two digits, and what is behind them.
fn number(text: &str) -> Option<(i8, &str)> {
    let end = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(end);
    digits.parse().ok().map(|number| (number, rest))
}

fn digits(text: &str) -> Option<i16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_printed_in_full() {
        for (text, expected) in [
            ("2001-1-1", "2001-01-01T00:00:00Z"),
            ("2001-01-01 2:03:04.500", "2001-01-01T02:03:04.5Z"),
            ("2001-01-01t02:03:04+01:00", "2001-01-01T02:03:04+01:00"),
        ] {
            assert_eq!(normalise(text).as_deref(), Some(expected), "for {text}");
        }
        for text in ["2001-13-01", "2001-1", "2001-01-01T02:03:04", "2001-01-01T", "20010-1-1", "2001-02-30"]
        {
            assert_eq!(normalise(text), None, "for {text}");
        }
    }
}
