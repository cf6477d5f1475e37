//! The target and the renderer, proven by the conformance kit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::conformance::{self, Outside, RenderSubject, Samples, Subject};
use gitops_core::*;
use gitops_terraform::{Removal, RootModule, Terraform, TerraformRender};

use crate::support::{root_key, tofu};

fn main_tf(size: usize) -> String {
    format!("resource \"terraform_data\" \"a\" {{\n  input = {size}\n}}\n")
}

fn body(main: &str) -> Value {
    let mut root = RootModule::new("app", BTreeMap::from([("app/main.tf".to_owned(), Value::from(main))]));
    root.removal = Removal::Destroy;
    root.into_body()
}

/// A body of one resource; each costs the tool a run, so that little is repeated.
fn samples() -> Samples {
    Samples::new(|n| root_key(&format!("root-{n:03}")), |n| body(&main_tf(n)))
        .neighbours([root_key("near"), root_key("near/by")])
        .unknown_kind(Key::new("tf", GroupKind::new("", "Leaf"), "", "a"))
        .invalid(body("resource {"))
        .many(3)
        .awaits(2)
        .repeats(2)
}

/// The folder of the target, which goes with it.
struct Work(#[allow(dead_code, reason = "it is kept until the check is over")] tempfile::TempDir);

impl Outside for Work {}

async fn subject() -> Result<Subject> {
    let folder = tempfile::tempdir()?;
    let work: PathBuf = folder.path().join("work");
    let target = Terraform::builder(tofu(), work).open(&Cx::system())?;
    let subject = Subject::new(Arc::new(target), samples()).outside(Arc::new(Work(folder)));
    Ok(subject.patience(Duration::from_secs(60)))
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_is_keyed() {
    conformance::target(subject).run().await.assert_earned(RecoveryClass::Keyed);
}

#[tokio::test]
async fn the_renderer_of_root_modules_keeps_the_contract() {
    let render = || async {
        let app = "module \"part\" {\n  source = \"../modules/part\"\n}\n";
        let files = [
            ("app/main.tf", app),
            ("app/app.tfvars", "size = 2\n"),
            ("modules/part/main.tf", &main_tf(1)),
            ("README", ""),
        ];
        Ok(RenderSubject::new(
            "root modules",
            Arc::new(TerraformRender::new("tf")),
            files.map(|(path, text)| (path, text.to_owned())),
        ))
    };
    conformance::render(render).run().await.assert_passed();
}
