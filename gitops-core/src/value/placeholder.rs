use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;
use zeroize::Zeroizing;

use super::{Hasher, Key, Map, Secret, Value};

/// A place in a body that is filled with what other objects turned out to be: their outputs.
///
/// One output alone keeps its type. Several parts make one text; if any part is secret, the whole is. An output that is text loses
/// one line break at its end.
///
/// ```
/// use gitops_core::{Placeholder, PlaceholderPart, OutputRef, UnfitOutput, Value};
/// let address = OutputRef { key: "tf:Root/-/network".parse()?, output: "address".into() };
/// let url = Placeholder { parts: vec![PlaceholderPart::Text("http://".into()), PlaceholderPart::Output(address)] };
/// assert_eq!(url.to_string(), "http://${tf:Root/-/network#address}");
/// let filled = Value::from(url).fill(&mut |_| Ok::<_, UnfitOutput>("10.0.0.7".into()))?;
/// assert_eq!(filled.as_text(), Some("http://10.0.0.7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// What it is filled with, from left to right.
    pub parts: Vec<PlaceholderPart>,
}

/// One part of what fills a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceholderPart {
    /// This text.
    Text(Arc<str>),
    /// What another object turned out to be.
    Output(OutputRef),
}

/// An output of an object, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutputRef {
    /// The object.
    pub key: Key,
    /// The output's name among [`Live::outputs`](super::Live::outputs).
    pub output: SmolStr,
}

/// An output that is no text, number or truth value, and so can't be a part of a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the output `{}` of {} is {what} and can't be a part of a text", .output.output, .output.key)]
#[non_exhaustive]
pub struct UnfitOutput {
    /// The output.
    pub output: OutputRef,
    /// What it is.
    pub what: &'static str,
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.key, self.output)
    }
}

/// The text with `${key#output}` for each output.
impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            PlaceholderPart::Text(text) => f.write_str(text),
            PlaceholderPart::Output(output) => write!(f, "${{{output}}}"),
        })
    }
}

impl From<Placeholder> for Value {
    fn from(placeholder: Placeholder) -> Self {
        Self::Placeholder(Arc::new(placeholder))
    }
}

impl Placeholder {
    /// The outputs that fill it.
    pub fn outputs(&self) -> impl Iterator<Item = &OutputRef> {
        self.parts.iter().filter_map(|part| match part {
            PlaceholderPart::Text(_) => None,
            PlaceholderPart::Output(output) => Some(output),
        })
    }

    pub(super) fn feed(&self, hasher: &mut Hasher) {
        hasher.field(self.parts.len().to_le_bytes());
        for part in &self.parts {
            match part {
                PlaceholderPart::Text(text) => hasher.field("s").field(&**text),
                PlaceholderPart::Output(output) => hasher.field("o").field(output.to_string()),
            };
        }
    }

    fn fill<E: From<UnfitOutput>>(
        &self,
        output_of: &mut impl FnMut(&OutputRef) -> Result<Value, E>,
    ) -> Result<Value, E> {
        if let [PlaceholderPart::Output(output)] = &self.parts[..] {
            return output_of(output).map(without_line_break);
        }
        let mut texts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            texts.push(match part {
                PlaceholderPart::Text(text) => Value::Text(text.clone()),
                PlaceholderPart::Output(output) => as_part(output, without_line_break(output_of(output)?))?,
            });
        }
        Ok(join(&texts))
    }
}

/// A text without the line break at its end, as a shell takes the output of a command: that of a file is no part of what it
/// says.
fn without_line_break(value: Value) -> Value {
    let shorter = |text: &str| {
        let text = text.strip_suffix('\n')?;
        Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
    };
    match &value {
        Value::Text(text) => shorter(text).map(|text| Value::Text(text.into())),
        Value::Secret(secret) => {
            let text = shorter(secret.expose());
            text.zip(secret.key()).map(|(text, key)| Value::Secret(Secret::new(text, key)))
        }
        _ => None,
    }
    .unwrap_or(value)
}

/// A value that has a text of its own.
fn as_part(output: &OutputRef, value: Value) -> Result<Value, UnfitOutput> {
    let what = match value {
        Value::Secret(secret) if secret.is_sealed() => "known by its digest only",
        Value::Text(_) | Value::Secret(_) => return Ok(value),
        Value::Bool(value) => return Ok(if value { "true" } else { "false" }.into()),
        Value::Number(number) => return Ok(number.as_str().into()),
        Value::Null => "null",
        Value::Bytes(_) => "not UTF-8",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
        Value::Placeholder(_) => "not filled itself",
    };
    Err(UnfitOutput { output: output.clone(), what })
}

/// Texts and secrets as one text: a secret under the first secret's key if there is one.
fn join(texts: &[Value]) -> Value {
    let text_of = |value: &'_ Value| match value {
        Value::Secret(secret) => Zeroizing::new(secret.expose().to_owned()),
        value => Zeroizing::new(value.as_text().unwrap_or_default().to_owned()),
    };
    let parts: Vec<Zeroizing<String>> = texts.iter().map(text_of).collect();
    let mut whole = String::with_capacity(parts.iter().map(|text| text.len()).sum());
    parts.iter().for_each(|text| whole.push_str(text));
    let key = texts.iter().find_map(|value| match value {
        Value::Secret(secret) => secret.key(),
        _ => None,
    });
    match key {
        Some(key) => Value::Secret(Secret::new(whole, key)),
        None => Value::Text(whole.into()),
    }
}

impl Value {
    /// Whether any placeholder is in it.
    pub fn has_placeholder(&self) -> bool {
        match self {
            Self::Placeholder(_) => true,
            Self::List(items) => items.iter().any(Self::has_placeholder),
            Self::Map(members) => members.values().any(Self::has_placeholder),
            _ => false,
        }
    }

    /// The outputs that fill its placeholders, in order and without repeats.
    pub fn outputs(&self) -> BTreeSet<OutputRef> {
        let mut found = BTreeSet::new();
        self.gather_outputs(&mut found);
        found
    }

    fn gather_outputs(&self, found: &mut BTreeSet<OutputRef>) {
        match self {
            Self::Placeholder(placeholder) => found.extend(placeholder.outputs().cloned()),
            Self::List(items) => items.iter().for_each(|item| item.gather_outputs(found)),
            Self::Map(members) => members.values().for_each(|value| value.gather_outputs(found)),
            _ => {}
        }
    }

    /// The same with every placeholder filled.
    ///
    /// # Errors
    /// The first error of `output_of`, and an [`UnfitOutput`] for an output that can't be a part of a text.
    pub fn fill<E: From<UnfitOutput>>(
        &self,
        output_of: &mut impl FnMut(&OutputRef) -> Result<Value, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Placeholder(placeholder) => placeholder.fill(output_of)?,
            Self::List(items) => {
                Self::List(items.iter().map(|item| item.fill(output_of)).collect::<Result<_, E>>()?)
            }
            Self::Map(members) => {
                let fill = |(name, value): (&str, &Self)| Ok((SmolStr::from(name), value.fill(output_of)?));
                Self::Map(members.iter().map(fill).collect::<Result<Map, E>>()?)
            }
            other => other.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{GroupKind, SecretKey};
    use proptest::prelude::*;

    fn output(name: &str) -> OutputRef {
        OutputRef { key: Key::new("t", GroupKind::new("", "K"), "", "up"), output: name.into() }
    }

    fn secret(text: &str) -> Value {
        Value::Secret(Secret::new(text, &SecretKey::new([3; 32])))
    }

    /// An output whose name says what it is: `s…` is secret, `n…` a number, the rest text.
    #[expect(clippy::unnecessary_wraps, reason = "a placeholder is filled by functions that may fail")]
    fn output_of(output: &OutputRef) -> Result<Value, UnfitOutput> {
        Ok(match output.output.as_str() {
            name if name.starts_with('s') => secret(name),
            name if name.starts_with('n') => Value::from(7),
            "list" => Value::List([Value::Null].into()),
            name => name.into(),
        })
    }

    fn parts() -> impl Strategy<Value = Vec<PlaceholderPart>> {
        let text = "[a-c ]{0,3}".prop_map(|text| PlaceholderPart::Text(text.as_str().into()));
        let name = "[snt][a-b]{0,2}".prop_map(|name| PlaceholderPart::Output(output(&name)));
        prop::collection::vec(prop_oneof![text, name], 0..6)
    }

    fn fill(parts: Vec<PlaceholderPart>) -> Value {
        Value::from(Placeholder { parts }).fill(&mut output_of).unwrap()
    }

    fn clear(value: &Value) -> String {
        match value {
            Value::Secret(secret) => secret.expose().to_owned(),
            Value::Number(number) => number.to_string(),
            value => value.as_text().unwrap().to_owned(),
        }
    }

    proptest! {
        #[test]
        fn several_parts_are_the_text_of_each_one_after_the_other(left in parts(), right in parts()) {
            let texts = |parts: &[PlaceholderPart]| parts.iter().map(|part| clear(&fill(vec![part.clone()]))).collect::<String>();
            let both: Vec<PlaceholderPart> = left.iter().chain(&right).cloned().collect();
            prop_assert_eq!(clear(&fill(both.clone())), texts(&left) + &texts(&right));
            prop_assert!(!fill(both).has_placeholder());
        }

        #[test]
        fn the_whole_is_secret_exactly_if_a_part_is_and_is_never_shown(parts in parts()) {
            let outputs = Placeholder { parts: parts.clone() };
            let secret = outputs.outputs().any(|output| output.output.starts_with('s'));
            let filled = fill(parts);
            prop_assert_eq!(matches!(filled, Value::Secret(_)), secret);
            let shown = format!("{filled} {filled:?}");
            prop_assert!(!secret || shown == "\"(sensitive)\" Secret((sensitive))", "{}", shown);
        }

        #[test]
        fn a_text_cut_in_two_fills_the_same_hole(text in "[a-z]{1,9}", at in 0..9usize, rest in parts()) {
            let (left, right) = text.split_at(at.min(text.len()));
            let with = |texts: &[&str]| {
                let texts = texts.iter().map(|text| PlaceholderPart::Text((*text).into()));
                fill(texts.chain(rest.clone()).collect())
            };
            prop_assert_eq!(with(&[&text]), with(&[left, right]));
        }

        #[test]
        fn holes_with_other_parts_have_other_digests(left in parts(), right in parts()) {
            let digest = |parts: &[PlaceholderPart]| Value::from(Placeholder { parts: parts.to_vec() }).digest();
            prop_assert_eq!(digest(&left) == digest(&right), left == right);
        }
    }

    #[test]
    fn one_output_alone_keeps_its_type_and_a_list_is_no_part_of_a_text() {
        let list = PlaceholderPart::Output(output("list"));
        assert_eq!(fill(vec![list.clone()]), Value::List([Value::Null].into()));
        assert_eq!(fill(vec![PlaceholderPart::Output(output("n"))]), Value::from(7));
        let placeholder = Placeholder { parts: vec![PlaceholderPart::Text("x".into()), list] };
        let error = Value::from(placeholder).fill(&mut output_of).unwrap_err();
        insta::assert_snapshot!(error, @"the output `list` of t:K/-/up is a list and can't be a part of a text");
    }

    #[test]
    fn a_secret_joined_with_text_equals_the_secret_of_the_whole_text() {
        let parts = vec![PlaceholderPart::Text("pw=".into()), PlaceholderPart::Output(output("s1"))];
        assert_eq!(fill(parts), secret("pw=s1"));
    }

    #[test]
    fn holes_deep_in_a_body_are_found_and_filled() {
        let placeholder =
            |name: &str| Value::from(Placeholder { parts: vec![PlaceholderPart::Output(output(name))] });
        let body = Value::map([
            ("list", Value::List([placeholder("b"), placeholder("a")].into())),
            ("plain", "x".into()),
        ]);
        assert_eq!(body.outputs().into_iter().collect::<Vec<_>>(), [output("a"), output("b")]);
        let filled = body.fill(&mut output_of).unwrap();
        assert_eq!(filled.get("list"), Some(&Value::List(["b".into(), "a".into()].into())));
        assert!(body.has_placeholder() && !filled.has_placeholder());
    }
}
