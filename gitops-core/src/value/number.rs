use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// An exact decimal number, of any size and precision.
///
/// Kept as canonical text, never as a binary float: `1.50`, `15e-1` and `1.5` are equal, and twenty digits
/// stay twenty digits. The canonical form is `-`, digits without leading or trailing zeros, and `e` with
/// an exponent where there is one.
///
/// ```
/// use gitops_core::Number;
/// let a: Number = "1.50".parse()?;
/// assert_eq!(a, "15e-1".parse()?);
/// assert_eq!(Number::from(12_345_678_901_234_567_890_u64).to_string(), "12345678901234567890");
/// # Ok::<(), gitops_core::ParseNumberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Number(SmolStr);

/// A text that is not a JSON number, or whose exponent is beyond ±1,000,000.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal number")]
pub struct ParseNumberError(String);

const MAX_EXPONENT: i64 = 1_000_000;

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        canonical(text).map(Self).ok_or_else(|| ParseNumberError(text.to_owned()))
    }
}

fn canonical(text: &str) -> Option<SmolStr> {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || mantissa.ends_with('.') {
        return None;
    }
    let fraction_length = i64::try_from(fraction.len()).ok()?;
    let mut exponent = exponent.parse::<i64>().ok()?.checked_sub(fraction_length)?;
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return Some(SmolStr::new_static("0"));
    }
    exponent += i64::try_from(significant.len() - digits.len()).ok()?;
    (exponent.abs() <= MAX_EXPONENT).then(|| written(sign, digits, exponent))
}

/// Small exponents are written out, so that integers look like integers and decimals like decimals.
fn written(sign: &str, digits: &str, exponent: i64) -> SmolStr {
    match usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX) {
        zeros if exponent >= 0 && zeros <= 20 => format!("{sign}{digits}{}", "0".repeat(zeros)).into(),
        places if exponent < 0 && places < digits.len() => {
            let (whole, fraction) = digits.split_at(digits.len() - places);
            format!("{sign}{whole}.{fraction}").into()
        }
        places if exponent < 0 && places <= digits.len() + 6 => {
            format!("{sign}0.{}{digits}", "0".repeat(places - digits.len())).into()
        }
        _ => format!("{sign}{digits}e{exponent}").into(),
    }
}

impl Number {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as a signed integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<SmolStr> for Number {
    type Error = ParseNumberError;

    fn try_from(text: SmolStr) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Number> for SmolStr {
    fn from(number: Number) -> Self {
        number.0
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                value.to_string().parse().expect("an integer's text is a decimal number")
            }
        }
    )*};
}

from_integer!(i32, u32, i64, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_forms() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("100", "100"),
            ("1e2", "100"),
            ("0.00120", "0.0012"),
            ("15e-1", "1.5"),
            ("1e400", "1e400"),
            ("18446744073709551616", "18446744073709551616"),
        ] {
            assert_eq!(text.parse::<Number>().unwrap().as_str(), expected, "for {text}");
        }
        for text in ["", "-", "1.", ".5", "1e", "0x1", "NaN", "1e9999999", "1 "] {
            assert!(text.parse::<Number>().is_err(), "{text:?} was read as a number");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_a_fixed_point(whole in "-?[0-9]{1,25}", fraction in "[0-9]{1,25}", exponent in -40..40i32) {
            let number: Number = format!("{whole}.{fraction}e{exponent}").parse().unwrap();
            prop_assert_eq!(number.as_str().parse::<Number>().unwrap(), number);
        }

        #[test]
        fn integers_keep_their_text(value: i64) {
            prop_assert_eq!(Number::from(value).as_i64(), Some(value));
        }
    }
}
