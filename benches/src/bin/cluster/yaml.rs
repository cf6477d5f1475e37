//! From a file's text to objects.

use std::sync::Arc;
use std::time::Duration;

use gitops_benches::{row, timed};
use gitops_core::{Cx, Renderer, Revision, Snapshot, Value};
use gitops_k8s::KubernetesRender;
use gitops_k8s::yaml::{self, Dialect, YamlLimits};
use serde_json::Value as Json;

use crate::peers;

const DEPLOYMENT: &str = include_str!("../../../data/deployment.yaml");
const ROUNDS: usize = 10;

/// The best of some rounds on both sides, each reading the file from the disk.
pub fn measure(count: usize) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let path = folder.path().join("all.yaml");
    let document =
        |index: usize| DEPLOYMENT.replace("name: storefront", &format!("name: storefront-{index}"));
    let text = (0..count).map(document).collect::<Vec<_>>().join("---\n");
    std::fs::write(&path, &text).expect("the folder can be written");
    let name = path.to_str().expect("a temporary folder has a plain name");

    let theirs = peers::run("kubectl-read", &[name, &ROUNDS.to_string()], count);
    let read = || std::fs::read(&path).expect("it was just written");
    let objects = best(|| assert_eq!(rendered(read()), count));
    println!(
        "{count} Deployments in {:.1} MB of YAML\t{:.0} ms to objects; kubectl's reader {:.0} ms",
        text.len() as f64 / 1e6,
        objects.as_secs_f64() * 1000.0,
        theirs.as_secs_f64() * 1000.0
    );
    row(
        "YAML to objects: speed against kubectl's reader",
        theirs.as_secs_f64() / objects.as_secs_f64(),
        "×",
        3.0,
        true,
    );
}

/// The one object of the file, in another namespace.
pub fn deployment(namespace: &str) -> Json {
    let documents =
        yaml::read("deployment.yaml", DEPLOYMENT.as_bytes(), Dialect::KubectlV2, &YamlLimits::default());
    let root = documents.expect("the file is plain").remove(0).root;
    let mut json: Json = serde_json::to_value(Value::from(root)).expect("it is plain data");
    json["metadata"]["namespace"] = namespace.into();
    json
}

fn best(act: impl Fn()) -> Duration {
    (0..ROUNDS).map(|_| timed(&act).1).min().expect("there are rounds")
}

/// What a plan starts from: every object with its key, its place in the file and what it needs.
fn rendered(bytes: Vec<u8>) -> usize {
    let snapshot = Snapshot::from_files("bench", Revision::new("1", ""), [("all.yaml", bytes)]);
    let snapshot = snapshot.expect("the path is plain");
    let render = KubernetesRender::new("k").namespace("shop");
    let rendered =
        Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot).expect("it can be rendered");
    rendered.desired.objects().iter().count()
}
