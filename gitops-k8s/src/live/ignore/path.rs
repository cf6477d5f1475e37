//! Paths to fields: JSON pointers, and the part of `jq` that names fields.

use gitops_core::{Error, ErrorKind, Result, Value};
use serde_json::Value as Json;

use super::member;
use crate::live::fields;

/// How many bytes a path has at most.
const MAX_TEXT: usize = 1024;

/// Where fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of a mapping.
    Field(String),
    /// The items of a list whose fields have these values: all of them if there is no condition.
    Each(Vec<(String, Json)>),
}

impl Step {
    /// Whether an item of a list is one of those meant.
    pub fn selects(conditions: &[(String, Json)], item: &Json) -> bool {
        conditions.iter().all(|(name, value)| item.get(name) == Some(value))
    }
}

impl Path {
    /// Reads a JSON pointer.
    pub fn pointer(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
            return Err(wrong("a JSON pointer begins with `/` and names a field", text)
                .help("write it such as `/spec/replicas`; `~1` stands for `/`, and `~0` for `~`"));
        };
        let steps = rest.split('/').map(|step| Step::Field(step.replace("~1", "/").replace("~0", "~")));
        let is_position = |part: &str| part == "-" || part.bytes().all(|byte| byte.is_ascii_digit());
        match rest.split('/').find(|part| is_position(part)) {
            Some(part) => Err(wrong(&format!("`{part}` is a position in a list, or no name"), text).help(
                "name the item by what it holds: a path such as `.spec.ports[] | select(.name == \"http\")`",
            )),
            None => Self(steps.collect()).checked(text),
        }
    }

    /// Reads a path as `jq` writes it.
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader { text, at: 0 };
        let mut steps = Vec::new();
        reader.term(&mut steps)?;
        while reader.eat("|") {
            match reader.eat("select") {
                true => reader.select(&mut steps)?,
                false => reader.term(&mut steps)?,
            }
        }
        match reader.rest().is_empty() {
            true => Self(steps).checked(text),
            false => Err(reader.fault("there is more than a path of fields")),
        }
    }

    fn checked(self, text: &str) -> Result<Self> {
        let is_name_of_object = match &self.0[..] {
            [Step::Field(first)] => ["apiVersion", "kind", "metadata"].contains(&first.as_str()),
            [Step::Field(first), Step::Field(second)] => {
                first == "metadata" && ["name", "namespace"].contains(&second.as_str())
            }
            _ => false,
        };
        match (text.len() > MAX_TEXT, is_name_of_object) {
            (true, _) => Err(Error::new(ErrorKind::Limit, "the path is too long").with("limit", MAX_TEXT)),
            (_, true) => Err(wrong("that says which object it is, and can't be left to others", text)
                .help("name a field that is to be left")),
            _ => Ok(self),
        }
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether a declaration has a field at the path.
    pub fn is_in(&self, declared: &Value) -> bool {
        is_in(&self.0, declared)
    }
}

fn is_in(steps: &[Step], value: &Value) -> bool {
    match (steps, value) {
        ([], _) => true,
        ([Step::Field(name), rest @ ..], value) => {
            member(value, name).is_some_and(|value| is_in(rest, value))
        }
        ([Step::Each(conditions), rest @ ..], Value::List(items)) => {
            let holds = |item: &&Value| conditions.iter().all(|(name, wanted)| has(item, name, wanted));
            items.iter().filter(holds).any(|item| is_in(rest, item))
        }
        _ => false,
    }
}

/// Whether an item has a value under a name, or leaves it out and the server may write it there.
fn has(item: &Value, name: &str, wanted: &Json) -> bool {
    match member(item, name) {
        Some(value) => *value == Value::from_json(wanted.clone()),
        None => fields::default_of_key(name).is_some_and(|default| *wanted == default),
    }
}

/// A path while it is read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a word, if it comes next, and the blanks around it.
    fn eat(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let comes = self.rest().starts_with(word);
        if comes {
            self.at += word.len();
            self.skip_blanks();
        }
        comes
    }

    fn must(&mut self, word: &str) -> Result<()> {
        match self.eat(word) {
            true => Ok(()),
            false => Err(self.fault(&format!("`{word}` is missing"))),
        }
    }

    /// `.a.b["c"][]`
    fn term(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        let before = steps.len();
        loop {
            if self.eat("[]") {
                steps.push(Step::Each(Vec::new()));
            } else if self.eat("[") || self.eat(".[") {
                steps.push(Step::Field(self.quoted()?));
                self.must("]")?;
            } else if self.eat(".") {
                steps.push(Step::Field(self.name()?));
            } else if steps.len() > before {
                return Ok(());
            } else {
                return Err(self.fault("a field such as `.spec` is missing"));
            }
        }
    }

    /// `select(.name == "web" and .port == 80)`
    fn select(&mut self, steps: &mut [Step]) -> Result<()> {
        let at = self.at;
        let Some(Step::Each(conditions)) = steps.last_mut() else {
            return Err(Reader { text: self.text, at }.fault("`select` has no list before it: write `[]`"));
        };
        self.must("(")?;
        loop {
            self.must(".")?;
            let name = self.name()?;
            self.must("==")?;
            conditions.push((name, self.scalar()?));
            if self.eat(")") {
                return Ok(());
            }
            self.must("and")?;
        }
    }

    fn name(&mut self) -> Result<String> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.quoted();
        }
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        match end {
            0 => Err(self.fault("a name is missing; one with other characters is written `[\"a/b\"]`")),
            end => {
                self.at += end;
                Ok(rest[..end].to_owned())
            }
        }
    }

    fn quoted(&mut self) -> Result<String> {
        match self.scalar()? {
            Json::String(text) => Ok(text),
            Json::Number(_) => {
                Err(self.fault("an item of a list is named by what it holds: `[] | select(…)`"))
            }
            _ => Err(self.fault("a name in quotes is missing")),
        }
    }

    fn scalar(&mut self) -> Result<Json> {
        let rest = self.rest();
        let (value, length) = if rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
            let text = values.next();
            (text.and_then(std::result::Result::ok), values.byte_offset())
        } else {
            let is_end = |char: char| char.is_whitespace() || "|&,)]".contains(char);
            let end = rest.find(is_end).unwrap_or(rest.len());
            (serde_json::from_str(&rest[..end]).ok(), end)
        };
        let is_scalar = |value: &Json| !value.is_array() && !value.is_object();
        let missing = || self.fault("a text in quotes, a number, `true` or `false` is missing");
        let value = value.filter(is_scalar).ok_or_else(missing)?;
        self.at += length;
        Ok(value)
    }

    fn fault(&self, what: &str) -> Error {
        let column = self.text[..self.at].chars().count() + 1;
        wrong(&format!("column {column}: {what}"), self.text)
            .help("a path is such as `.spec.template.spec.containers[] | select(.name == \"web\") | .image`")
    }
}

fn wrong(what: &str, text: &str) -> Error {
    let shown: String = text.chars().take(200).collect();
    Error::new(ErrorKind::Invalid, what).with("path", shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(name: &str) -> Step {
        Step::Field(name.to_owned())
    }

    #[test]
    fn paths_and_pointers_are_read() {
        let image = r#".spec["a/b"] [] | select(.name == "web" and .port==80) | .image"#;
        let conditions = vec![("name".to_owned(), json!("web")), ("port".to_owned(), json!(80))];
        let steps = [field("spec"), field("a/b"), Step::Each(conditions), field("image")];
        assert_eq!(Path::parse(image).unwrap().0, steps);
        assert_eq!(Path::pointer("/spec/a~1b~0").unwrap().0, [field("spec"), field("a/b~")]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_column() {
        for (text, what) in [
            ("", "column 1"),
            ("spec", "column 1"),
            (".spec | select(.a == 1)", "no list before it"),
            (".spec[0]", "named by what it holds"),
            (".spec[] | select(.a = 1)", "column 21: `==` is missing"),
            (".spec x", "column 7: there is more"),
            (".metadata.name", "which object it is"),
        ] {
            let error = Path::parse(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
        for text in ["", "/", "spec", "/spec/ports/0", "/a//b", "/kind"] {
            assert!(Path::pointer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_condition_may_be_on_what_the_server_writes_for_a_port() {
        let body = |ports: Json| Value::from_json(json!({"spec": {"ports": ports}}));
        let path = |protocol| format!(".spec.ports[] | select(.protocol == {protocol:?}) | .nodePort");
        let fits = |protocol, ports| Path::parse(&path(protocol)).unwrap().is_in(&body(ports));
        assert!(fits("TCP", json!([{"nodePort": 1}])));
        assert!(!fits("UDP", json!([{"nodePort": 1}])));
        assert!(!fits("TCP", json!([{"protocol": "UDP", "nodePort": 1}])));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "[.a\\[\\]|\" =()selctnd1é/~-]{0,40}") {
            drop((Path::parse(&text), Path::pointer(&text)));
        }
    }
}
