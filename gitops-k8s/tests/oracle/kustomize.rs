//! The dialect of `kustomize` against `kubectl kustomize`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, YamlLimits};

use crate::cases;
use crate::generate::{Dice, scalar};

/// Faults for which we refuse what `kustomize` takes, each explained in the book.
const STRICTER: &[&str] = &[
    "behind the end of the document",
    "can't stand in YAML",
    "which `kustomize` would drop",
    "comments must be separated",
    "directives are disallowed",
    "tabs disallowed within this context",
    "plain scalar cannot start with '-'",
    "the escape `\\/`",
    "inside of brackets",
    // `&a:`
    "holds an odd character",
    "in which `kustomize` doubles line breaks",
];

/// The objects that `kustomize` makes of some files, by name; nothing if it refuses one of them.
fn kustomize(folder: &Path, names: &[String]) -> Option<BTreeMap<String, Value>> {
    let resources: Vec<String> = names.iter().map(|name| format!("- {name}.yaml")).collect();
    std::fs::write(folder.join("kustomization.yaml"), format!("resources:\n{}\n", resources.join("\n")))
        .unwrap();
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output();
    let output = output.expect("`kubectl` 1.32 is installed: these tests compare with it");
    if !output.status.success() {
        return None;
    }
    let documents = yaml::read("stdout", &output.stdout, Dialect::KyamlV3, &YamlLimits::default()).unwrap();
    let name = |value: &Value| value.get("metadata")?.get("name")?.as_text().map(str::to_owned);
    let values = documents.into_iter().map(|document| Value::from(document.root));
    Some(values.filter_map(|value| Some((name(&value)?, value))).collect())
}

/// The same, where files that are refused are left out: found by halving.
pub fn all_that_it_takes(folder: &Path, names: &[String]) -> BTreeMap<String, Value> {
    match (kustomize(folder, names), names.len()) {
        (Some(found), _) => found,
        (None, 1) => BTreeMap::new(),
        (None, length) => {
            let (left, right) = names.split_at(length / 2);
            let mut found = all_that_it_takes(folder, left);
            found.extend(all_that_it_takes(folder, right));
            found
        }
    }
}

fn assert_same(bodies: impl IntoIterator<Item = String>) {
    let bodies: Vec<String> = bodies.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let (mut taken, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (number, body) in bodies.iter().enumerate() {
        let name = format!("c{number}");
        let file = cases::file(&name, body);
        std::fs::write(folder.path().join(format!("{name}.yaml")), &file).unwrap();
        match yaml::read("f.yaml", file.as_bytes(), Dialect::KyamlV3, &YamlLimits::default()) {
            Ok(found) => {
                let value = found.into_iter().map(|document| Value::from(document.root)).next();
                taken.insert(name, (body, value));
            }
            Err(faults) => {
                refused.insert(name, (body, faults[0].to_string()));
            }
        }
    }
    let theirs = all_that_it_takes(folder.path(), &taken.keys().cloned().collect::<Vec<_>>());
    let show = |value: Option<&Value>| {
        value.and_then(|value| value.get("data")).map_or("nothing".to_owned(), ToString::to_string)
    };
    let mut found: Vec<String> = taken
        .iter()
        .filter(|(name, (_, ours))| ours.as_ref() != theirs.get(*name))
        .map(|(name, (body, ours))| {
            format!("{body:?}: ours {}, kustomize {}", show(ours.as_ref()), show(theirs.get(name)))
        })
        .collect();
    refused.retain(|_, (_, fault)| !STRICTER.iter().any(|message| fault.contains(message)));
    let theirs = all_that_it_takes(folder.path(), &refused.keys().cloned().collect::<Vec<_>>());
    found.extend(
        theirs
            .iter()
            .map(|(name, value)| format!("{:?} is refused, kustomize {}", refused[name], show(Some(value)))),
    );
    assert!(found.is_empty(), "{} of {} cases differ:\n{}", found.len(), bodies.len(), found.join("\n"));
}

#[test]
fn scalars_are_read_as_kustomize_does() {
    // `kustomize` prints line separators as they are, and its output can't be read back.
    let scalars = cases::SCALARS.iter().filter(|text| !text.contains("\\L"));
    assert_same(scalars.map(|text| cases::value(text)));
}

#[test]
fn keys_are_read_as_kustomize_does() {
    let keys = cases::SCALARS.iter().chain(cases::KEYS).filter(|text| !text.contains("\\L"));
    assert_same(keys.map(|text| cases::key(text)));
}

#[test]
fn documents_are_read_as_kustomize_does() {
    assert_same(cases::BODIES.iter().map(|body| (*body).to_owned()));
}

#[test]
fn a_thousand_scalars_are_read_as_kustomize_does() {
    let mut dice = Dice::new(0x1234);
    assert_same((0..1000).map(|_| cases::value(&scalar(&mut dice))));
}
