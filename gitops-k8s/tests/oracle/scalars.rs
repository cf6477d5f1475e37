use std::collections::{BTreeMap, BTreeSet};

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, Limits};

use crate::generate::{Dice, body, scalar};
use crate::{cases, kubectl};

/// Faults for which we refuse what `kubectl` takes, each explained in the book.
const STRICTER: &[&str] = &[
    "is written twice",
    "behind the end of the document",
    "can't stand in YAML",
    "inside of brackets",
    // A comment right behind a quote or a bracket.
    "comments must be separated",
    // A tab where a line goes on inside of brackets.
    "tabs disallowed within this context",
    // `[-]`
    "plain scalar cannot start with '-'",
    // A line that begins with `%`.
    "directives are disallowed",
    // The header of an empty block of text in the column of its key.
    "simple key expected",
];

/// Reads every case with `kubectl` and with our reader, and gives the differences that nothing explains.
fn differences(bodies: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (number, body) in bodies.iter().enumerate() {
        std::fs::write(
            folder.path().join(format!("c{number}.yaml")),
            cases::file(&format!("c{number}"), body),
        )
        .unwrap();
    }
    let theirs = kubectl::by_name(folder.path());
    assert!(theirs.len() > bodies.len() / 10, "kubectl read only {} of {} files", theirs.len(), bodies.len());
    let differ = |(number, body): (usize, &String)| difference(&format!("c{number}"), body, &theirs);
    bodies.iter().enumerate().filter_map(differ).collect()
}

fn difference(name: &str, body: &str, theirs: &BTreeMap<String, Value>) -> Option<String> {
    let file = cases::file(name, body);
    let ours = yaml::read("f.yaml", file.as_bytes(), Dialect::KubectlV2, &Limits::default());
    let show = |value: &Value| value.get("data").map_or("nothing".to_owned(), ToString::to_string);
    match (ours, theirs.get(name)) {
        (Ok(documents), Some(expected)) => {
            let found: Vec<Value> = documents.into_iter().map(|document| document.root.into()).collect();
            let same = found.len() == 1 && kubectl::without_label(found[0].clone()) == *expected;
            (!same).then(|| {
                format!(
                    "{body:?}: ours {}, kubectl {}",
                    found.first().map_or(String::new(), show),
                    show(expected)
                )
            })
        }
        (Ok(found), None) => Some(format!(
            "{body:?}: we take what kubectl refuses: {}",
            found.first().map_or(String::new(), |d| show(&d.root.clone().into()))
        )),
        (Err(faults), Some(expected)) => {
            let explained = STRICTER.iter().any(|message| faults[0].message.contains(message));
            (!explained).then(|| format!("{body:?}: we refuse ({}), kubectl {}", faults[0], show(expected)))
        }
        (Err(_), None) => None,
    }
}

fn assert_same(bodies: impl IntoIterator<Item = String>) {
    let bodies: Vec<String> = bodies.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let found = differences(&bodies);
    assert!(found.is_empty(), "{} of {} cases differ:\n{}", found.len(), bodies.len(), found.join("\n"));
}

#[test]
fn scalars_on_which_readers_disagree_are_read_as_kubectl_does() {
    assert_same(cases::SCALARS.iter().map(|text| cases::value(text)));
}

#[test]
fn keys_are_read_as_kubectl_does() {
    assert_same(cases::SCALARS.iter().chain(cases::KEYS).map(|text| cases::key(text)));
}

#[test]
fn documents_are_read_as_kubectl_does() {
    assert_same(cases::BODIES.iter().map(|body| (*body).to_owned()));
}

#[test]
fn four_thousand_scalars_are_read_as_kubectl_does() {
    let mut dice = Dice::new(0x5eed);
    assert_same((0..4000).map(|_| cases::value(&scalar(&mut dice))));
}

#[test]
fn two_thousand_keys_are_read_as_kubectl_does() {
    let mut dice = Dice::new(0xca5e);
    assert_same((0..2000).map(|_| cases::key(&scalar(&mut dice))));
}

#[test]
fn three_thousand_documents_are_read_as_kubectl_does() {
    let mut dice = Dice::new(0xd0c5);
    assert_same((0..3000).map(|_| body(&mut dice)));
}
