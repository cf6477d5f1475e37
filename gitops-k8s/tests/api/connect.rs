use std::io::Read;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Scope, Target};
use gitops_k8s::{Cluster, Connection, Kubernetes};
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

/// An administrator whose token a shell script gives.
fn by_script(script: &str) -> Connection {
    let text = ApiServer::shared().kubeconfig(User::Admin);
    let arguments = serde_json::json!(["-c", script]);
    let program = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: {arguments}}}"
    );
    Connection::kubeconfig(text.replace("token: token-of-admin", &program)).allow_exec()
}

async fn look(cluster: Cluster) -> gitops_core::Result<()> {
    let target = Kubernetes::builder(cluster, "a").build()?;
    let key = gitops_core::Key::new("k", gitops_core::GroupKind::new("", "ConfigMap"), "default", "a");
    target.observe(&Cx::system(), &[key].into_iter().collect::<Scope>()).await.map(drop)
}

#[tokio::test]
async fn a_token_that_the_server_refuses_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        r#"cd {}; echo x >> runs; [ $(wc -l < runs) = 1 ] && token=old || token=token-of-admin
        echo "{{\"kind\": \"ExecCredential\", \"status\": {{\"token\": \"$token\"}}}}""#,
        folder.path().display(),
    );
    let cluster = by_script(&script).connect(&Cx::system()).await.unwrap();
    let error = look(cluster.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    for _ in 0..3 {
        look(cluster.clone()).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("runs")).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_program_that_gives_no_credentials_in_time_is_killed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let alive = folder.path().join("alive");
    assert!(std::process::Command::new("mkfifo").arg(&alive).status().unwrap().success());
    let connection = by_script(&format!("exec 3> {}; sleep 3600 & sleep 3600", alive.display()));
    let cx = Cx::system();
    // The pipe can be opened once the program has it, and is at its end once everybody who had it is gone.
    let seen = tokio::task::spawn_blocking({
        let cx = cx.clone();
        move || {
            std::fs::File::open(&alive).and_then(|mut file| {
                cx.cancel();
                file.read_to_end(&mut Vec::new())
            })
        }
    });
    let error = connection.connect(&cx).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Cancelled, false), "{error}");
    seen.await.unwrap().unwrap();
    let hurried = Cx::system().within(Duration::from_secs(1));
    let error = by_script("sleep 3600").connect(&hurried).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Timeout, false), "{error}");
    assert!(error.to_string().contains("`sh` gave no credentials in time"), "{error}");
}

#[tokio::test]
async fn a_program_that_fails_is_quoted_for_what_it_complains_of_only() {
    let error = by_script("echo hunter2; echo 'log in first' >&2; exit 3").connect(&Cx::system()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.help_text(), Some("it said: log in first"));
    assert!(
        error.to_string().contains("`sh`") && !format!("{error:#} {error:?}").contains("hunter2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_or_asks_a_person_is_told_before_anything_else() {
    let connect = async |from: &str, to: &str| {
        Connection::kubeconfig(EXEC.replace(from, to)).allow_exec().connect(&Cx::system()).await.unwrap_err()
    };
    let absent =
        connect("command: sleep", "command: no-such-program, installHint: get it at the counter").await;
    assert_eq!(absent.help_text(), Some("get it at the counter"));
    let asking = connect("command: sleep", "interactiveMode: Always, command: sleep").await;
    assert_eq!(asking.kind(), ErrorKind::Unsupported, "{asking}");
    let older = connect("k8s.io/v1,", "k8s.io/v1alpha1,").await;
    assert!(older.to_string().contains("apiVersion"), "{older}");
    let provider = connect(
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['3600']}",
        "auth-provider: {name: gcp, config: {}}",
    )
    .await;
    assert!(provider.to_string().contains("auth-provider"), "{provider}");
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
async fn a_kubeconfig_that_lacks_something_is_named_and_says_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let connect = async |context: &str| {
        let connection = Connection::kubeconfig_file(&path).context(context);
        connection.connect(&Cx::system()).await.unwrap_err()
    };
    let absent = connect("c").await;
    assert!(absent.to_string().contains(&path.display().to_string()), "{absent}");
    std::fs::write(&path, EXEC).unwrap();
    let error = connect("prod").await;
    assert!(error.to_string().ends_with("config has no context `prod`"), "{error}");
    assert_eq!(error.help_text(), Some("it has: c"));
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
        let cluster = Connection::kubeconfig(text).connect(&Cx::system()).await.unwrap();
        look(cluster).await.unwrap_err()
    };
    let wrong_token = server.kubeconfig(User::Admin).replace("token-of-admin", "expired");
    assert_eq!(observe(wrong_token).await.kind(), ErrorKind::Unauthenticated);
    let no_authority = server.kubeconfig_by(&server.url(), User::Admin);
    let error = observe(no_authority).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("certificate"), "{error}");
}
