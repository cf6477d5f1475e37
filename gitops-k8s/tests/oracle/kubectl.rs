//! What `kubectl` reads: thousands of files in one process, offline.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, Limits};

/// The objects that `kubectl` reads from each file of a folder, or nothing for a file that it refuses.
///
/// The files must have distinct object names; the object's label `oracle` holds the file's name.
pub fn read(folder: &Path) -> Vec<Value> {
    let output = Command::new("kubectl")
        .args(["label", "--local", "--dry-run=client", "-R", "-o", "json", "oracle=yes", "-f"])
        .arg(folder)
        .env("KUBECONFIG", "/dev/null")
        .output()
        .expect("`kubectl` 1.32 is installed: these tests compare with it");
    let mut limits = Limits::default();
    limits.bytes = 1 << 30;
    limits.documents = usize::MAX;
    let documents = yaml::read("stdout", &output.stdout, Dialect::KubectlV2, &limits).unwrap();
    documents.into_iter().map(|document| without_label(document.root.into())).collect()
}

/// The same by the object's name.
pub fn by_name(folder: &Path) -> BTreeMap<String, Value> {
    let name = |value: &Value| value.get("metadata")?.get("name")?.as_text().map(str::to_owned);
    read(folder).into_iter().filter_map(|value| Some((name(&value)?, value))).collect()
}

/// The value without the label that the call adds.
fn without_label(value: Value) -> Value {
    edit(value, "metadata", |metadata| {
        let Value::Map(members) = &metadata else { return metadata };
        let mut members = (**members).clone();
        let labels = members.remove("labels").map(|labels| remove(labels, "oracle"));
        if let Some(labels) = labels.filter(|labels| *labels != Value::map::<String>([])) {
            members.insert("labels".to_owned(), labels);
        }
        Value::map(members)
    })
}

fn remove(value: Value, name: &str) -> Value {
    let Value::Map(members) = value else { return value };
    Value::map((*members).clone().into_iter().filter(|(key, _)| key != name))
}

fn edit(value: Value, name: &str, change: impl FnOnce(Value) -> Value) -> Value {
    let Value::Map(members) = value else { return value };
    let mut members = (*members).clone();
    if let Some(member) = members.remove(name) {
        members.insert(name.to_owned(), change(member));
    }
    Value::map(members)
}

/// The value as the oracle has it: without labels, where there are none.
pub fn bare(value: Value) -> Value {
    without_label(value)
}
