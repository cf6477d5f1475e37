//! Words of a value in a YAML text, and an edit that changes nothing else.

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, Document, Node, Place, YamlLimits};

/// Where a value is written in one line, quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// The documents of a text; nothing for one that can't be read, which is then not touched.
pub fn read(path: &str, text: &str) -> Option<Vec<Document>> {
    yaml::read(path, text.as_bytes(), Dialect::KyamlV3, &YamlLimits::default()).ok()
}

/// The words of the value that begins at a place: a plain or quoted scalar on one line. Nothing for anything else.
pub fn words(text: &str, place: Place) -> Option<Words> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let begins = match line {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = text[begins..].split('\n').next()?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let (at, first) = rest.char_indices().nth(column)?;
    let value = &rest[at..];
    let length = match first {
        '"' => quoted(value, '"')?,
        '\'' => quoted(value, '\'')?,
        '&' | '*' | '!' | '|' | '>' | '{' | '[' | '#' => return None,
        _ => plain(value),
    };
    let start = begins + at;
    (length > 0).then_some(Words { start, end: start + length })
}

/// The length of a quoted text without anything escaped in it.
fn quoted(value: &str, quote: char) -> Option<usize> {
    let inner = &value[1..];
    let end = inner.find(quote)?;
    let is_doubled = quote == '\'' && inner[end + 1..].starts_with('\'');
    (!inner[..end].contains('\\') && !is_doubled).then_some(end + 2)
}

/// The length of a plain text: to a comment, to what ends it in a flow collection, or to the end of the line.
fn plain(value: &str) -> usize {
    let ends = [" #", ",", "}", "]", ": "].iter().filter_map(|end| value.find(end));
    let end = ends.min().unwrap_or(value.len());
    value[..end].trim_end().len()
}

/// A text with one value's words in the place of another's.
pub fn spliced(text: &str, edits: &[(Words, String)]) -> String {
    let mut edits: Vec<&(Words, String)> = edits.iter().collect();
    edits.sort_by_key(|(words, _)| words.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (words, new) in edits {
        out.push_str(&text[at..words.start]);
        out.push_str(new);
        at = words.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Whether a text, once edited, has the new values at these paths and is else what it was: what an anchor or a block does is seen
/// here.
pub fn is_only(path: &str, before: &[Document], after: &str, expected: &[(String, Value)]) -> bool {
    let Some(after) = read(path, after) else { return false };
    let [before, after] = [before, &after].map(flat);
    let is_expected =
        |(path, value): (&String, &Value)| match expected.iter().find(|(edited, _)| edited == path) {
            Some((_, new)) => new == value,
            None => before.get(path) == Some(value),
        };
    before.len() == after.len() && after.iter().all(is_expected)
}

/// The scalars of all documents by where they are.
fn flat(documents: &[Document]) -> std::collections::BTreeMap<String, Value> {
    let mut found = std::collections::BTreeMap::new();
    for (at, document) in documents.iter().enumerate() {
        collect(&at.to_string(), &document.root, &mut found);
    }
    found
}

fn collect(path: &str, node: &Node, found: &mut std::collections::BTreeMap<String, Value>) {
    match &node.data {
        yaml::Data::Map(members) if !members.is_empty() => {
            members.iter().for_each(|member| collect(&below(path, &member.name), &member.value, found));
        }
        yaml::Data::List(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| collect(&below(path, &at.to_string()), item, found));
        }
        _ => {
            found.insert(path.to_owned(), Value::from(node.clone()));
        }
    }
}

/// A path one step further.
pub fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        let documents = read("a.yaml", text)?;
        let words = words(text, documents[0].root.get(name)?.place)?;
        Some(&text[words.start..words.end])
    }

    #[test]
    fn the_words_of_a_value_are_found_as_they_are_written() {
        assert_eq!(of("# ä\ntag: 1.10 # old\n", "tag"), Some("1.10"));
        assert_eq!(of("tag: \"1.10\"   # old\n", "tag"), Some("\"1.10\""));
        assert_eq!(of("# flow\n{ tag: '1.10', other: 1 }\n", "tag"), Some("'1.10'"));
        assert_eq!(of("# flow\n{ tag: v1, other: 1 }\n", "tag"), Some("v1"));
        assert_eq!(of("tag: v1\r\nother: 1\r\n", "tag").map(str::trim_end), Some("v1"));
        for text in ["tag: \"v\\x31\"\n", "tag: 'it''s'\n", "tag: {a: 1}\n"] {
            assert_eq!(of(text, "tag"), None, "{text}");
        }
    }

    #[test]
    fn an_edit_that_would_change_more_is_seen() {
        let text = "a: &v 1\nb: *v\nc: x\n";
        let before = read("a.yaml", text).unwrap();
        let edited = "a: &v 2\nb: *v\nc: x\n";
        assert!(!is_only("a.yaml", &before, edited, &[("0/a".into(), Value::from(2))]));
        assert!(is_only("a.yaml", &before, "a: &v 1\nb: *v\nc: y\n", &[("0/c".into(), Value::from("y"))]));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, line in 0u32..9, column in 0u32..40) {
            if let Some(words) = words(&text, Place { line, column }) {
                prop_assert!(text.get(words.start..words.end).is_some());
            }
        }
    }
}
