use super::dialect::Rules;
use super::tag::Tag;
use super::{float, time};

/// What a scalar's text means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number from 2^63 to 2^64.
    Unsigned(u64),
    /// A float; it may be infinite or no number.
    Float(f64),
    /// A point in time, and how it is printed.
    Time(String),
    /// The text itself.
    Text,
    /// `<<`
    Merge,
}

/// A tag that does not fit the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit(pub Tag);

/// The meaning of a scalar: `plain` is one without quotes.
pub(super) fn resolve(text: &str, plain: bool, tag: Tag, rules: &Rules) -> Result<Scalar, Misfit> {
    match tag {
        Tag::None if !plain => Ok(Scalar::Text),
        Tag::None => Ok(by_text(text, rules)),
        Tag::Bare if plain && rules.reads_more_numbers => Ok(by_text(text, rules)),
        Tag::Str | Tag::Binary | Tag::Bare | Tag::Other => Ok(Scalar::Text),
        tag => tagged(text, tag, rules),
    }
}

/// A tagged scalar means what its text means without quotes, which must be of that kind.
fn tagged(text: &str, tag: Tag, rules: &Rules) -> Result<Scalar, Misfit> {
    match (tag, by_text(text, rules)) {
        (Tag::Null, Scalar::Null) => Ok(Scalar::Null),
        (Tag::Bool, Scalar::Bool(value)) => Ok(Scalar::Bool(value)),
        (Tag::Int, found @ (Scalar::Int(_) | Scalar::Unsigned(_))) => Ok(found),
        #[allow(clippy::cast_precision_loss, reason = "the reader that is followed loses it too")]
        (Tag::Float, Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        (Tag::Float, Scalar::Float(value)) => Ok(Scalar::Float(value)),
        (Tag::Timestamp, found) => match (time::normalise(text), found) {
            (None, _) => Err(Misfit(tag)),
            (Some(_), found @ Scalar::Time(_)) => Ok(found),
            (Some(_), _) => Ok(Scalar::Text),
        },
        _ => Err(Misfit(tag)),
    }
}

fn by_text(text: &str, rules: &Rules) -> Scalar {
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(b'.') => dotted(text),
        Some(b'0'..=b'9' | b'+' | b'-') => numeric(text, rules),
        Some(b'~' | b'<' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'y' | b'Y' | b'o' | b'O') => {
            word(text, rules).unwrap_or(Scalar::Text)
        }
        Some(_) => Scalar::Text,
    }
}

fn word(text: &str, rules: &Rules) -> Option<Scalar> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "<<" => Scalar::Merge,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ if !rules.words_are_truth => return None,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        _ => return None,
    })
}

fn dotted(text: &str) -> Scalar {
    match text {
        ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        _ => float::parse(text).map_or(Scalar::Text, Scalar::Float),
    }
}

fn numeric(text: &str, rules: &Rules) -> Scalar {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(time) = rules.dates_are_times.then(|| time::normalise(text)).flatten() {
        return Scalar::Time(time);
    }
    let plain = match text.contains('_') {
        true => &text.replace('_', ""),
        false => text,
    };
    integer(plain)
        .or_else(|| unsigned(plain))
        .or_else(|| float::parse(plain).map(Scalar::Float))
        .or_else(|| second_sign(plain, "0b", 2))
        .or_else(|| rules.reads_more_numbers.then(|| second_sign(plain, "0o", 8)).flatten())
        .unwrap_or(Scalar::Text)
}

fn integer(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = radix(digits);
    let magnitude = i128::from(magnitude(digits, radix)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok().map(Scalar::Int)
}

fn unsigned(text: &str) -> Option<Scalar> {
    let (digits, radix) = radix(text);
    magnitude(digits, radix).map(Scalar::Unsigned)
}

/// Digits of a radix, without a sign.
fn magnitude(digits: &str, radix: u32) -> Option<u64> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then(|| u64::from_str_radix(digits, radix).ok())?
}

/// `0x`, `0o`, `0b` and a leading zero give the radix.
fn radix(digits: &str) -> (&str, u32) {
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    }
}

/// `0b-1` and `0b+1`: a sign behind the prefix is taken, too.
fn second_sign(text: &str, prefix: &str, radix: u32) -> Option<Scalar> {
    let digits = text.strip_prefix(prefix)?;
    let negative = digits.starts_with('-');
    let magnitude = i128::from(magnitude(digits.strip_prefix(['-', '+'])?, radix)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok().map(Scalar::Int)
}
