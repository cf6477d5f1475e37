//! The warnings about a file against what the two programs make of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{Cx, Renderer, Revision, Snapshot};
use gitops_k8s::KubernetesRender;
use gitops_k8s::yaml::{self, Dialect, YamlLimits};

use crate::generate::{Dice, body, scalar};
use crate::{cases, kubectl, kustomize};

/// Cases on which the two differ beside those of the tables.
const MORE: &[&str] = &[
    "2001-01-01 10:00:00",
    "2001-01-01T10:00:00+01:00",
    "0o+7",
    "0_o-7",
    "! yes",
    "! true",
    "! ~",
    "!!timestamp \"2001-01-01\"",
    "!!int 18446744073709551615",
    "!!str 2001-01-01",
    "!!str yes",
    "&a yes",
    "[a: , {b}, c: ~]",
    "{a: , b: ''}",
    "9223372036854775809",
];

/// What stands behind `spec:`, beside the tables.
const BODIES: &[&str] = &[
    "\n  a: &x {k: 1, l: 2}\n  b: {k: 1, l: 3, <<: *x}",
    "\n  a: &x {k: {m: 1}}\n  b: {k: {m: 2}, <<: [*x, {k: 3}]}\n  c: {<<: *x, k: 3}",
    "\n  a: &x {k: 1}\n  b: &y {k: 2, <<: *x}\n  c: {<<: *y, k: 3}",
];

fn file(name: &str, body: &str) -> String {
    format!(
        "apiVersion: example.org/v1\nkind: Thing\nmetadata: {{name: {name}, namespace: shop}}\nspec:{body}\n"
    )
}

/// Whether something is said to be taken differently.
fn is_warned(text: &str) -> bool {
    let files = [("f.yaml".to_owned(), text.as_bytes().to_vec())];
    let snapshot = Snapshot::from_files("repo", Revision::new("1", ""), files).unwrap();
    let rendered = Renderer::new(Arc::new(KubernetesRender::new("k"))).render(&Cx::system(), &snapshot);
    let rendered = rendered.unwrap_or_else(|error| panic!("{text:?}: {:?}", error.diagnostics()));
    rendered.warnings.iter().any(|warning| warning.code == "GO0415")
}

/// Whether `kubectl`'s reader takes it and so does that of `kustomize`, rightly or not.
fn is_taken_by_both(text: &str) -> bool {
    let read = |dialect| yaml::read("f.yaml", text.as_bytes(), dialect, &YamlLimits::default());
    let dropped = ["doubles line breaks", "would drop"];
    read(Dialect::KubectlV2).is_ok()
        && read(Dialect::KyamlV3)
            .map_or_else(|faults| dropped.iter().any(|what| faults[0].message.contains(what)), |_| true)
}

/// The files of all cases that both take, by the names of their objects.
fn files() -> BTreeMap<String, String> {
    let scalars = cases::SCALARS.iter().chain(MORE).filter(|text| !text.contains("\\L"));
    let keys = scalars.clone().chain(cases::KEYS);
    let bodies = cases::BODIES.iter().chain(BODIES).map(|body| (*body).to_owned());
    let bodies =
        bodies.chain(scalars.map(|text| cases::value(text))).chain(keys.map(|text| cases::key(text)));
    let (mut of_scalars, mut of_bodies) = (Dice::new(0xd1ff), Dice::new(0xb0d1));
    let bodies = bodies
        .chain((0..300).map(|_| cases::value(&scalar(&mut of_scalars))))
        .chain((0..300).map(|_| body(&mut of_bodies)));
    let names = (0..).map(|number| format!("c{number}"));
    let files = names.zip(bodies).map(|(name, body)| (name.clone(), file(&name, &body)));
    files.filter(|(_, text)| is_taken_by_both(text)).collect()
}

#[test]
fn what_the_two_programs_take_differently_is_warned_of_and_nothing_else() {
    let (files, folder) = (files(), tempfile::tempdir().unwrap());
    for (name, text) in &files {
        std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
    }
    let names: Vec<String> = files.keys().cloned().collect();
    let kubectl = kubectl::by_name(folder.path());
    let kustomize = kustomize::all_that_it_takes(folder.path(), &names);
    let mut found = Vec::new();
    for (name, text) in &files {
        let (one, other) = (kubectl.get(name), kustomize.get(name));
        if (one != other) != is_warned(text) {
            found.push(format!("{text:?}: kubectl {one:?}, kustomize {other:?}"));
        }
    }
    assert!(found.is_empty(), "{} of {} files:\n{}", found.len(), files.len(), found.join("\n"));
}
