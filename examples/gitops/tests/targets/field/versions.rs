//! Definitions and the versions that they have served.

use serde_json::Value as Json;

use crate::Cluster;

/// A definition with some versions served, the last of which is stored, and an object in one of them.
fn thing(cluster: &Cluster, served: &[&str], version: &str, size: u32) -> String {
    let group = format!("{}.example", cluster.namespace);
    let version_of = |name: &&str| {
        let stored = served.last() == Some(name);
        format!(
            "  - name: {name}\n    served: true\n    storage: {stored}\n    schema:\n      openAPIV3Schema:\n        \
             {{ type: object, properties: {{ spec: {{ type: object, properties: {{ size: {{ type: integer }} }} }} }} }}\n"
        )
    };
    let versions: String = served.iter().map(version_of).collect();
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: things.{group} }}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{ kind: Thing, plural: things, singular: thing }}\n  \
         versions:\n{versions}---\napiVersion: {group}/{version}\nkind: Thing\nmetadata: {{ name: t }}\nspec: {{ size: {size} }}\n"
    )
}

/// Met with the upgrade of an operator: the first `apply` ended with 1, for the version was not served when it was planned, and the
/// second one with 0.
#[tokio::test]
async fn a_definition_and_an_object_in_its_new_version_are_applied_at_once() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let world = &cluster.world;
    world.commit("Begin", &[("a.yaml", Some(&thing(&cluster, &["v1beta1"], "v1beta1", 1)))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Upgrade", &[("a.yaml", Some(&thing(&cluster, &["v1beta1", "v1"], "v1", 2)))]);
    world.gitops(&["plan"]).expect(0).says("apiVersion").says("spec/size 1 → 2");
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    let uri = format!("/apis/{0}.example/v1/namespaces/{0}/things/t", cluster.namespace);
    assert_eq!(cluster.admin.get(&uri).await.unwrap()["spec"]["size"], 2);
    let other = thing(&cluster, &["v1beta1", "v1"], "v2", 3);
    world.commit("Mistake", &[("a.yaml", Some(&other))]);
    world.gitops(&["plan"]).expect(1).says("does not serve").says("v2").says("it serves: ");
}

/// The same in one kustomization, which names the object before its definition.
#[tokio::test]
async fn a_definition_and_an_object_of_it_in_one_kustomization_are_applied_at_once() {
    let cluster = Cluster::new().await;
    let program = std::env::var("GITOPS_KUSTOMIZE").expect("`cargo xtask test` names kustomize");
    cluster.configure("shop", &format!("    render: [{{ kustomize: {{ path: ., program: {program} }} }}]\n"));
    let both = thing(&cluster, &["v1"], "v1", 1);
    let (definition, object) = both.split_once("---\n").unwrap();
    let world = &cluster.world;
    world.commit(
        "Begin",
        &[
            ("a-thing.yaml", Some(object)),
            ("definition.yaml", Some(definition)),
            ("kustomization.yaml", Some("resources: [a-thing.yaml, definition.yaml]\n")),
        ],
    );
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 2 changes");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0).says("Synced  Healthy");
    world.commit(
        "Remove",
        &[("a-thing.yaml", None), ("kustomization.yaml", Some("resources: [definition.yaml]\n"))],
    );
    world.gitops(&["apply", "--yes"]).expect(0).says("1 to delete").says("Applied: 1 change");
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

/// A new object in a version that its definition, which is new too, does not have served.
#[tokio::test]
async fn a_version_that_no_definition_serves_is_refused_at_the_plan() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    cluster.world.commit("Begin", &[("a.yaml", Some(&thing(&cluster, &["v1"], "v2", 1)))]);
    cluster
        .world
        .gitops(&["plan"])
        .expect(1)
        .says("in the same revision does not have")
        .says("it has served: v1");
}

/// Met with a definition that was deleted: after its end, `status` counted it as ours and being deleted until the next apply.
#[tokio::test]
async fn what_was_deleted_is_none_of_ours_as_soon_as_it_is_gone() {
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let world = &cluster.world;
    let keep = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: stays }\n";
    let things = thing(&cluster, &["v1"], "v1", 1);
    world.commit("Begin", &[("a.yaml", Some(&things)), ("b.yaml", Some(keep))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Remove", &[("a.yaml", None)]);
    let plan = world.plan_id();
    world.gitops(&["apply", "--plan-id", &plan]).expect(0);
    let definition = format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{}.example",
        cluster.namespace
    );
    while cluster.admin.get(&definition).await.is_some() {}
    let status: Json = world.json(&["status"]);
    assert_eq!((&status["owned"], &status["deleting"]), (&1.into(), &0.into()), "{status}");
}
