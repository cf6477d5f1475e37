//! The warnings about files although they can be used.

use std::sync::Arc;

use gitops_core::{Cx, Renderer, Severity};
use gitops_k8s::yaml::Dialect;

use crate::support::{renderer, snapshot};

/// The warnings on one file, one a line.
fn warnings(text: &str) -> String {
    of(renderer(), text)
}

fn of(render: gitops_k8s::KubernetesRender, text: &str) -> String {
    let rendered =
        Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(&[("a.yaml", text)])).unwrap();
    assert!(rendered.warnings.iter().all(|warning| warning.severity == Severity::Warning));
    rendered.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const DIFFERS: &str = "apiVersion: example.org/v1
kind: Thing
metadata: { name: a, namespace: b }
spec:
  on: [yes, No, \"yes\", 'no', true]
  day: 2001-01-01
  quoted: \"2001-01-01\"
  said: 2001-01-01 was a day
  folded: 2001-01-01
    was a day
  aside: [a, b] # yes
  big: 18446744073709551615
  mode: 0644
  text: |
    yes
  time: 2001-01-01 10:00:00
  octal: [0o-7, 0o7, 1e-3]
  gap: { a: , b, c: ~ }
  tag: [! 5, !!timestamp 2001-01-01, !!int \"1\", !!str yes, !t 2001-01-01]
  base: &base { k: 1, l: 2, m: &yes no }
  before: { <<: *base, k: 3 }
  after: { k: 3, l: 2, m: no, <<: *base }
  folded deeper: >
    a
     b
  in quotes: { \"<<\": 1, '2001-01-01': 2 }
";

#[test]
fn what_kubectl_and_kustomize_read_differently_is_told_with_its_place() {
    insta::assert_snapshot!(warnings(DIFFERS), @r#"
    warning[GO0415]: a.yaml: 5:3: without quotes, this is true for `kubectl` and text for `kustomize` (write `true`, or put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 5:8: without quotes, this is true for `kubectl` and text for `kustomize` (write `true`, or put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 5:13: without quotes, this is false for `kubectl` and text for `kustomize` (write `false`, or put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 6:8: without quotes, this is text for `kubectl` and a point in time for `kustomize` (put it in quotes)
    warning[GO0415]: a.yaml: 12:8: without quotes, this is rounded for `kubectl` and exact for `kustomize` (put it in quotes)
    warning[GO0415]: a.yaml: 16:9: without quotes, this is text for `kubectl` and a point in time for `kustomize` (put it in quotes)
    warning[GO0415]: a.yaml: 17:11: without quotes, this is text for `kubectl` and a number for `kustomize` (put it in quotes)
    warning[GO0415]: a.yaml: 18:11: left out, this is nothing for `kubectl` and the empty text for `kustomize` (write `null` or `""`)
    warning[GO0415]: a.yaml: 18:16: left out, this is nothing for `kubectl` and the empty text for `kustomize` (write `null` or `""`)
    warning[GO0415]: a.yaml: 19:11: with this tag, this is text for `kubectl` and a number for `kustomize` (remove the tag, and put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 19:26: with this tag, this is text for `kubectl` and a point in time for `kustomize` (remove the tag, and put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 20:37: without quotes, this is false for `kubectl` and text for `kustomize` (write `false`, or put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 22:12: this is what the `<<` behind it holds for `kubectl` and what is written for `kustomize` (write the `<<` first, or remove the key)
    warning[GO0415]: a.yaml: 22:27: without quotes, this is false for `kubectl` and text for `kustomize` (write `false`, or put it in quotes if text is meant)
    warning[GO0415]: a.yaml: 24:5: a folded block with deeper lines, in which `kustomize` doubles line breaks (begin it with `|`)
    warning[GO0415]: a.yaml: 26:16: in quotes, this is a key for `kubectl` and dropped by `kustomize` (give it another name)
    "#);
}

#[test]
fn the_reader_that_is_followed_does_not_matter_for_what_differs() {
    let one = warnings(DIFFERS);
    let text = DIFFERS.replace("  on:", "  list:").replace("    a\n", "").replace("\"<<\": 1, ", "");
    assert_eq!(of(renderer().dialect(Dialect::KyamlV3), &text), warnings(&text));
    assert_ne!(one, warnings(&text), "a key is told of too");
}

#[test]
fn json_has_nothing_that_differs() {
    let text = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"yes": "2001-01-01"}}"#;
    assert_eq!(warnings(text), "");
}

#[test]
fn what_is_deprecated_is_told_with_what_took_its_place() {
    let text = "apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata:
  name: a
  annotations: { kubernetes.io/ingress.class: nginx }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: a }
spec:
  jobTemplate:
    spec:
      template:
        metadata: { annotations: { seccomp.security.alpha.kubernetes.io/pod: runtime/default } }
        spec:
          nodeSelector: { beta.kubernetes.io/os: linux, kubernetes.io/arch: amd64 }
---
apiVersion: example.org/v1beta1
kind: Ingress
metadata: { name: a, namespace: b }
";
    insta::assert_snapshot!(warnings(text), @r"
    warning[GO0417]: a.yaml: 1:13: Kubernetes 1.22 and newer do not serve `networking.k8s.io/v1beta1` of the kind Ingress (write `networking.k8s.io/v1`)
    warning[GO0417]: a.yaml: 5:18: the annotation `kubernetes.io/ingress.class` is deprecated (use `spec.ingressClassName`)
    warning[GO0417]: a.yaml: 14:36: the annotation `seccomp.security.alpha.kubernetes.io/pod` is deprecated (use `securityContext.seccompProfile`)
    warning[GO0417]: a.yaml: 16:27: the node label `beta.kubernetes.io/os` is deprecated (use `kubernetes.io/os`)
    ");
}

#[test]
fn a_file_that_declares_nothing_is_told_of() {
    insta::assert_snapshot!(warnings("# nothing\n---\n"), @"warning[GO0416]: a.yaml: the file holds no object (remove it if that is meant: what it declared before is no longer declared)");
    let skipped = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, annotations: { config.kubernetes.io/local-config: 'true' } }\n";
    assert_eq!(warnings(skipped), "", "it says itself that it declares nothing");
}

#[test]
fn a_file_of_secrets_is_not_quoted_and_many_warnings_are_counted() {
    let items = "yes, ".repeat(30);
    let text = format!(
        "apiVersion: example.org/v1\nkind: Secretive\nmetadata: {{ name: a, namespace: b }}\nspec: [{items}]\n"
    );
    let rendered =
        Renderer::new(Arc::new(renderer())).render(&Cx::system(), &snapshot(&[("a.yaml", &text)])).unwrap();
    assert_eq!(rendered.warnings.len(), 21);
    assert!(
        rendered
            .warnings
            .iter()
            .all(|warning| warning.span.as_ref().is_some_and(|span| span.text.is_empty()))
    );
    assert!(rendered.warnings[20].message.contains("10 more"), "{}", rendered.warnings[20]);
}

#[test]
fn a_hook_that_never_runs_is_told_of_with_its_place() {
    let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    helm.sh/hook: pre-delete\n";
    insta::assert_snapshot!(warnings(hook), @"warning[GO0410]: a.yaml: 6:5: a hook at `pre-delete` is not carried out (do by hand what it does; an object that is marked `argocd.argoproj.io/hook: Skip` is left out without a word)");
}
