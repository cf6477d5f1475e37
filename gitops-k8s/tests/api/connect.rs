use gitops_core::{Cx, ErrorKind, Scope, Target};
use gitops_k8s::{Connection, Kubernetes};
use testbed::{ApiServer, User};

use crate::support::World;

const EXEC: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
    clusters:\n- name: c\n  cluster: {server: 'https://127.0.0.1:1'}\n\
    users:\n- name: u\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['3600']}}\n\
    contexts:\n- name: c\n  context: {cluster: c, user: u}\n";

#[tokio::test]
async fn a_program_in_a_kubeconfig_is_not_run() {
    let error = Connection::kubeconfig(EXEC).connect(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.help_text().unwrap().contains("allow_exec"), "{error}");
}

#[tokio::test]
async fn a_server_without_a_certificate_is_not_trusted() {
    let insecure = EXEC.replace(
        "{server: 'https://127.0.0.1:1'}",
        "{server: 'https://a.example', insecure-skip-tls-verify: true}",
    );
    let plain = EXEC.replace("https://127.0.0.1:1", "http://a.example");
    for text in [insecure, plain] {
        let text = text.replace(
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['3600']}",
            "token: t",
        );
        let error = Connection::kubeconfig(text).connect(&Cx::system()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    }
}

#[tokio::test]
async fn a_damaged_kubeconfig_is_not_quoted() {
    let text = "users:\n- name: u\n  user: {token: hunter2, : }\n  x";
    let error = Connection::kubeconfig(text).connect(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error:#}");
}

#[tokio::test]
async fn an_empty_name_to_act_as_is_refused() {
    let text = ApiServer::shared().kubeconfig(User::Admin);
    let error = Connection::kubeconfig(text).impersonate(" ").connect(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn an_impersonated_user_has_that_users_rights() {
    let world = World::by("act-as", |server, _| {
        Connection::kubeconfig(server.kubeconfig(User::Admin)).impersonate("tenant-9")
    });
    let world = world.await;
    let object = world.config_map("a", serde_json::json!({}));
    let error = world.target().apply(&world.cx, &crate::support::create(&object, "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(!error.is_unknown() && error.to_string().contains("tenant-9"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_authority_are_told_apart() {
    let server = ApiServer::shared();
    let observe = async |text: String| {
        let cx = Cx::system();
        let cluster = Connection::kubeconfig(text).connect(&cx).await.unwrap();
        let target = Kubernetes::builder(cluster, "a").build().unwrap();
        let key = gitops_core::Key::new("k", gitops_core::GroupKind::new("", "ConfigMap"), "default", "a");
        target.observe(&cx, &[key].into_iter().collect::<Scope>()).await.unwrap_err()
    };
    let wrong_token = server.kubeconfig(User::Admin).replace("token-of-admin", "expired");
    assert_eq!(observe(wrong_token).await.kind(), ErrorKind::Unauthenticated);
    let no_authority = server.kubeconfig_by(&server.url(), User::Admin);
    let error = observe(no_authority).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("certificate"), "{error}");
}
