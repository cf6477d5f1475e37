use std::collections::BTreeMap;

use gitops_core::{Error, ErrorKind, Number, Result, Value};
use serde_json::value::RawValue;

/// The most levels that a document may have.
const DEPTH: usize = 120;

/// The value of a JSON document, with every digit of its numbers.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value> {
    parse_part(bytes, Part::Whole)
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
    /// This part of each member of a mapping; what is no mapping is read as it is.
    Each(&'static Part),
}

/// The value of a JSON document of which only a part is read: the rest is checked to be JSON and passed over.
pub(crate) fn parse_part(bytes: &[u8], part: Part) -> Result<Value> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(not_json)?;
    Walk { text: raw.get(), at: 0 }.value(part, DEPTH)
}

impl Part {
    /// The part of a member of a mapping that is read, if any is.
    fn of_member(self, name: &str) -> Option<Self> {
        match self {
            Self::Members(wanted) => wanted.iter().find(|(member, _)| *member == name).map(|(_, part)| *part),
            Self::Each(part) => Some(*part),
            Self::Whole | Self::Items(_) => Some(Self::Whole),
        }
    }

    fn of_item(self) -> Self {
        match self {
            Self::Items(part) => *part,
            Self::Whole | Self::Members(_) | Self::Each(_) => Self::Whole,
        }
    }
}

/// One way through a text that is known to be JSON: each byte is read once more, however deep it lies.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl Walk<'_> {
    fn value(&mut self, part: Part, depth: usize) -> Result<Value> {
        let deeper = depth.checked_sub(1).ok_or_else(too_deep)?;
        match self.peek() {
            Some(b'{') => self.object(part, deeper),
            Some(b'[') => self.list(part.of_item(), deeper),
            Some(b'"') => self.string().map(|text| Value::Text(text.into())),
            _ => self.word(),
        }
    }

    fn object(&mut self, part: Part, depth: usize) -> Result<Value> {
        let mut members = BTreeMap::new();
        self.items(b'}', |walk| {
            let name = walk.string()?;
            walk.skip(is_between);
            match part.of_member(&name) {
                Some(part) => drop(members.insert(name, walk.value(part, depth)?)),
                None => walk.pass(),
            }
            Ok(())
        })?;
        Ok(Value::map(members))
    }

    fn list(&mut self, part: Part, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        self.items(b']', |walk| walk.value(part, depth).map(|item| items.push(item)))?;
        Ok(Value::List(items.into()))
    }

    /// Reads what stands between a bracket and the one that closes it.
    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.at += 1;
        self.skip(is_between);
        while self.peek().is_some_and(|byte| byte != end) {
            item(self)?;
            self.skip(is_between);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over a value that nobody asked for, however deep it is.
    fn pass(&mut self) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.quoted(),
                b'{' | b'[' | b'}' | b']' => self.at += 1,
                _ => self.skip(is_of_word),
            }
            open += usize::from(matches!(byte, b'{' | b'['));
            open -= usize::from(matches!(byte, b'}' | b']'));
            if open == 0 {
                return;
            }
            self.skip(is_between);
        }
    }

    fn string(&mut self) -> Result<String> {
        let start = self.at;
        self.quoted();
        serde_json::from_str(&self.text[start..self.at]).map_err(not_json)
    }

    fn quoted(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }

    fn word(&mut self) -> Result<Value> {
        let start = self.at;
        self.skip(is_of_word);
        match &self.text[start..self.at] {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            // Not even a number is quoted: it may be a secret.
            number => number.parse::<Number>().map(Value::Number).map_err(|_| {
                let message = format!("the number at byte {start} is beyond what can be held");
                Error::new(ErrorKind::Corrupt, message)
            }),
        }
    }

    fn skip(&mut self, of: fn(u8) -> bool) {
        let bytes = self.text[self.at..].bytes();
        self.at += bytes.take_while(|byte| of(*byte)).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Whether it stands between the values of a document and says nothing that its brackets do not.
fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')
}

/// Whether it belongs to a number, `true`, `false` or `null`.
fn is_of_word(byte: u8) -> bool {
    !is_between(byte) && !matches!(byte, b']' | b'}')
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
    use serde_json::{Value as Json, json};

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

    /// What a reader that forgets digits makes of it.
    fn inexact(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.to_string().parse().unwrap()),
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Array(items) => Value::List(items.iter().map(inexact).collect()),
            Json::Object(members) => {
                Value::map(members.iter().map(|(name, json)| (name.clone(), inexact(json))))
            }
        }
    }

    fn documents() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "[\\PC\"\\\\{}\\[\\]:,\n\t]{0,8}".prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_is_read_as_any_reader_reads_it(json in documents(), pretty in any::<bool>()) {
            let bytes = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) };
            prop_assert_eq!(parse(&bytes.unwrap()).unwrap(), inexact(&json));
        }

        #[test]
        fn what_is_passed_over_changes_nothing_of_the_rest(json in documents(), other in documents(), pretty in any::<bool>()) {
            const A: Part = Part::Members(&[("a", Part::Whole)]);
            const PART: Part = Part::Members(&[("a", Part::Whole), ("b", A), ("l", Part::Items(&A))]);
            let inner = json!({"x": other, "a": json, "z": other});
            let whole = json!({"0": other, "a": json, "b": inner, "c": other, "l": [inner, inner], "z": other});
            let asked = json!({"a": json, "b": {"a": json}, "l": [{"a": json}, {"a": json}]});
            let bytes = if pretty { serde_json::to_vec_pretty(&whole) } else { serde_json::to_vec(&whole) };
            prop_assert_eq!(parse_part(&bytes.unwrap(), PART).unwrap(), inexact(&asked));
        }

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
