//! What a cluster, its policies or its connection refuse, as the command tells it: the message and the exit code.

use std::process::Stdio;

use serde_json::json;
use testbed::{Answer, ApiServer, Webhook};

use crate::support::{Ran, World};
use crate::{AGENT, Cluster};

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"1\" }}\n")
}

async fn cluster() -> Cluster {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// Has a webhook asked about the namespace, and waits until the server does so.
async fn ask(cluster: &Cluster, answer: Answer) -> Webhook {
    let webhook = Webhook::start(answer).await;
    let name = &cluster.namespace;
    cluster.admin.post(WEBHOOKS, &webhook.configuration(name, name)).await;
    let probe = json!({ "metadata": { "name": "probe" } });
    let uri = format!("{}?dryRun=All", cluster.config_map("").trim_end_matches('/'));
    while cluster.admin.send("POST", &uri, "application/json", &probe).await.0 == 201 {}
    webhook
}

#[tokio::test]
async fn a_policy_that_refuses_is_quoted_and_the_rest_goes_on() {
    let cluster = cluster().await;
    let _webhook = ask(&cluster, Answer::Refuse("every object names its owner")).await;
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web }\n";
    let files = [("web.yaml", Some(&*config_map("web"))), ("account.yaml", Some(account))];
    cluster.world.commit("Begin", &files);
    let ran = cluster.run(&["apply", "--yes"]).await.expect(1);
    ran.says("ConfigMap/")
        .warns("web.yaml:1")
        .warns("policy.example.org")
        .warns("every object names its owner");
    let account = format!("/api/v1/namespaces/{}/serviceaccounts/web", cluster.namespace);
    assert!(cluster.admin.get(&account).await.is_some(), "what is not refused is applied");
    cluster.admin.delete(&format!("{WEBHOOKS}/{}", cluster.namespace)).await;
}

#[tokio::test]
async fn a_policy_that_does_not_answer_is_named_and_the_next_run_goes_on() {
    let cluster = cluster().await;
    let _webhook = ask(&cluster, Answer::Never).await;
    cluster.world.commit("Begin", &[("web.yaml", Some(&config_map("web")))]);
    cluster.run(&["apply", "--yes"]).await.expect(1).warns("policy.example.org");
    assert_eq!(cluster.value("web", "x").await, None);
    cluster.admin.delete(&format!("{WEBHOOKS}/{}", cluster.namespace)).await;
    let probe = json!({ "metadata": { "name": "probe" } });
    let uri = format!("{}?dryRun=All", cluster.config_map("").trim_end_matches('/'));
    while cluster.admin.send("POST", &uri, "application/json", &probe).await.0 != 201 {}
    cluster.run(&["apply", "--yes"]).await.expect(0);
    assert_eq!(cluster.value("web", "x").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "");
    let quotas = format!("/api/v1/namespaces/{}/resourcequotas", cluster.namespace);
    // One for the map that a controller puts into every namespace.
    let hard = json!({ "count/configmaps": "2" });
    cluster.admin.post(&quotas, &json!({ "metadata": { "name": "small" }, "spec": { "hard": hard } })).await;
    let quota = format!("{quotas}/small");
    while cluster.admin.get(&quota).await.unwrap()["status"]["used"]["count/configmaps"] != "1" {}
    let files = [("a.yaml", Some(&*config_map("a"))), ("b.yaml", Some(&*config_map("b")))];
    cluster.world.commit("Begin", &files);
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    let ran = ran.warns("exceeded quota: small").warns("count/configmaps").warns("  = help: raise the quota");
    ran.says("  = help: raise the quota, or declare less\n");
    let again = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    again.warns("exceeded quota: small").warns("raise the quota, or declare less");
    let there = [cluster.value("a", "x").await, cluster.value("b", "x").await];
    assert_eq!(there.iter().flatten().count(), 1, "one fits: {there:?}");
}

#[tokio::test]
async fn an_object_in_a_namespace_that_goes_away_is_refused_with_the_reason() {
    let cluster = cluster().await;
    cluster.world.commit("Begin", &[("a.yaml", Some(&config_map("a")))]);
    cluster.admin.delete(&format!("/api/v1/namespaces/{}", cluster.namespace)).await;
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    ran.says("ConfigMap/").says("is being deleted, with all that is in it");
}

/// The server goes away in the middle of an apply, and comes back with what it stored.
#[tokio::test]
async fn a_server_that_restarts_in_the_middle_is_told_and_the_next_run_goes_on() {
    const OBJECTS: usize = 300;
    let server = ApiServer::start();
    let cluster = Cluster::on(&server).await;
    cluster.configure("shop", "");
    let all: Vec<String> = (0..OBJECTS).map(|n| format!("---\n{}", config_map(&format!("o-{n}")))).collect();
    cluster.world.commit("Begin", &[("all.yaml", Some(&all.concat()))]);
    let writes = || server.requests(AGENT).iter().filter(|request| request.writes()).count();
    let mut apply = cluster.world.command(&["apply", "--yes"]);
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while writes() < 20 {
        tokio::task::yield_now().await;
    }
    server.kill();
    let ran = Ran::from(apply.wait_with_output().unwrap()).expect(1);
    ran.warns("the API server can't be reached");
    server.revive();
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    let list = cluster.admin.get(cluster.config_map("").trim_end_matches('/')).await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), OBJECTS);
    let status = cluster.world.json(&["status"]);
    let counts = (status["owned"].as_u64(), status["unconfirmed"].as_u64());
    assert_eq!(counts, (Some(OBJECTS as u64), Some(0)), "{status}");
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
}

fn definition(group: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: things.{group} }}\n\
         spec:\n  group: {group}\n  scope: Namespaced\n  names: {{ kind: Thing, plural: things, singular: thing }}\n  \
         versions:\n    - name: v1\n      served: true\n      storage: true\n      \
         schema: {{ openAPIV3Schema: {{ type: object, x-kubernetes-preserve-unknown-fields: true }} }}\n"
    )
}

fn thing(cluster: &Cluster, group: &str, name: &str) -> String {
    let namespace = &cluster.namespace;
    format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{ name: {name}, namespace: {namespace} }}\n")
}

#[tokio::test]
async fn a_kind_that_is_deleted_under_its_objects_leaves_nothing_to_prune() {
    let cluster = cluster().await;
    let group = format!("{}.example", cluster.namespace);
    let (definition, a, b) = (definition(&group), thing(&cluster, &group, "a"), thing(&cluster, &group, "b"));
    let files = [("crd.yaml", Some(&*definition)), ("a.yaml", Some(&*a)), ("b.yaml", Some(&*b))];
    cluster.world.commit("Begin", &files);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 3 changes");
    let uri = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{group}");
    cluster.admin.delete(&uri).await;
    while cluster.admin.get(&uri).await.is_some() {}
    cluster.world.commit("Remove", &[("crd.yaml", None), ("a.yaml", None), ("b.yaml", None)]);
    cluster.world.commit("Go on", &[("c.yaml", Some(&config_map("c")))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    let status = cluster.world.json(&["status"]);
    assert_eq!((status["owned"].as_u64(), status["unconfirmed"].as_u64()), (Some(1), Some(0)), "{status}");
}

#[tokio::test]
async fn a_kind_that_nobody_defines_is_refused_and_one_that_comes_along_is_not() {
    let cluster = cluster().await;
    let group = format!("{}.example", cluster.namespace);
    let (definition, thing, map) = (definition(&group), thing(&cluster, &group, "t"), config_map("a"));
    cluster.world.commit("Begin", &[("t.yaml", Some(&thing)), ("a.yaml", Some(&map))]);
    let ran = cluster.world.gitops(&["apply", "--yes"]).expect(1);
    ran.warns("t.yaml:2").warns("the server does not know the kind Thing");
    assert_eq!(cluster.value("a", "x").await.as_deref(), Some("1"), "the rest is applied");
    cluster.world.commit("Define", &[("crd.yaml", Some(&definition))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
}

#[tokio::test]
async fn manifests_that_no_cluster_takes_are_refused_where_they_are_written() {
    let cluster = cluster().await;
    let large = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: large }}\ndata: {{ x: {} }}\n",
        "x".repeat(1 << 20)
    );
    let cases: [(&str, &str, &str); 3] = [
        ("large", &large, "limit: 1048576"),
        ("twice", &config_map("a"), "a.yaml:1"),
        ("nameless", "apiVersion: v1\nmetadata: { name: a }\n", "`kind` is missing"),
    ];
    cluster.world.commit("Begin", &[("a.yaml", Some(&config_map("a")))]);
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    for (name, text, says) in cases {
        let file = format!("{name}.yaml");
        cluster.world.commit("Break", &[(&file, Some(text))]);
        cluster.world.gitops(&["apply", "--yes"]).expect(1).warns(name).warns(says);
        cluster.world.commit("Mend", &[(&file, None)]);
    }
    cluster.world.gitops(&["apply", "--yes"]).expect(0).says("No changes");
}

#[tokio::test]
async fn a_connection_that_is_not_to_be_trusted_is_told_apart() {
    let cluster = cluster().await;
    cluster.world.commit("Begin", &[("a.yaml", Some(&config_map("a")))]);
    let path = cluster.world.path("kubeconfig");
    let kubeconfig = std::fs::read_to_string(&path).unwrap();
    let change = |from: &str, to: &str| {
        assert!(kubeconfig.contains(from));
        kubeconfig.replace(from, to)
    };
    let authority = kubeconfig.lines().find(|line| line.contains("certificate-authority")).unwrap();
    let program = "exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['3600']}";
    let cases = [
        (change("token: token-of-admin", program), 1, "names a program to run"),
        (change("token-of-admin", "expired"), 4, "Unauthorized"),
        (change(authority, ""), 1, "certificate"),
        (change("https://127.0.0.1:", "https://127.0.0.1:1"), 1, "can't be reached"),
    ];
    for (text, code, says) in cases {
        std::fs::write(&path, text).unwrap();
        cluster.world.gitops(&["apply", "--yes"]).expect(code).warns(says);
    }
    assert_eq!(cluster.value("a", "x").await, None);
}

#[tokio::test]
async fn a_namespace_that_does_not_end_says_what_holds_it_and_the_rest_goes() {
    let cluster = Cluster::on(ApiServer::controlled()).await;
    cluster.configure("shop", "    ready_timeout: 5s\n");
    let (world, name) = (&cluster.world, format!("{}-gone", cluster.namespace));
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n");
    let (a, b) = (config_map("a"), config_map("b"));
    world.commit("Begin", &[("n.yaml", Some(&namespace)), ("a.yaml", Some(&a)), ("b.yaml", Some(&b))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    // Another client's, which is not let go.
    let uri = format!("/api/v1/namespaces/{name}");
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.org/hold"] } });
    cluster.admin.post(&format!("{uri}/configmaps"), &held).await;

    world.commit("Remove", &[("n.yaml", None), ("b.yaml", None)]);
    world.gitops(&["apply", "--yes"]).expect(3).warns("--plan-id");
    let plan = world.json(&["plan"])["plan_id"].as_str().unwrap().to_owned();
    let ran = world.gitops(&["apply", "--plan-id", &plan]).expect(6);
    ran.says("held by kubernetes").says("it is stuck since");
    assert_eq!(cluster.value("b", "x").await, None, "what can go is gone");
    while !cluster.admin.get(&uri).await.unwrap().to_string().contains("has 1 resource instances") {}
    let status = world.json(&["status"]);
    let reason = status["unready"][0]["reason"].as_str().unwrap();
    for says in
        ["held by kubernetes; ", "configmaps. has 1 resource instances", "example.org/hold in 1 resource"]
    {
        assert!(reason.contains(says), "{status}");
    }
    assert!(!status["unready"][0]["state"].is_null() && status["deleting"] == 1, "{status}");

    let free = json!({ "metadata": { "finalizers": null } });
    cluster.admin.merge(&format!("{uri}/configmaps/held"), &free).await;
    while cluster.admin.get(&uri).await.is_some() {}
    world.gitops(&["apply", "--yes"]).expect(0);
    let status = world.json(&["status"]);
    assert_eq!((&status["owned"], &status["deleting"]), (&json!(1), &json!(0)), "{status}");
}

#[tokio::test]
async fn a_kubeconfigs_program_gives_the_token_where_it_is_allowed() {
    let cluster = cluster().await;
    cluster.world.commit("Begin", &[("a.yaml", Some(&config_map("a")))]);
    let path = cluster.world.path("kubeconfig");
    let kubeconfig = std::fs::read_to_string(&path).unwrap();
    let answer = r#"{"kind": "ExecCredential", "status": {"token": "token-of-admin"}}"#;
    let program =
        format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: echo, args: ['{answer}']}}");
    std::fs::write(&path, kubeconfig.replace("token: token-of-admin", &program)).unwrap();
    cluster.world.gitops(&["apply", "--yes"]).expect(1).warns("allow it: `allow_exec`");
    let file = cluster.world.path("gitops.yaml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("kubernetes:", "kubernetes:\n    allow_exec: true")).unwrap();
    cluster.world.gitops(&["apply", "--yes"]).expect(0);
    assert!(cluster.value("a", "x").await.is_some());
}

#[test]
fn without_a_kubeconfig_it_is_the_pods_account_that_counts() {
    let world = World::empty();
    world.commit("Begin", &[("a.yaml", Some(&config_map("a")))]);
    world.configure(
        "name: a\nsource:\n  git: { url: ./site.git, ref: { branch: main } }\ntarget:\n  kubernetes: {}\n",
    );
    let run =
        |command: &mut std::process::Command| Ran::from(command.env_remove("KUBECONFIG").output().unwrap());
    let outside = run(&mut world.command(&["plan"]));
    outside.expect(1).warns("the kubeconfig of KUBECONFIG or ~/.kube/config can't be used");
    let in_a_pod = run(world.command(&["plan"]).env("KUBERNETES_SERVICE_HOST", "127.0.0.1"));
    in_a_pod.expect(1).warns("this does not run in a pod with a service account");
}
