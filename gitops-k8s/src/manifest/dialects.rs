//! Values that `kubectl` and `kustomize` read differently.

use smol_str::SmolStr;

use crate::transform::Sheet;
use crate::yaml::{self, Data, Dialect, Document, Fault, Node, Place};

/// Scalars without quotes that the reader that is not followed would take for something else: words that are truth values
/// for `kubectl` only, dates, and whole numbers above 2^63.
pub(super) fn differences(sheet: &Sheet<'_>, documents: &[Document]) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut open: Vec<&Node> = documents.iter().map(|document| &document.root).collect();
    while let Some(node) = open.pop() {
        match &node.data {
            Data::List(items) => open.extend(items),
            Data::Map(members) => {
                let names = members.iter().filter(|member| is_word(&member.name));
                found.extend(names.filter_map(|member| difference(sheet, member.place, None)));
                open.extend(members.iter().map(|member| &member.value));
            }
            data if may_differ(data) => found.extend(difference(sheet, node.place, Some(data))),
            _ => {}
        }
    }
    found
}

/// Whether it is worth a look at how it is written: nearly no value is.
fn may_differ(data: &Data) -> bool {
    match data {
        Data::Bool(_) => true,
        Data::Text(text) => is_word(text) || text.as_bytes().get(4) == Some(&b'-'),
        Data::Number(number) => number.as_str().len() > 18,
        _ => false,
    }
}

/// Whether it is a truth value of either reader, or what `kubectl` makes of one as a key.
fn is_word(text: &str) -> bool {
    matches!(text.as_bytes(), [b'y' | b'Y' | b'o' | b'O' | b'n' | b'N' | b't' | b'T' | b'f' | b'F', ..])
        && text.len() <= 5
        && ["y", "yes", "on", "n", "no", "off", "true", "false"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
}

/// What differs at a place; `found` is what was read there, which may be more than one word.
fn difference(sheet: &Sheet<'_>, place: Place, found: Option<&Data>) -> Option<Fault> {
    let written = sheet.word(place)?;
    let read = |dialect| yaml::plain(place, &written, dialect).ok().map(|node| node.data);
    let (kubectl, kustomize) = (read(Dialect::KubectlV2)?, read(Dialect::KyamlV3)?);
    let own = if sheet.dialect() == Dialect::KubectlV2 { &kubectl } else { &kustomize };
    if found.is_some_and(|found| found != own) {
        return None;
    }
    let (for_kubectl, for_kustomize) = match (&kubectl, &kustomize) {
        (of_one, of_other) if of_one == of_other => return None,
        (Data::Bool(value), _) => (if *value { "true" } else { "false" }, "text"),
        (Data::Number(_), _) => ("rounded", "exact"),
        _ => ("text", "a point in time"),
    };
    let message =
        format!("without quotes, this is {for_kubectl} for `kubectl` and {for_kustomize} for `kustomize`");
    Some(Fault::new("GO0415", place, message).help(help(&kubectl)))
}

fn help(kubectl: &Data) -> SmolStr {
    match kubectl {
        Data::Bool(value) => format!("write `{value}`, or put it in quotes if text is meant").into(),
        _ => "put it in quotes".into(),
    }
}
