use std::collections::BTreeSet;

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, YamlLimits};

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

/// How a case becomes a file that declares an object of a name.
type InFile = fn(&str, &str) -> String;

/// Reads every case with `kubectl` and with our reader, and gives the differences that nothing explains.
pub fn differences(bodies: &[String], in_file: InFile) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let named = |(number, body): (usize, &String)| {
        let name = format!("c{number}");
        let file = in_file(&name, body);
        (name, file)
    };
    let files: Vec<(String, String)> = bodies.iter().enumerate().map(named).collect();
    for (name, file) in &files {
        std::fs::write(folder.path().join(format!("{name}.yaml")), file).unwrap();
    }
    let theirs = kubectl::by_name(folder.path());
    assert!(theirs.len() > bodies.len() / 10, "kubectl read only {} of {} files", theirs.len(), bodies.len());
    let differ =
        |((name, file), body): (&(String, String), &String)| difference(file, body, theirs.get(name));
    files.iter().zip(bodies).filter_map(differ).collect()
}

fn difference(file: &str, body: &str, theirs: Option<&Value>) -> Option<String> {
    let ours = yaml::read("f.yaml", file.as_bytes(), Dialect::KubectlV2, &YamlLimits::default());
    let show = |value: &Value| value.get("data").map_or("nothing".to_owned(), ToString::to_string);
    match (ours, theirs) {
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
    report(&differences(&bodies, cases::file), bodies.len());
}

/// Fails if there is any difference.
pub fn report(differences: &[String], cases: usize) {
    let all = differences.join("\n");
    assert!(differences.is_empty(), "{} of {cases} cases differ:\n{all}", differences.len());
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
