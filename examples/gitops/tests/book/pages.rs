use std::path::{Path, PathBuf};

use testbed::{ApiServer, Gitea, User};

use crate::follow::{Place, follow};
use crate::kubectl::Kubectl;
use crate::page;

/// Pages that have commands and are not followed here, and what runs the commands instead.
const ELSEWHERE: [(&str, &str); 1] = [("review.md", "tests/forge, on a real forge")];

#[test]
fn every_page_with_commands_is_followed_or_says_why_not() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let names =
        std::fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_page = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "md");
    let has_commands = |name: &String| is_page(name) && page(name).contains("```console");
    for name in names.filter(has_commands) {
        let is_followed = include_str!("pages.rs").contains(&format!("follow(\"{name}\""));
        let is_elsewhere = ELSEWHERE.iter().any(|(other, _)| *other == name);
        let says_why = page(&name).contains("not run by the tests:");
        assert!(is_followed || is_elsewhere || says_why, "nobody runs the commands of {name}");
    }
}

#[test]
fn every_command_of_the_first_folder_prints_what_the_page_says() {
    follow("tutorial.md", 20, &Place::default());
}

#[test]
fn every_command_of_the_page_on_installation_prints_what_the_page_says() {
    follow("install.md", 6, &Place::default());
}

#[test]
fn every_command_of_the_page_on_targets_prints_what_the_page_says() {
    follow("targets.md", 10, &Place::default());
}

#[test]
fn every_command_of_the_page_on_credentials_prints_what_the_page_says() {
    follow("credentials.md", 5, &Place::default());
}

#[test]
fn every_command_of_the_page_on_operation_prints_what_the_page_says() {
    follow("operate.md", 20, &Place::default());
}

#[test]
fn every_command_of_the_page_on_gates_prints_what_the_page_says() {
    follow("gates.md", 15, &Place::default());
}

#[test]
fn every_command_of_the_first_cluster_prints_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, ApiServer::shared().kubeconfig(User::Admin)).unwrap();
    let kubectl = Some(Kubectl::new());
    let place = Place { env: vec![("KUBECONFIG", kubeconfig.into())], kubectl, ..Place::default() };
    follow("first-cluster.md", 20, &place);
}

#[test]
fn every_command_of_the_first_root_prints_what_the_page_says() {
    let tofu: PathBuf = std::env::var_os("GITOPS_TOFU")
        .expect("this test needs tofu: run `cargo xtask test`, which builds it")
        .into();
    let programs = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(tofu, programs.path().join("tofu")).unwrap();
    let place = Place { programs: vec![programs.path().to_owned()], ..Place::default() };
    follow("first-root.md", 15, &place);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_first_merge_request_prints_what_the_page_says() {
    let gitea = Gitea::start().await;
    let env = gitea.playground().await.into_iter().map(|(name, value)| (name, value.into())).collect();
    // An address that the forge knows no account of, as a reader's own is.
    let place = Place { env, email: Some("reader@home.example"), ..Place::default() };
    let followed = tokio::task::spawn_blocking(move || follow("first-merge-request.md", 12, &place));
    followed.await.unwrap();
}
