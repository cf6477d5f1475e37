//! Quantities, such as `500m` and `1.5Gi`.

const SUFFIXES: [&str; 16] =
    ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Whether a text is a quantity.
pub(super) fn is_one(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit()) && number.matches('.').count() <= 1;
    is_number && (SUFFIXES.contains(&suffix) || is_exponent(suffix))
}

/// Whether two texts are one quantity, however it is written.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    match (value(one), value(other)) {
        (Some(one), Some(other)) => (one - other).abs() <= one.abs().max(other.abs()) * PRECISION,
        _ => false,
    }
}

/// How far apart, for its size, a quantity may be that the server rounded.
const PRECISION: f64 = 1e-12;

fn value(text: &str) -> Option<f64> {
    if !is_one(text) {
        return None;
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let scale = match suffix {
        "" => 1.0,
        exponent if is_exponent(exponent) => 10_f64.powi(exponent[1..].parse().ok()?),
        unit => unit_of(unit)?,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// `1E` is a number of its own and `1E3` an exponent, so units come after exponents.
fn unit_of(unit: &str) -> Option<f64> {
    const DECIMAL: [(&str, i32); 9] =
        [("n", -9), ("u", -6), ("m", -3), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let decimal = DECIMAL.iter().find(|(name, _)| *name == unit).map(|(_, exponent)| 10_f64.powi(*exponent));
    let powers = std::iter::successors(Some(1024.0), |power| Some(power * 1024.0));
    decimal.or_else(|| BINARY.iter().zip(powers).find(|(name, _)| **name == unit).map(|(_, power)| power))
}

fn is_exponent(suffix: &str) -> bool {
    let digits = suffix.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{is_one, is_same};

    #[test]
    fn a_unit_of_another_kind_makes_no_quantity() {
        let good = ["1", "0.5", ".5", "5.", "+1", "-1", "500m", "1Gi", "12e6", "1E-3", "2E", "1k"];
        assert!(good.into_iter().all(is_one), "{good:?}");
        let bad = ["1Gb", "1GB", "", "Gi", "1.2.3", "1 Gi", "1K", "1ki", "1e", "one"];
        assert!(!bad.into_iter().any(is_one), "{bad:?}");
    }

    #[test]
    fn a_quantity_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("1000m", "1"),
            ("0.1", "100m"),
            ("1024Mi", "1Gi"),
            ("1e3", "1k"),
            ("1E", "1000P"),
            ("-1", "-1000m"),
            (".5", "500m"),
        ] {
            assert!(is_same(one, other) && is_same(other, one), "{one} {other}");
        }
        for (one, other) in [("1", "2"), ("1Gi", "1G"), ("one", "one"), ("1", "1Gb")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
