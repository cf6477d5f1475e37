//! What Kubernetes and Terraform give to be read.

use gitops_k8s::yaml::{Dialect, YamlLimits, read};
pub use gitops_terraform::fuzzing::{plan, state, told};

use crate::texts;

/// Each fault has a message, and one text is read in one way.
pub fn yaml(bytes: &[u8]) {
    for dialect in [Dialect::KubectlV2, Dialect::KyamlV3] {
        let once = || read("file.yaml", bytes, dialect, &YamlLimits::default());
        let found = once();
        if let Err(faults) = &found {
            assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.message.is_empty()), "{faults:?}");
        }
        assert_eq!(once(), found);
    }
}

pub fn manifests() -> Vec<Vec<u8>> {
    texts(&[
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: \"1\"}}\ndata:\n  mode: 0777\n  \
         text: |-\n    one\n    two\n---\nkind: List\nitems: [~, NO, 1e3, .inf, 2001-01-01]\n",
        "base: &base {a: 1}\nmore:\n  <<: *base\n  b: [*base, *base]\n? key\n: value\n",
        "{\"kind\": \"A\", \"n\": 9007199254740993}{\"kind\": \"B\"}",
    ])
}

pub fn states() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"version": 4, "terraform_version": "1.10.6", "serial": 3, "lineage": "a-b", "outputs": {"o": {"value":
        [1, "x"], "type": ["tuple", ["number", "string"]], "sensitive": true}}, "resources": [{"mode": "managed",
        "type": "null_resource", "name": "a", "provider": "provider[\"registry.example/null\"]", "instances":
        [{"index_key": 0, "schema_version": 0, "attributes": {"id": "1"}, "sensitive_attributes": []}]}]}"#,
    ])
}

pub fn plans() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"format_version": "1.2", "terraform_version": "1.10.6", "resource_changes": [{"address": "null_resource.a",
        "mode": "managed", "type": "null_resource", "name": "a", "provider_name": "null", "change": {"actions":
        ["delete", "create"], "before": {"id": "1", "n": 1.50}, "after": {"n": 2}, "after_unknown": {"id": true},
        "before_sensitive": false, "after_sensitive": {"n": true}, "replace_paths": [["n"]]}}], "output_changes":
        {"o": {"actions": ["create"], "before": null, "after": "x", "after_unknown": false}}}"#,
    ])
}

pub fn tellings() -> Vec<Vec<u8>> {
    texts(&[
        "{\"type\":\"version\",\"terraform\":\"1.10.6\",\"ui\":\"1.2\"}\n{\"type\":\"apply_start\",\"hook\":\
         {\"resource\":{\"addr\":\"null_resource.a\"},\"action\":\"create\"}}\n{\"type\":\"diagnostic\",\
         \"diagnostic\":{\"severity\":\"error\",\"summary\":\"no\",\"detail\":\"\"}}\nnot json\n",
    ])
}
