//! The renderer of manifests, proven by the conformance kit.

use std::sync::Arc;

use gitops_core::conformance::{self, RenderSubject};

use crate::support::renderer;

const APP: &str = "\
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: &labels { app: web }
spec:
  selector: { matchLabels: *labels }
  template:
    metadata: { labels: *labels }
    spec:
      containers:
      - { name: web, image: example.org/web:1, env: [{ name: MODE, value: \"0777\" }] }
";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: { name: token }
stringData: { token: hunter2 }
";

#[tokio::test]
async fn the_renderer_of_manifests_keeps_the_contract() {
    let render = || async {
        let files = [("app.yaml", APP), ("secrets/token.yml", SECRET), ("README", "no manifest")];
        let subject = RenderSubject::new("manifests", Arc::new(renderer()), files);
        Ok(subject.faulty("broken.yaml", "apiVersion: v1\nkind: [ConfigMap"))
    };
    conformance::render(render).run().await.assert_passed();
}
