use std::collections::BTreeMap;

use gitops_core::Key;

use crate::support::{render, renderer};

/// Who needs whom in a file, one a line. With each object in a file of its own it must be the same, whichever is read first.
fn edges(text: &str) -> String {
    let all = edges_of(&[("a.yaml".to_owned(), text)]);
    let documents = text.split("---\n").filter(|document| !document.trim().is_empty());
    let documents: Vec<String> = documents.map(|document| format!("---\n{document}")).collect();
    for order in [|index: usize, _: usize| index, |index: usize, all: usize| all - index] {
        let name = |index| format!("{:03}.yaml", order(index, documents.len()));
        let files: Vec<_> =
            documents.iter().enumerate().map(|(index, text)| (name(index), text.as_str())).collect();
        assert_eq!(edges_of(&files), all);
    }
    all
}

fn edges_of(files: &[(String, &str)]) -> String {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let desired = render(renderer(), &files).unwrap();
    let short = |key: &Key| key.to_string().trim_start_matches("k:").to_owned();
    let line = |(key, needs): (&Key, &Vec<Key>)| {
        let needs: Vec<String> = needs.iter().map(short).collect();
        (!needs.is_empty()).then(|| format!("{} <- {}", short(key), needs.join(", ")))
    };
    desired.edges().iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

fn object(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n{rest}\n")
}

#[test]
fn members_need_their_namespace_and_objects_the_definition_of_their_kind() {
    let definition = "spec: {group: x.io, scope: Namespaced, names: {kind: Widget}}";
    let text = [
        object("v1", "Namespace", "shop", ""),
        object("v1", "ConfigMap", "a", ""),
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.x.io", definition),
        "---\n{apiVersion: x.io/v1, kind: Widget, metadata: {name: w, namespace: shop}}\n".to_owned(),
        "---\n{apiVersion: y.io/v1, kind: Widget, metadata: {name: other}}\n".to_owned(),
    ];
    insta::assert_snapshot!(edges(&text.concat()), @r"
    ConfigMap/shop/a <- Namespace/-/shop
    Widget.x.io/shop/w <- Namespace/-/shop, CustomResourceDefinition.apiextensions.k8s.io/-/widgets.x.io
    ");
}

#[test]
fn objects_of_a_kind_need_what_takes_care_of_them_and_not_what_only_makes_them() {
    let operator = |name: &str, rule: &str| {
        let role = format!(
            "roleRef: {{kind: ClusterRole, name: {name}}}\nsubjects: [{{kind: ServiceAccount, name: {name}, namespace: shop}}]"
        );
        let pod = format!("spec: {{template: {{spec: {{serviceAccountName: {name}}}}}}}");
        let rights = "rbac.authorization.k8s.io/v1";
        [
            object(rights, "ClusterRole", name, &format!("rules: [{rule}]")),
            object(rights, "ClusterRoleBinding", name, &role),
            object("apps/v1", "Deployment", name, &pod),
        ]
        .concat()
    };
    let cares = "{apiGroups: [x.io], resources: [widgets/finalizers], verbs: [update]}";
    let makes = "{apiGroups: [x.io], resources: [widgets], verbs: [create, update, delete]}";
    let all = "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}";
    let text = [
        operator("cares", cares),
        operator("makes", makes),
        operator("may-all", all),
        "---\n{apiVersion: x.io/v1, kind: Widget, metadata: {name: w, namespace: shop}}\n".to_owned(),
    ];
    let found = edges(&text.concat());
    let widget: Vec<&str> = found.lines().filter(|line| line.starts_with("Widget")).collect();
    assert_eq!(widget, ["Widget.x.io/shop/w <- Deployment.apps/shop/cares"]);
}

#[test]
fn a_workload_needs_its_account_its_rights_and_what_it_reads_but_not_its_claims() {
    let pod = "
spec:
  serviceName: db
  volumeClaimTemplates: [{metadata: {name: d}, spec: {storageClassName: fast}}]
  template:
    spec:
      serviceAccountName: db
      priorityClassName: high
      imagePullSecrets: [{name: pull}]
      containers: [{name: c, envFrom: [{configMapRef: {name: env}}], env: [{name: P, valueFrom: {secretKeyRef: {name: pass, key: p}}}]}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data}}, {name: w, projected: {sources: [{configMap: {name: more}}]}}]";
    let role = "roleRef: {kind: Role, name: db}\nsubjects: [{kind: ServiceAccount, name: db}]";
    let text = [
        object("apps/v1", "StatefulSet", "db", pod),
        object("v1", "ServiceAccount", "db", ""),
        object("rbac.authorization.k8s.io/v1", "Role", "db", ""),
        object("rbac.authorization.k8s.io/v1", "RoleBinding", "db", role),
        object("scheduling.k8s.io/v1", "PriorityClass", "high", ""),
        object("storage.k8s.io/v1", "StorageClass", "fast", ""),
        object("v1", "PersistentVolumeClaim", "data", "spec: {storageClassName: fast}"),
        object("v1", "Secret", "pull", ""),
        object("v1", "Secret", "pass", ""),
        object("v1", "Secret", "token", "")
            .replace("{name: token}", "{name: token, annotations: {kubernetes.io/service-account.name: db}}"),
        object("v1", "ConfigMap", "env", ""),
        object("v1", "ConfigMap", "more", ""),
        object("v1", "Service", "db", "spec: {selector: {app: db}}"),
    ];
    insta::assert_snapshot!(edges(&text.concat()), @r"
    PersistentVolumeClaim/shop/data <- StorageClass.storage.k8s.io/-/fast
    Secret/shop/token <- ServiceAccount/shop/db
    StatefulSet.apps/shop/db <- ConfigMap/shop/env, ConfigMap/shop/more, Secret/shop/pass, Secret/shop/pull, Service/shop/db, ServiceAccount/shop/db, RoleBinding.rbac.authorization.k8s.io/shop/db, PriorityClass.scheduling.k8s.io/-/high, StorageClass.storage.k8s.io/-/fast
    RoleBinding.rbac.authorization.k8s.io/shop/db <- ServiceAccount/shop/db, Role.rbac.authorization.k8s.io/shop/db
    ");
}

#[test]
fn a_webhook_needs_its_service_and_the_workload_behind_it() {
    let deployment = "spec: {template: {metadata: {labels: {app: hook, tier: x}}, spec: {}}}";
    let hook = "webhooks: [{name: a.b.c, clientConfig: {service: {name: hook, namespace: shop}}}]";
    let text = [
        object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hook", hook),
        object(
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1.x.io",
            "spec: {service: {name: hook, namespace: shop}}",
        ),
        object("v1", "Service", "hook", "spec: {selector: {app: hook}}"),
        object("apps/v1", "Deployment", "hook", deployment),
        object("apps/v1", "Deployment", "other", &deployment.replace("app: hook", "app: other")),
        object("v1", "Namespace", "shop", ""),
    ];
    insta::assert_snapshot!(edges(&text.concat()), @r"
    Service/shop/hook <- Namespace/-/shop
    ValidatingWebhookConfiguration.admissionregistration.k8s.io/-/hook <- Service/shop/hook, Deployment.apps/shop/hook
    APIService.apiregistration.k8s.io/-/v1.x.io <- Service/shop/hook, Deployment.apps/shop/hook
    Deployment.apps/shop/hook <- Namespace/-/shop
    Deployment.apps/shop/other <- Namespace/-/shop
    ");
}

#[test]
fn waves_and_phases_wait_for_one_another_through_one_key_a_stage() {
    let staged = |name: &str, mark: &str| {
        object("v1", "ConfigMap", name, "")
            .replace("metadata: {", &format!("metadata: {{annotations: {{argocd.argoproj.io/{mark}}}, "))
    };
    let text = [
        staged("before", "hook: PreSync"),
        staged("early", "sync-wave: \"-1\""),
        object("v1", "ConfigMap", "plain", ""),
        staged("late", "sync-wave: \"5\""),
        staged("later", "sync-wave: \"5\""),
        staged("after", "hook: PostSync"),
        object("v1", "Namespace", "shop", ""),
    ];
    insta::assert_snapshot!(edges(&text.concat()), @r"
    ConfigMap/shop/after <- Namespace/-/shop, Stage.gitops/-/5
    ConfigMap/shop/before <- Namespace/-/shop
    ConfigMap/shop/early <- Namespace/-/shop, Stage.gitops/-/-4294967296
    ConfigMap/shop/late <- Namespace/-/shop, Stage.gitops/-/0
    ConfigMap/shop/later <- Namespace/-/shop, Stage.gitops/-/0
    ConfigMap/shop/plain <- Namespace/-/shop, Stage.gitops/-/-1
    Stage.gitops/-/-1 <- ConfigMap/shop/early
    Stage.gitops/-/-4294967296 <- ConfigMap/shop/before
    Stage.gitops/-/0 <- ConfigMap/shop/plain
    Stage.gitops/-/5 <- ConfigMap/shop/late, ConfigMap/shop/later
    ");
}

#[test]
fn an_order_that_is_written_down_beats_one_that_was_found() {
    let late = object("v1", "ServiceAccount", "a", "")
        .replace("{name: a}", "{name: a, annotations: {argocd.argoproj.io/sync-wave: \"1\"}}");
    let pod = object("v1", "Pod", "p", "spec: {serviceAccountName: a}");
    insta::assert_snapshot!(edges(&(late + &pod)), @r"
    ServiceAccount/shop/a <- Stage.gitops/-/0
    Stage.gitops/-/0 <- Pod/shop/p
    ");
}

#[test]
fn a_thousand_objects_in_ten_waves_need_less_than_two_keys_each() {
    let wave =
        |n: usize| format!("{{name: c{n}, annotations: {{argocd.argoproj.io/sync-wave: \"{}\"}}}}", n % 10);
    let object = |n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", wave(n));
    let desired =
        render(renderer(), &[("a.yaml", &(0..1000).map(object).collect::<Vec<_>>().concat())]).unwrap();
    let edges: usize = desired.edges().values().map(Vec::len).sum();
    assert_eq!(
        edges,
        900 + 900,
        "each object but those of the first wave names a stage, each stage but the last its objects"
    );
}

#[test]
fn without_waves_a_plan_has_no_stages() {
    let text: String = (0..50).map(|n| object("v1", "ConfigMap", &format!("c{n}"), "")).collect();
    assert_eq!(edges(&text), "");
}

/// Kinds that refer to others, each with every reference that it can have, to names that a set may or may not hold.
fn templates() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let pod = "serviceAccountName: NAME, priorityClassName: NAME, runtimeClassName: NAME, imagePullSecrets: [{name: NAME}], \
               volumes: [{name: v, configMap: {name: NAME}}, {name: w, secret: {secretName: NAME}}, {name: x, persistentVolumeClaim: {claimName: NAME}}]";
    let pod: &'static str = Box::leak(format!("spec: {{serviceName: NAME, selector: {{app: NAME}}, template: {{metadata: {{labels: {{app: NAME}}}}, spec: {{{pod}}}}}}}").into_boxed_str());
    BTreeMap::from([
        ("Namespace", ("v1", "")),
        ("ConfigMap", ("v1", "")),
        ("Secret", ("v1", "")),
        ("ServiceAccount", ("v1", "imagePullSecrets: [{name: NAME}]")),
        ("Service", ("v1", "spec: {selector: {app: NAME}}")),
        ("PersistentVolume", ("v1", "spec: {storageClassName: NAME}")),
        ("PersistentVolumeClaim", ("v1", "spec: {storageClassName: NAME, volumeName: NAME}")),
        ("Deployment", ("apps/v1", pod)),
        ("StatefulSet", ("apps/v1", pod)),
        ("Job", ("batch/v1", pod)),
        ("StorageClass", ("storage.k8s.io/v1", "")),
        ("PriorityClass", ("scheduling.k8s.io/v1", "")),
        ("RuntimeClass", ("node.k8s.io/v1", "")),
        ("IngressClass", ("networking.k8s.io/v1", "")),
        ("Ingress", ("networking.k8s.io/v1", "spec: {ingressClassName: NAME}")),
        ("Role", ("rbac.authorization.k8s.io/v1", "")),
        (
            "ClusterRole",
            (
                "rbac.authorization.k8s.io/v1",
                "rules: [{apiGroups: [x.io], resources: [widgets/status], verbs: [patch]}]",
            ),
        ),
        (
            "RoleBinding",
            (
                "rbac.authorization.k8s.io/v1",
                "roleRef: {kind: Role, name: NAME}\nsubjects: [{kind: ServiceAccount, name: NAME}]",
            ),
        ),
        (
            "ClusterRoleBinding",
            (
                "rbac.authorization.k8s.io/v1",
                "roleRef: {kind: ClusterRole, name: NAME}\nsubjects: [{kind: ServiceAccount, name: NAME, namespace: shop}]",
            ),
        ),
        (
            "CustomResourceDefinition",
            (
                "apiextensions.k8s.io/v1",
                "spec: {group: x.io, names: {kind: Widget}, conversion: {webhook: {clientConfig: {service: {name: NAME, namespace: shop}}}}}",
            ),
        ),
        ("Widget", ("x.io/v1", "spec: {serviceAccountName: NAME}")),
        (
            "ValidatingWebhookConfiguration",
            (
                "admissionregistration.k8s.io/v1",
                "webhooks: [{clientConfig: {service: {name: NAME, namespace: shop}}}]",
            ),
        ),
        (
            "MutatingWebhookConfiguration",
            (
                "admissionregistration.k8s.io/v1",
                "webhooks: [{clientConfig: {service: {name: NAME, namespace: shop}}}]",
            ),
        ),
        ("APIService", ("apiregistration.k8s.io/v1", "spec: {service: {name: NAME, namespace: shop}}")),
    ])
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    #[test]
    fn edges_that_are_found_never_make_a_cycle(picks in proptest::collection::btree_set((0..24usize, 0..3usize, 0..3usize, 0..3usize), 1..40)) {
        let templates = templates();
        let mut seen = std::collections::BTreeSet::new();
        let mut text = String::new();
        for (kind, name, refers, wave) in picks {
            let (kind, (version, rest)) = templates.iter().nth(kind).unwrap();
            let name = ["shop", "b", "c"][name];
            if seen.insert((*kind, name)) {
                let body = object(version, kind, name, &rest.replace("NAME", ["shop", "b", "c"][refers]));
                let wave = format!("{{annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}, name:");
                text += &body.replacen("{name:", &wave, 1);
            }
        }
        let desired = render(renderer(), &[("a.yaml", &text)]).unwrap();
        proptest::prop_assert!(gitops_core::Graph::new(desired.edges()).is_ok(), "a cycle in\n{text}");
    }
}
