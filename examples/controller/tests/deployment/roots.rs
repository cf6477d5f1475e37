//! Roots, charts and kustomizations under a controller: what one replica made, the next one goes on with, though nothing of the
//! first one's disk is left.

use serde_json::Value as Json;

use super::{Controller, World};

fn program(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask test`"))
}

fn config(home: &str, backend: &str) -> String {
    let (tofu, helm, kustomize) =
        (program("GITOPS_TOFU"), program("GITOPS_HELM"), program("GITOPS_KUSTOMIZE"));
    format!(
        "sync: {{ interval: 1s }}
source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}
state: {{ kubernetes: {{ namespace: {home} }} }}
applications:
- name: {home}
  targets:
    infra: {{ path: infra, terraform: {{ binary: {tofu}, removal: destroy, backend: {backend} }} }}
    k8s:
      path: k8s
      kubernetes:
        kubeconfig: ./kubeconfig
        namespace: {home}
        namespaces: [{home}]
        outputs: {{ ID: \"infra:Root/-/infra/net#id\", SIZE: \"infra:Root/-/infra/net#size\" }}
        render:
        - helm: {{ path: chart, release: r, program: {helm} }}
        - kustomize: {{ path: overlay, program: {kustomize} }}
        - manifests: {{ path: maps }}
"
    )
}

/// A cluster whose namespace is the home and the target of an application of the same name.
async fn world(home: &str, backend: &str) -> World {
    let world = World::empty().await;
    world.kubectl(&["create", "namespace", home]);
    std::fs::write(world.path("gitops.yaml"), config(home, backend)).unwrap();
    commit(&world, "1");
    world
}

fn map(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ {data} }}\n")
}

/// A root, what it makes in a manifest, and a chart and a kustomization, all of one value.
fn commit(world: &World, value: &str) {
    let main = format!(
        "resource \"terraform_data\" \"net\" {{ input = \"{value}\" }}\n\
         output \"id\" {{ value = terraform_data.net.id }}\n\
         output \"size\" {{ value = terraform_data.net.output }}\n"
    );
    let other = "resource \"terraform_data\" \"other\" {}\n".to_owned();
    let files = [
        ("infra/net/main.tf", main),
        ("infra/other/main.tf", other),
        ("k8s/chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n".to_owned()),
        ("k8s/chart/values.yaml", format!("size: \"{value}\"\n")),
        ("k8s/chart/templates/map.yaml", map("charted", "x: {{ .Values.size | quote }}")),
        ("k8s/overlay/kustomization.yaml", "resources: [map.yaml]\n".to_owned()),
        ("k8s/overlay/map.yaml", map("layered", &format!("x: \"{value}\""))),
        ("k8s/maps/web.yaml", map("web", "x: \"${SIZE}\", id: \"${ID}\"")),
    ];
    for (name, content) in files {
        let path = world.path("repository").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    world.git(&["-C", "repository", "add", "-A"]);
    world.git(&["-C", "repository", "commit", "-q", "-m", value]);
}

impl World {
    fn until_all(&self, home: &str, value: &str) {
        for name in ["charted", "layered", "web"] {
            self.until_in(home, name, value);
        }
    }

    async fn map(&self, home: &str, name: &str) -> Json {
        self.admin.get(&format!("/api/v1/namespaces/{home}/configmaps/{name}")).await.unwrap()
    }
}

impl Controller {
    /// The metrics, once they say something of an application; fails after two minutes.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn until_measured(&self, wanted: &str) -> String {
        let mut metrics = String::new();
        for _ in 0..600 {
            metrics = self.ask("/metrics").await;
            if metrics.contains(wanted) {
                return metrics;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        panic!("{wanted} is not in:\n{metrics}");
    }
}

/// What was kept of a root lay in the pod's own folder, which no other replica has.
#[tokio::test]
async fn roots_whose_states_are_in_the_cluster_are_gone_on_with_by_the_next_replica() {
    let home = "roots";
    let world = world(home, "managed").await;
    let first = Controller::start(&world, "first").await;
    world.until_all(home, "1");
    first.until_measured(r#"result="converged""#).await;
    assert_eq!(first.stop().await, Some(0));
    std::fs::remove_dir_all(world.path("first")).unwrap();
    let before = world.map(home, "web").await;

    let second = Controller::start(&world, "second").await;
    let metrics = second.until_measured("gitops_converged_timestamp_seconds{").await;
    assert!(!metrics.contains("gitops_changes_total{"), "{metrics}");
    assert_eq!(world.map(home, "web").await, before);
    commit(&world, "2");
    world.until_all(home, "2");
    let after = world.map(home, "web").await;
    assert_eq!(after["data"]["id"], before["data"]["id"], "the resource was made anew");
    assert_eq!(second.stop().await, Some(0));
}

/// A state that a root keeps in a file goes with the pod: nothing is made anew by a replica that has none of it, and it says why.
#[tokio::test]
async fn roots_whose_states_were_in_the_folder_of_a_pod_are_blocked_and_not_made_anew() {
    let home = "local-roots";
    let world = world(home, "{ local: { path: \"./states/{root}.tfstate\" } }").await;
    let first = Controller::start(&world, "first").await;
    world.until_all(home, "1");
    first.until_measured(r#"result="converged""#).await;
    assert_eq!(first.stop().await, Some(0));
    for folder in ["first", "states"] {
        std::fs::remove_dir_all(world.path(folder)).unwrap();
    }
    let mut second = Controller::start(&world, "second").await;
    second.until_said("its state is gone").await;
    let metrics = second.until_measured(r#"obstacle="fault"} 2"#).await;
    assert!(!metrics.contains("gitops_changes_total{"), "{metrics}");
    assert!(!world.path("states/infra/net.tfstate").exists());
    assert_eq!(second.stop().await, Some(0));
}
