//! Addresses of resources, and paths of files.

/// A key of an instance as it stands in an address: quoted as in the configuration language, and the same for every tool.
pub(crate) fn quoted(key: &str) -> String {
    let (mut text, mut letters) = (String::from("\""), key.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '"' | '\\' => text.extend(['\\', letter]),
            // What begins a template is doubled where it is none.
            '$' | '%' if letters.peek() == Some(&'{') => text.extend([letter, letter]),
            letter if letter.is_control() || (letter.is_whitespace() && letter != ' ') => {
                text.extend(["\\u".to_owned(), format!("{:04x}", u32::from(letter))]);
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

/// An address in the one form that it has here: not every tool escapes the same letters of a key.
pub(crate) fn canonical(address: &str) -> String {
    let (mut found, mut rest) = (String::with_capacity(address.len()), address);
    while let Some(start) = rest.find('"') {
        let Some((key, after)) = unquoted(&rest[start + 1..]) else { break };
        found.push_str(&rest[..start]);
        found.push_str(&quoted(&key));
        rest = after;
    }
    found.push_str(rest);
    found
}

/// The text with other words for what is quoted in it, where `other` has some. It is tried from each quote: what is no address
/// may have one that opens nothing.
pub(crate) fn with_keys(text: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let (mut found, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find('"') {
        let (before, inside) = rest.split_at(start + 1);
        found.push_str(before);
        rest = inside;
        if let Some((key, after)) = unquoted(inside)
            && let Some(other) = other(&key)
        {
            found.push_str(&other);
            rest = &inside[inside.len() - after.len() - 1..];
        }
    }
    found.push_str(rest);
    found
}

/// The keys in an address.
pub(crate) fn keys_of(address: &str) -> Vec<String> {
    let (mut keys, mut rest) = (Vec::new(), address);
    while let Some(start) = rest.find('"') {
        let Some((key, after)) = unquoted(&rest[start + 1..]) else { break };
        keys.push(key);
        rest = after;
    }
    keys
}

/// The text up to the end of its quotes, without its escapes, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut key, mut letters) = (String::new(), text.char_indices().peekable());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((key, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => key.push('\n'),
                'r' => key.push('\r'),
                't' => key.push('\t'),
                size @ ('u' | 'U') => {
                    let digits = if size == 'u' { 4 } else { 8 };
                    let code: String = letters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                    key.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                other => key.push(other),
            },
            '$' | '%' if text[at + 1..].starts_with(letter) && text[at + 2..].starts_with('{') => {
                letters.next();
                key.push(letter);
            }
            letter => key.push(letter),
        }
    }
    None
}

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

/// The path that a relative path means in a folder; nothing if it leads out of the source.
pub(crate) fn resolve(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_however_its_keys_are_escaped() {
        for key in ["a", "${x}", "%{ if }", "$${", "a\u{a0}b", "q\"\\", "line\nbreak", "$5 %"] {
            let address = format!("t.a[{}].b", quoted(key));
            assert_eq!(canonical(&address), address, "{key}");
        }
        assert_eq!(canonical(r#"t.a["a\u00a0b"]"#), canonical("t.a[\"a\u{a0}b\"]"));
        assert_eq!(canonical(r#"t.a["$${x}"].u["%%{"]"#), r#"t.a["$${x}"].u["%%{"]"#);
        assert_eq!(canonical("t.a[\"cut"), "t.a[\"cut");
    }

    #[test]
    fn what_is_quoted_is_found_beside_a_quote_that_opens_nothing() {
        let other = |key: &str| (key == "s\"e").then(|| "-".to_owned());
        assert_eq!(
            with_keys(r#"5" of t.a["s\"e"].b["o"] and "s\"e" cut""#, other),
            r#"5" of t.a["-"].b["o"] and "-" cut""#
        );
        assert_eq!(keys_of(r#"module.m["a"].t.b["$${x}"].c[0]"#), ["a", "${x}"]);
    }

    #[test]
    fn a_relative_path_stays_inside_or_is_refused() {
        assert_eq!(resolve("infra/app", "../net").as_deref(), Some("infra/net"));
        assert_eq!(resolve("app", "./").as_deref(), Some("app"));
        assert_eq!(resolve("app", "../..//x"), None);
    }

    #[test]
    fn the_type_of_an_address_is_found_below_modules_and_before_keys() {
        assert_eq!(kind_of("terraform_data.a"), "terraform_data");
        assert_eq!(kind_of(r#"module.m["a.b"].time_sleep.b["x.]y\"z"]"#), "time_sleep");
    }
}
