//! What a controller keeps at work when one of its applications, or a changed configuration, can't be used.

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
    let world = World::empty().await;
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

/// A change of one application's settings gave up the leases of all, and opened each of them anew.
#[tokio::test]
async fn what_a_changed_configuration_does_not_concern_goes_on_under_the_lease_that_it_has() {
    let world = world("changes").await;
    std::fs::copy(world.path("kubeconfig"), world.path("later")).unwrap();
    let mut controller = Controller::start(&world, "first").await;
    for name in NAMES {
        world.until_in("changes", name, "1");
    }
    let leases = async || {
        let mut found = Vec::new();
        for name in NAMES {
            let path = format!("/apis/coordination.k8s.io/v1/namespaces/changes/leases/gitops-{name}");
            found.push(world.admin.get(&path).await.unwrap()["spec"]["leaseTransitions"].as_u64().unwrap());
        }
        found
    };
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
