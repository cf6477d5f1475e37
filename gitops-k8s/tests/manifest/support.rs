use std::sync::Arc;

use gitops_core::{Cx, Desired, Diagnostic, Object, Renderer, Revision, SecretKey, Snapshot};
use gitops_k8s::KubernetesRender;

/// A renderer with a namespace and a key for secrets.
pub fn renderer() -> KubernetesRender {
    KubernetesRender::new("k").namespace("shop").secret_key(SecretKey::new([7; 32]))
}

/// A revision of files.
pub fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    Snapshot::from_files("repo", Revision::new("1", ""), files).unwrap()
}

/// What files declare.
pub fn render(render: KubernetesRender, files: &[(&str, &str)]) -> Result<Desired, Vec<Diagnostic>> {
    let rendered = Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot(files));
    rendered.map(|rendered| rendered.desired).map_err(|error| error.diagnostics().to_vec())
}

/// What one file declares, in the order of the keys.
pub fn objects(text: &str) -> Vec<Arc<Object>> {
    let desired = render(renderer(), &[("a.yaml", text)]).unwrap();
    desired.objects().iter().map(|(_, object)| object.clone()).collect()
}

/// The keys of one file's objects, one a line.
pub fn keys(text: &str) -> String {
    objects(text).iter().map(|object| object.key.to_string()).collect::<Vec<_>>().join("\n")
}

/// The faults of one file, one a line.
pub fn faults(text: &str) -> String {
    let faults = render(renderer(), &[("a.yaml", text)]).unwrap_err();
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
