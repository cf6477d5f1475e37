//! The backend as a file names it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use custom_backend::backends;
use custom_backend::protocol::{Reply, Request};
use gitops_app::config::Applications;
use gitops_app::diagnostic;
use gitops_app::session::{Access, Session};
use gitops_core::{ApplyOptions, Cx};

use support::Service;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]);
    let done = command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").status();
    assert!(done.expect("this test needs `git`").success(), "git {arguments:?}");
}

fn file(target: &str) -> String {
    format!(
        "name: settings\nsource: {{ git: {{ url: ./repository, ref: {{ branch: main }}, path: settings }} }}\n{target}\n"
    )
}

#[tokio::test]
async fn a_file_names_the_backend_by_its_key() {
    let (service, folder) = (Service::start(), tempfile::tempdir().unwrap());
    let repository = folder.path().join("repository");
    std::fs::create_dir_all(repository.join("settings")).unwrap();
    std::fs::write(repository.join("settings/greeting"), "hello").unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-q", "-m", "Begin"]);
    let path = folder.path().join("gitops.yaml");
    let target = format!("target: {{ key-value: {{ address: \"{}\" }} }}", service.client().address());
    std::fs::write(&path, file(&target)).unwrap();

    let cx = Cx::system();
    let applications = Applications::load(&path, &backends()).unwrap();
    let session = Session::builder(&applications.all[0]).access(Access::Write);
    let mut session = session.open(&cx).await.unwrap();
    let plan = session.engine.plan(&cx).await.unwrap();
    assert_eq!(plan.steps[0].key.to_string(), "key-value:Setting/-/greeting");
    let report = session.engine.apply(&cx, &plan, &ApplyOptions::by("alice")).await.unwrap();
    assert!(report.is_converged(), "{report:?}");
    let reply = service.client().ask(Request::Get { name: "greeting".into() }).await.unwrap();
    assert!(matches!(reply, Reply::Item { item, .. } if item.value == "hello"));
}

/// What is said of a file whose target is this.
fn drawn(target: &str) -> String {
    let error = Applications::parse(Path::new("gitops.yaml"), &file(target), &backends()).unwrap_err();
    anstream::adapter::strip_str(&diagnostic::draw_all(error.diagnostics())).to_string()
}

#[test]
fn faults_of_its_settings_are_drawn_like_any_other() {
    let text = drawn("target: { key-value: { adress: x, port: 7 } }");
    assert!(text.contains("error[GO0106]: unknown key `adress` in `key-value`"), "{text}");
    assert!(text.contains("--> gitops.yaml:3:24") && text.contains("did you mean `address`?"), "{text}");
    assert!(text.contains("error[GO0107]: `key-value` needs the key `address`"), "{text}");
    let text = drawn("target: { key-value: { address: 7000 } }");
    assert!(text.contains("error[GO0109]: `address` must be text, not a number"), "{text}");
    let text = drawn("target: { key-valeu: {} }");
    assert!(text.contains("did you mean `key-value`?"), "{text}");
}
