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

fn is_exponent(suffix: &str) -> bool {
    let digits = suffix.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_one;

    #[test]
    fn a_unit_of_another_kind_makes_no_quantity() {
        let good = ["1", "0.5", ".5", "5.", "+1", "-1", "500m", "1Gi", "12e6", "1E-3", "2E", "1k"];
        assert!(good.into_iter().all(is_one), "{good:?}");
        let bad = ["1Gb", "1GB", "", "Gi", "1.2.3", "1 Gi", "1K", "1ki", "1e", "one"];
        assert!(!bad.into_iter().any(is_one), "{bad:?}");
    }
}
