//! A value as lines of YAML, for people to read and compare.

use gitops_core::Value;

/// How far a level is indented.
const INDENT: &str = "  ";

/// The lines of a value. The same value gives the same lines: members are in the order of their names.
///
/// A secret is `(sensitive)`, and of bytes their number and a digest are shown. Control characters inside of texts with several
/// lines stay as they are: whoever shows a line makes it safe to show.
///
/// ```
/// use gitops_app::documents::yaml;
/// use gitops_core::Value;
/// let body = Value::map([("content", Value::from("one\ntwo\n")), ("size", 2.into()), ("version", "1.0".into())]);
/// assert_eq!(yaml::lines(&body), ["content: |", "  one", "  two", "size: 2", "version: \"1.0\""]);
/// ```
pub fn lines(value: &Value) -> Vec<String> {
    if let Some(text) = inline(value) {
        return vec![text];
    }
    match value {
        Value::Map(members) => {
            members.iter().flat_map(|(name, value)| member(&scalar(name), value)).collect()
        }
        Value::List(items) => items.iter().flat_map(item).collect(),
        value => block("", value.as_text().unwrap_or_default()),
    }
}

fn member(name: &str, value: &Value) -> Vec<String> {
    if let Some(text) = inline(value) {
        return vec![format!("{name}: {text}")];
    }
    match value {
        Value::Text(text) => block(&format!("{name}: "), text),
        Value::List(_) => std::iter::once(format!("{name}:")).chain(lines(value)).collect(),
        _ => std::iter::once(format!("{name}:"))
            .chain(lines(value).iter().map(|line| indented(line)))
            .collect(),
    }
}

fn item(value: &Value) -> Vec<String> {
    if let (None, Some(text)) = (inline(value), value.as_text()) {
        return block("- ", text);
    }
    let mut found = lines(value).into_iter();
    let first = found.next().map(|line| format!("- {line}"));
    first.into_iter().chain(found.map(|line| indented(&line))).collect()
}

/// A text of several lines after what names it.
fn block(before: &str, text: &str) -> Vec<String> {
    // A text that begins with blanks says how far it is indented.
    let shift = if text.trim_start_matches('\n').starts_with([' ', '\t']) { "2" } else { "" };
    let (body, end) = match text.strip_suffix('\n') {
        None => (text, "-"),
        Some(body) if body.is_empty() || body.ends_with('\n') => (body, "+"),
        Some(body) => (body, ""),
    };
    let head = format!("{before}|{shift}{end}");
    std::iter::once(head).chain(body.split('\n').map(indented)).collect()
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("{INDENT}{line}") }
}

/// A value that is on one line.
fn inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) if text.contains('\n') => return None,
        Value::Text(text) => scalar(text),
        Value::Bytes(bytes) => {
            let digest = value.digest().to_string();
            format!("({} bytes, digest {})", bytes.len(), &digest[..digest.len().min(12)])
        }
        Value::Secret(secret) => secret.to_string(),
        Value::Placeholder(placeholder) => placeholder.to_string(),
        Value::List(items) if items.is_empty() => "[]".to_owned(),
        Value::Map(members) if members.is_empty() => "{}".to_owned(),
        Value::List(_) | Value::Map(_) => return None,
        value => value.to_string(),
    })
}

/// A text of one line, in quotes where a reader of YAML would take it for something else.
fn scalar(text: &str) -> String {
    match is_plain(text) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '(' | '$' | '^' | '+');
    text.starts_with(begins)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
        && !is_another_type(text)
}

/// Whether YAML, of any version, reads the text as a number, a truth value, a date or nothing.
fn is_another_type(text: &str) -> bool {
    const WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "="];
    let is_of = |signs: &str| text.chars().all(|c| c.is_ascii_digit() || signs.contains(c));
    let lower = text.to_ascii_lowercase();
    let number = lower.replace('_', "");
    WORDS.contains(&lower.as_str())
        || number.parse::<f64>().is_ok()
        || [".inf", ".nan", "+.inf"].contains(&number.as_str())
        || ["0x", "0o", "0b"].iter().any(|base| number.trim_start_matches('+').starts_with(base))
        || (text.starts_with(|c: char| c.is_ascii_digit()) && is_of("-:TZtz ."))
            && (text.contains('-') || text.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{Secret, SecretKey};
    use proptest::prelude::*;

    #[test]
    fn an_object_reads_as_a_manifest_does() {
        let port =
            |name: &str, number: i64| Value::map([("name", Value::from(name)), ("port", number.into())]);
        let body = Value::map([
            ("kind", Value::from("Service")),
            ("empty", Value::map::<&str>([])),
            ("ports", Value::List([port("web", 80), port("admin", 81)].into())),
            ("args", Value::List([Value::from("--on"), "a\nb".into(), Value::List([].into())].into())),
            ("nested", Value::map([("app.kubernetes.io/name", Value::from("web")), ("on", "yes".into())])),
            ("blob", Value::text_or_bytes([0xff_u8, 0xfe])),
            ("token", Value::Secret(Secret::new("hunter2", &SecretKey::new([7; 32])))),
        ]);
        insta::assert_snapshot!(lines(&body).join("\n"), @r#"
        args:
        - "--on"
        - |-
          a
          b
        - []
        blob: (2 bytes, digest 864f4479d936)
        empty: {}
        kind: Service
        nested:
          app.kubernetes.io/name: web
          "on": "yes"
        ports:
        - name: web
          port: 80
        - name: admin
          port: 81
        token: (sensitive)
        "#);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\n]{0,12}".prop_map(|text| Value::from(text.as_str())),
            "(0x)?[0-9:._+-]{1,5}|[.]?(yes|NO|nan|inf|null|~)".prop_map(|text| Value::from(text.as_str())),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| Value::List(items.into())),
                prop::collection::btree_map("[ -~]{1,5}", inner, 0..4).prop_map(Value::map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in values()) {
            let whole = Value::map([("value", value)]);
            let text = lines(&whole).join("\n") + "\n";
            let read: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| {
                TestCaseError::fail(format!("{error}\n{text}"))
            })?;
            prop_assert_eq!(Value::from_json(read), whole, "{}", text);
        }
    }
}
