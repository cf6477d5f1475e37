use std::collections::BTreeMap;

use gitops_core::{Error, ErrorKind, Number, Result, Value};
use serde_json::value::RawValue;

/// The most levels that a document may have.
const DEPTH: usize = 120;

/// The value of a JSON document, with every digit of its numbers.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(not_json)?;
    value(raw, DEPTH)
}

/// Which members of a document are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These members of a mapping; what is no mapping is read as it is.
    Members(&'static [(&'static str, Part)]),
    /// This part of each item of a list; what is no list is read as it is.
    Items(&'static Part),
}

/// The value of a JSON document of which only a part is read: the rest is checked to be JSON and passed over.
pub(crate) fn parse_part(bytes: &[u8], part: Part) -> Result<Value> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(not_json)?;
    part_of(raw, part)
}

fn part_of(raw: &RawValue, part: Part) -> Result<Value> {
    match (part, raw.get().as_bytes().first()) {
        (Part::Members(wanted), Some(b'{')) => members_of(raw, wanted),
        (Part::Items(part), Some(b'[')) => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(not_json)?;
            Ok(Value::List(items.into_iter().map(|item| part_of(item, *part)).collect::<Result<_>>()?))
        }
        _ => value(raw, DEPTH),
    }
}

fn members_of(raw: &RawValue, wanted: &[(&'static str, Part)]) -> Result<Value> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).map_err(not_json)?;
    let member =
        |(name, part): &(&'static str, Part)| members.get(*name).map(|raw| Ok((*name, part_of(raw, *part)?)));
    Ok(Value::map(wanted.iter().filter_map(member).collect::<Result<Vec<_>>>()?))
}

fn value(raw: &RawValue, depth: usize) -> Result<Value> {
    let text = raw.get();
    let deeper = depth.checked_sub(1).ok_or_else(too_deep)?;
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(not_json)?;
            let member = |(name, raw)| Ok((name, value(raw, deeper)?));
            Ok(Value::map(members.into_iter().map(member).collect::<Result<Vec<_>>>()?))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            Ok(Value::List(items.into_iter().map(|raw| value(raw, deeper)).collect::<Result<_>>()?))
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(not_json)?;
            Ok(Value::Text(text.into()))
        }
        Some(b't') => Ok(Value::Bool(true)),
        Some(b'f') => Ok(Value::Bool(false)),
        Some(b'n') => Ok(Value::Null),
        _ => text.parse::<Number>().map(Value::Number).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("not the JSON that was expected: {error}"))
        }),
    }
}

/// The place is named, the text is not: it may hold a secret.
fn not_json(error: serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    Error::new(ErrorKind::Corrupt, format!("not the JSON that was expected, at {place}"))
}

fn too_deep() -> Error {
    Error::new(ErrorKind::Limit, "the document is nested too deeply").with("limit", DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_digit_of_a_number_is_kept() {
        let value = parse(br#"{"n": 12345678901234567890.123, "m": [1e400]}"#).unwrap();
        let number: Number = "12345678901234567890.123".parse().unwrap();
        assert_eq!(value.get("n"), Some(&Value::Number(number)));
    }

    #[test]
    fn what_is_not_asked_for_is_passed_over_and_must_be_json_all_the_same() {
        const C: Part = Part::Members(&[("c", Part::Whole)]);
        const PART: Part = Part::Members(&[("a", Part::Whole), ("b", C), ("l", Part::Items(&C))]);
        let read = |text: &str| parse_part(text.as_bytes(), PART);
        let text = r#"{"x":{"y":[1]},"b":{"c":2,"d":3},"a":{"e":[4]},"l":[{"c":5,"d":6},7]}"#;
        assert_eq!(read(text).unwrap().to_string(), r#"{"a":{"e":[4]},"b":{"c":2},"l":[{"c":5},7]}"#);
        assert_eq!(read(r#"{"b":[5],"l":{"d":6}}"#).unwrap().to_string(), r#"{"b":[5],"l":{"d":6}}"#);
        assert!(read(r#"{"x":{"y":[1}}"#).is_err());
    }

    #[test]
    fn a_document_that_is_nested_too_deeply_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(deep.as_bytes()).is_err());
        let within = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(within.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
            let _ = parse_part(&bytes, Part::Members(&[("a", Part::Whole)]));
        }

        #[test]
        fn text_comes_through(text in ".{0,20}") {
            let json = serde_json::to_vec(&text).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), Value::from(text.as_str()));
        }
    }
}
