//! What `kubectl` reads: thousands of files in one process, offline.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gitops_core::Value;
use gitops_k8s::yaml::{self, Dialect, YamlLimits};

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
    let mut limits = YamlLimits::default();
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

/// The value without the label that the call adds, and without what is empty then.
pub fn without_label(value: Value) -> Value {
    let members = |value: &Value| match value {
        Value::Map(members) => members.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        _ => Vec::new(),
    };
    let without_label = |(name, value): (String, Value)| match name.as_str() {
        "labels" => (name, Value::map(members(&value).into_iter().filter(|(name, _)| name != "oracle"))),
        _ => (name, value),
    };
    let metadata = |value: &Value| {
        let kept = members(value).into_iter().map(without_label);
        Value::map(kept.filter(|(name, value)| name != "labels" || *value != Value::map::<String>([])))
    };
    let kept = members(&value).into_iter().map(|(name, value)| match name.as_str() {
        "metadata" => (name, metadata(&value)),
        _ => (name, value),
    });
    Value::map(kept.filter(|(name, value)| name != "metadata" || *value != Value::map::<String>([])))
}
