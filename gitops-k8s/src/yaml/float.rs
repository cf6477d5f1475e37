//! Numbers as Go reads and prints them.

use gitops_core::Number;

/// The number of a finite float, by its shortest digits.
pub(super) fn number(value: f64) -> Number {
    format!("{value:e}").parse().expect("the digits of a finite float are a decimal number")
}

/// Reads `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`; a number beyond all floats is none.
pub(super) fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    let is_exponent = digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    let value = (is_mantissa && is_exponent).then(|| text.parse::<f64>().ok())?;
    value.filter(|value| value.is_finite())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of a float that is a key: the fewest digits of single precision, with an exponent if it is below -4 or
/// above 5.
pub(super) fn key(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "single precision is the rule")]
    let value = value as f32;
    match value {
        f32::INFINITY => return ".inf".to_owned(),
        f32::NEG_INFINITY => return "-.inf".to_owned(),
        value if value.is_nan() => return ".nan".to_owned(),
        _ => {}
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..=5 => format!("{value}"),
        exponent => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}
