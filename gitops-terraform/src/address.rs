//! Addresses of resources.

/// The type of the resource at an address: the last part but one, outside of keys.
pub(crate) fn kind_of(address: &str) -> String {
    let (mut plain, mut depth, mut quoted, mut escaped) = (String::new(), 0_u32, false, false);
    for letter in address.chars() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            letter if depth == 0 => plain.push(letter),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    plain.rsplit('.').nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_address_is_found_below_modules_and_before_keys() {
        assert_eq!(kind_of("terraform_data.a"), "terraform_data");
        assert_eq!(kind_of(r#"module.m["a.b"].time_sleep.b["x.]y\"z"]"#), "time_sleep");
    }
}
