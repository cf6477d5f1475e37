//! What a controller keeps at work when one of its applications, or a changed configuration, can't be used.

use gitops_core::AuditEvent;
use testbed::ApiServer;

use super::{Controller, World, config_map};

const NAMES: [&str; 3] = ["network", "page", "shop"];

/// Three applications: `network` logs in with a file that is not there, and `shop` needs it.
fn config(home: &str) -> String {
    let applications = NAMES.map(|name| {
        let (needs, kubeconfig) = match name {
            "network" => ("[]", "./later"),
            "shop" => ("[network]", "./kubeconfig"),
            _ => ("[]", "./kubeconfig"),
        };
        format!(
            "- name: {name}\n  needs: {needs}\n  source: {{ git: {{ path: {name} }} }}\n  \
             target: {{ kubernetes: {{ kubeconfig: {kubeconfig}, namespace: {home}, namespaces: [{home}] }} }}\n"
        )
    });
    format!(
        "sync: {{ interval: 1s }}\n\
         source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\n\
         state: {{ kubernetes: {{ namespace: {home} }} }}\n\
         applications:\n{}",
        applications.concat()
    )
}

async fn world(home: &str) -> World {
    world_on(ApiServer::shared(), home).await
}

async fn world_on(server: &ApiServer, home: &str) -> World {
    let world = World::on(server).await;
    world.kubectl(&["create", "namespace", home]);
    std::fs::write(world.path("gitops.yaml"), config(home)).unwrap();
    declare(&world, "1");
    world
}

fn declare(world: &World, value: &str) {
    for name in NAMES {
        let folder = world.path("repository").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("web.yaml"), config_map(name, value)).unwrap();
    }
    world.git(&["-C", "repository", "add", "-A"]);
    world.git(&["-C", "repository", "commit", "-q", "-m", value]);
}

#[tokio::test]
async fn an_application_that_cannot_be_opened_is_tried_again_and_holds_only_who_needs_it() {
    let world = world("keeps").await;
    let mut controller = Controller::start(&world, "first").await;
    controller.until_said("can't be opened").await;
    world.until_in("keeps", "page", "1");
    let ready = controller.ask("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("network: can't be opened"), "{ready}");
    assert!(ready.contains("page: works"), "{ready}");
    let metrics = controller.ask("/metrics").await;
    let failed = r#"gitops_reconciliations_total{application="network",result="failed"}"#;
    assert!(metrics.contains(failed), "{metrics}");

    std::fs::copy(world.path("kubeconfig"), world.path("later")).unwrap();
    world.until_in("keeps", "network", "1");
    world.until_in("keeps", "shop", "1");
    let ready = controller.ask("/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let mut versions = Vec::new();
    for name in ["network", "shop"] {
        let found = world.admin.get(&format!("/api/v1/namespaces/keeps/configmaps/{name}")).await.unwrap();
        versions.push(found["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap());
    }
    assert!(versions[0] < versions[1], "`shop` was applied before what it needs: {versions:?}");
    assert_eq!(controller.stop().await, Some(0));
}

#[tokio::test]
async fn a_changed_configuration_whose_forge_cannot_be_opened_is_told_and_the_one_before_stays() {
    let world = world("reloads").await;
    std::fs::copy(world.path("kubeconfig"), world.path("later")).unwrap();
    let mut controller = Controller::start(&world, "first").await;
    world.until_in("reloads", "shop", "1");
    let forge = "forge: { gitea: { url: \"http://127.0.0.1:1\", repository: platform/site, auth: { token: { file: ./absent } } } }\n";
    std::fs::write(world.path("gitops.yaml"), forge.to_owned() + &config("reloads")).unwrap();
    controller.until_said("the one before is kept").await;
    declare(&world, "2");
    world.until_in("reloads", "shop", "2");
    // With its token it is taken over.
    std::fs::write(world.path("absent"), "secret").unwrap();
    controller.until_said("the configuration changed and is taken over").await;
    declare(&world, "3");
    world.until_in("reloads", "shop", "3");
    assert_eq!(controller.stop().await, Some(0));
}

/// It kept the lease for as long as it lived, and nobody else could go on.
#[tokio::test]
async fn who_cannot_open_an_application_leaves_it_to_who_can() {
    let world = world("leaves").await;
    let alone = config("leaves").replace("needs: [network]", "needs: []");
    std::fs::write(world.path("sick.yaml"), &alone).unwrap();
    std::fs::write(world.path("gitops.yaml"), alone.replace("./later", "./kubeconfig")).unwrap();
    let mut sick = Controller::start_of(&world, "sick.yaml", "sick").await;
    sick.until_said("can't be opened").await;
    let able = Controller::start(&world, "able").await;
    world.until_in("leaves", "network", "1");
    // What it can open stays with it.
    declare(&world, "2");
    for name in NAMES {
        world.until_in("leaves", name, "2");
    }
    let metrics = sick.ask("/metrics").await;
    assert!(metrics.contains(r#"gitops_leader{application="page"} 1"#), "{metrics}");
    assert_eq!(sick.stop().await, Some(0));
    assert_eq!(able.stop().await, Some(0));
}

/// How often each application's lease went from one holder to the next.
async fn transitions(world: &World, home: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for name in NAMES {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{home}/leases/gitops-{name}");
        found.push(world.admin.get(&path).await.unwrap()["spec"]["leaseTransitions"].as_u64().unwrap());
    }
    found
}

/// A change of one application's settings gave up the leases of all, and opened each of them anew.
#[tokio::test]
async fn what_a_changed_configuration_does_not_concern_goes_on_under_the_lease_that_it_has() {
    let world = world("changes").await;
    std::fs::copy(world.path("kubeconfig"), world.path("later")).unwrap();
    let mut controller = Controller::start(&world, "first").await;
    for name in NAMES {
        world.until_in("changes", name, "1");
    }
    let leases = async || transitions(&world, "changes").await;
    let mut before = leases().await;
    // `shop` needs `network`: they are in one group.
    for (at, changed, value) in [(1, "page", "2"), (2, "shop", "3")] {
        let named = format!("- name: {changed}\n");
        let text =
            config("changes").replace(&named, &format!("{named}  labels: {{ changed: \"{value}\" }}\n"));
        std::fs::write(world.path("gitops.yaml"), text).unwrap();
        controller.until_said("the configuration changed and is taken over").await;
        declare(&world, value);
        for name in NAMES {
            world.until_in("changes", name, value);
        }
        let after = leases().await;
        // The second change takes back the first one.
        let differ: Vec<usize> = (0..NAMES.len()).filter(|at| before[*at] != after[*at]).collect();
        assert_eq!(differ, if at == 1 { vec![1] } else { vec![1, 2] }, "{changed}: {before:?} {after:?}");
        before = after;
    }
    assert_eq!(controller.stop().await, Some(0));
}

/// How often the application began to apply something, and how often it came to an end.
async fn syncs(world: &World, home: &str, application: &str) -> (usize, usize) {
    let records = world.audited(home, application).await;
    let count = |is: fn(&AuditEvent) -> bool| records.iter().filter(|record| is(&record.entry.what)).count();
    (
        count(|event| matches!(event, AuditEvent::SyncStarted { .. })),
        count(|event| matches!(event, AuditEvent::SyncEnded { .. })),
    )
}

/// A change of who needs whom parts a group: its members are begun anew, each by itself. What another application has under way
/// goes on to its end, and is not begun again.
#[tokio::test]
async fn applications_are_grouped_anew_while_what_another_one_applies_is_under_way() {
    let home = "regroups";
    let world = world_on(ApiServer::controlled(), home).await;
    std::fs::copy(world.path("kubeconfig"), world.path("later")).unwrap();
    let waits = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: waits }\nspec:\n  selector: { matchLabels: { app: waits } }\n  \
                 template:\n    metadata: { labels: { app: waits }, annotations: { testbed/does: hang } }\n    spec: { containers: [{ name: web, image: nginx }] }\n";
    std::fs::write(world.path("repository/page/waits.yaml"), waits).unwrap();
    declare(&world, "1 and what waits");
    let mut controller = Controller::start(&world, "first").await;
    for name in ["network", "shop"] {
        world.until_in(home, name, "1 and what waits");
    }
    // Its pod is not ready before somebody says so: the apply is under way until then.
    let made = "--for=jsonpath={.status.updatedReplicas}=1";
    world.kubectl(&["wait", "--namespace=regroups", "deployment/waits", "--timeout=120s", "--for=create"]);
    world.kubectl(&["wait", "--namespace=regroups", "deployment/waits", "--timeout=120s", made]);
    assert_eq!(syncs(&world, home, "page").await, (1, 0));
    let before = transitions(&world, home).await;

    std::fs::write(world.path("gitops.yaml"), config(home).replace("[network]", "[]")).unwrap();
    controller.until_said("the configuration changed and is taken over").await;
    while transitions(&world, home).await.iter().zip(&before).filter(|(now, before)| now != before).count()
        < 2
    {}
    let after = transitions(&world, home).await;
    assert_eq!(after[1], before[1], "`page` keeps its lease: {before:?} {after:?}");
    // Each of the others is kept at work by itself.
    for name in ["network", "shop"] {
        let gone = format!("/api/v1/namespaces/{home}/configmaps/{name}");
        world.admin.delete(&gone).await;
        world.until_in(home, name, "1 and what waits");
    }
    assert_eq!(
        syncs(&world, home, "page").await,
        (1, 0),
        "what was under way is, and nothing was begun again"
    );

    let go_on = ["--selector=app=waits", "--overwrite", "testbed/does=go-on"];
    world.kubectl(&[&["annotate", "pods", "--namespace=regroups"], &go_on[..]].concat());
    while syncs(&world, home, "page").await != (1, 1) {}
    assert_eq!(transitions(&world, home).await[1], before[1]);
    assert_eq!(controller.stop().await, Some(0));
}
