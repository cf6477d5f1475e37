use std::sync::Arc;

use gitops_core::{
    ApplyOptions, ErrorKind, GroupKind, Key, Live, Object, Ownership, Taken, Target, Uid, Value, Verdict,
    Version, Whose,
};
use gitops_k8s::{Connection, Kubernetes};
use serde_json::json;
use testbed::User;

use crate::engine::{App, config_map};
use crate::support::{World, create, define, definition, owner_label};

async fn takes(world: &World, target: &Kubernetes, key: &Key) -> Vec<Taken> {
    let mut live = world.observe(target, key).await.unwrap();
    live.ownership = Ownership::Owner(owner_label("").owner.to_string());
    target.dry_run().unwrap().preview(&world.cx, key, None, Some(&live)).await.unwrap().takes
}

fn of<'a>(takes: &'a [Taken], kind: &str) -> Vec<(Whose, Option<usize>, &'a [String])> {
    let found = takes.iter().filter(|taken| taken.kind == kind);
    found.map(|taken| (taken.whose, taken.count, &*taken.names)).collect()
}

/// Where people met it: a chart took its definition along, and the objects of every other team with it.
#[tokio::test]
async fn the_deletion_of_a_definition_shows_whose_objects_go_and_needs_an_approval() {
    let world = World::new("blast-kind").await;
    let mut app = App::new(&world, world.target()).await;
    let group = format!("{}.example", world.namespace);
    let thing = |name: &str| json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": name}});
    app.files.declare([
        ("definition", definition(&group, false)),
        ("thing", thing("ours")),
        ("a", config_map("a", "1")),
    ]);
    app.apply(&world.cx).await;
    app.apply(&world.cx).await;
    let things = format!("/apis/{group}/v1/namespaces/default/things");
    world.admin.post(&things, &thing("of-another-team")).await;
    app.files.declare([("a", config_map("a", "1"))]);
    let plan = app.engine.plan(&world.cx).await.unwrap();
    let step = plan.steps.iter().find(|step| step.key.kind().kind() == "CustomResourceDefinition").unwrap();
    let kind = format!("Thing.{group}");
    let expected = [
        (Whose::Others, Some(1), &["default/of-another-team".to_owned()][..]),
        (Whose::Ours, Some(1), &[format!("{}/ours", world.namespace)][..]),
    ];
    assert_eq!(of(&step.takes, &kind), expected);
    let Verdict::NeedsApproval { messages } = app.engine.verdict(&world.cx, &plan) else {
        panic!("{plan:?}")
    };
    assert!(
        messages.iter().any(|note| note.gate == "blast-radius" && note.message.contains("of-another-team")),
        "{messages:?}"
    );
    let error = app.engine.apply(&world.cx, &plan, &ApplyOptions::by("tester")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval);

    world.admin.post(&things, &thing("come-since")).await;
    let error =
        app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap_err();
    assert!(error.is_stale(), "what was approved is not what would go: {error}");
    assert!(world.admin.get(&format!("{things}/of-another-team")).await.is_some());
}

/// Where people met it: a namespace left the source, with what other teams had put there by hand.
#[tokio::test]
async fn the_deletion_of_a_namespace_counts_what_others_have_in_it() {
    let world = World::new("blast-namespace").await;
    let target = world.target();
    target.apply(&world.cx, &create(&world.config_map("ours", json!({})), "1")).await.unwrap();
    let uri = |plural: &str| world.uri(plural, "").trim_end_matches('/').to_owned();
    let owner = world.admin.post(&uri("configmaps"), &config_map("theirs", "1")).await;
    let garbage = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": owner["metadata"]["uid"]
    }]);
    let mut collected = config_map("collected", "1");
    collected["metadata"]["ownerReferences"] = garbage;
    world.admin.post(&uri("configmaps"), &collected).await;
    let made = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    world.admin.post(&uri("serviceaccounts"), &made).await;
    let key = Key::new("k", GroupKind::new("", "Namespace"), "", &*world.namespace);
    let takes = takes(&world, &target, &key).await;
    let [ours, theirs] = ["ours", "theirs"].map(|name| [name.to_owned()]);
    let expected = [(Whose::Others, Some(1), &theirs[..]), (Whose::Ours, Some(1), &ours[..])];
    assert_eq!(of(&takes, "ConfigMap"), expected);
    assert_eq!(of(&takes, "ServiceAccount"), [(Whose::Others, Some(1), &["robot".to_owned()][..])]);
    assert!(of(&takes, "Secret").is_empty(), "{takes:?}");
}

/// Where people met it: where `OpenShift` runs, a namespace is declared as its project: a review said nothing of what is in it.
#[tokio::test]
async fn the_deletion_of_a_project_is_that_of_its_namespace() {
    let world = World::alone("blast-project").await;
    let mut definition = definition("project.openshift.io", true);
    let names = json!({"kind": "Project", "plural": "projects", "singular": "project"});
    definition["metadata"]["name"] = json!("projects.project.openshift.io");
    definition["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": "unapproved"});
    (definition["spec"]["names"], definition["spec"]["scope"]) = (names, json!("Cluster"));
    define(&world, definition).await;
    let target = world.target();
    world.admin.post(world.uri("configmaps", "").trim_end_matches('/'), &config_map("theirs", "1")).await;
    let kind = GroupKind::new("project.openshift.io", "Project");
    let key = Key::new("k", kind.clone(), "", &*world.namespace);
    let body =
        json!({"apiVersion": "project.openshift.io/v1", "kind": "Project", "metadata": {"name": key.name()}});
    let mut project = Object::clone(&world.object(body));
    project.key = key.clone();
    target.apply(&world.cx, &create(&Arc::new(project), "1")).await.unwrap();
    let takes = takes(&world, &target, &key).await;
    assert_eq!(of(&takes, "ConfigMap"), [(Whose::Others, Some(1), &["theirs".to_owned()][..])]);
    assert!(target.info().protected.contains(&kind));
}

/// Where people met it: rights for what is declared alone, and a namespace that read as empty.
#[tokio::test]
async fn what_may_not_be_looked_at_is_unknown_and_never_left_out() {
    let world =
        World::by("blast-rights", |server, _| Connection::kubeconfig(server.kubeconfig(User::Tenant(7))))
            .await;
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", world.namespace);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "get"]}]
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "r"},
        "subjects": [{"kind": "User", "name": User::Tenant(7).name()}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    });
    world.admin.post(&format!("{rbac}/roles"), &role).await;
    world.admin.post(&format!("{rbac}/rolebindings"), &binding).await;
    world.admin.post(world.uri("configmaps", "").trim_end_matches('/'), &config_map("theirs", "1")).await;
    let target = world.target();
    let key = Key::new("k", GroupKind::new("", "Namespace"), "", &*world.namespace);
    let live = Live::new(key.clone(), Uid::new("u"), Version::new("1"), Value::Null).owned_by("shop/1");
    let preview = target.dry_run().unwrap().preview(&world.cx, &key, None, Some(&live)).await.unwrap();
    let takes = preview.takes;
    assert_eq!(of(&takes, "ConfigMap"), [(Whose::Others, Some(1), &["theirs".to_owned()][..])]);
    let unknown = takes.iter().find(|taken| taken.whose == Whose::Unknown && taken.count.is_none()).unwrap();
    assert!(unknown.to_string().contains("more kinds (they may not be listed)"), "{unknown}");
}

/// Where people met it: a claim that left the source, with a database in its volume.
#[tokio::test]
async fn the_deletion_of_a_claim_says_whether_the_data_goes() {
    let world = World::new("blast-claim").await;
    let target = world.target();
    for (policy, expected) in [("Delete", 1), ("Retain", 0)] {
        let name = format!("{}-{}", world.namespace, policy.to_lowercase());
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": policy, "hostPath": {"path": "/tmp/x"}
            }
        });
        world.admin.post("/api/v1/persistentvolumes", &volume).await;
        let claim = world.object(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "", "volumeName": name
            }
        }));
        target.apply(&world.cx, &create(&claim, "1")).await.unwrap();
        let takes = takes(&world, &target, &claim.key).await;
        assert_eq!(takes.len(), expected, "{takes:?}");
        if let [taken] = &takes[..] {
            assert_eq!((&*taken.kind, &*taken.names), ("PersistentVolume", &[name][..]));
            assert!(taken.to_string().ends_with("(its data is deleted: reclaim policy Delete)"), "{taken}");
        }
    }
}
