use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;
use gitops_k8s::{Kubernetes, KubernetesRender};

use crate::engine::builder;
use crate::support::{Files, World};

/// An application of manifests, and what it told.
struct App {
    files: Files,
    engine: Engine,
    told: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn new(world: &World) -> Self {
        let (files, target): (_, Arc<Kubernetes>) = (Files::default(), Arc::new(world.target()));
        let render =
            KubernetesRender::new("k").namespace(&world.namespace).secret_key(SecretKey::new([7; 32]));
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = told.clone();
        let listener = move |event: &Event| {
            if let Event::Warned { warning } = event {
                sink.lock().unwrap().push(warning.to_string());
            }
        };
        let render = Arc::new(render.cluster(world.cluster.clone()));
        let builder = builder(world, &files, &target, Duration::from_millis(300))
            .render(render)
            .events(Arc::new(listener));
        Self { files, engine: builder.open(&world.cx).await.unwrap(), told }
    }

    fn declare(&self, files: &[(&str, &str)]) {
        self.files.declare_texts(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    }

    async fn blocked(&mut self, cx: &Cx) -> String {
        let plan = self.engine.plan(cx).await.unwrap();
        plan.blocked
            .iter()
            .map(|blocked| format!("{}: {}", blocked.key.name(), blocked.why))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\n";

fn web(of_container: &str) -> String {
    format!(
        "# web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector: {{ matchLabels: {{ a: b }} }}\n  \
         template:\n    metadata: {{ labels: {{ a: b }} }}\n    spec:\n      containers:\n      - name: web\n        image: nginx\n{of_container}"
    )
}

fn dry_runs(world: &World) -> usize {
    world.requests().iter().filter(|request| request.is_dry_run()).count()
}

/// Met with a slip in a new manifest: the plan was green, and the apply said "500".
#[tokio::test]
async fn a_new_object_that_the_server_would_refuse_is_held_with_its_line() {
    let world = World::new("creations").await;
    let mut app = App::new(&world).await;
    let slips = [
        "        resources: { limits: { memory: 1Gb } }\n",
        "        imagePullPolicy: Sometimes\n",
        "  replica: 3\n",
        "        ports: [{ containerPort: http }]\n",
    ];
    let mut found = Vec::new();
    for slip in slips {
        app.declare(&[("map.yaml", MAP), ("web.yaml", &web(slip))]);
        found.push(app.blocked(&world.cx).await);
        found.append(&mut app.told.lock().unwrap());
    }
    app.declare(&[("a.yaml", "apiVersion: v1\nkind: ConfigMpa\nmetadata: { name: a }\n")]);
    found.push(app.blocked(&world.cx).await);
    found.append(&mut app.told.lock().unwrap());
    insta::assert_snapshot!(found.join("\n").replace(&world.namespace, "NS"), @r#"
    web: a dry run of the change fails: k:Deployment.apps/NS/web: `spec.template.spec.containers[0].resources.limits.memory`: the value is no quantity (write a number with one of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei behind it, or nothing)
    error[GO0420]: web.yaml: 14:32: `spec.template.spec.containers[0].resources.limits.memory`: the value is no quantity (write a number with one of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei behind it, or nothing)
    web: a dry run of the change fails: k:Deployment.apps/NS/web: `spec.template.spec.containers[0].imagePullPolicy`: the value is none of those that are known (write one of "Always", "IfNotPresent", "Never")
    error[GO0420]: web.yaml: 14:9: `spec.template.spec.containers[0].imagePullPolicy`: the value is none of those that are known (write one of "Always", "IfNotPresent", "Never")
    web: a dry run of the change fails: k:Deployment.apps/NS/web: unknown field `spec.replica` (did you mean `replicas`?)
    error[GO0420]: web.yaml: 14:3: unknown field `spec.replica` (did you mean `replicas`?)
    web: a dry run of the change fails: k:Deployment.apps/NS/web: `spec.template.spec.containers[0].ports[0].containerPort`: the value is text, and must be a whole number (correct the declaration; nothing was applied)
    error[GO0420]: web.yaml: 14:19: `spec.template.spec.containers[0].ports[0].containerPort`: the value is text, and must be a whole number (correct the declaration)
    a: a dry run of the change fails: k:ConfigMpa/-/a: the server does not know the kind ConfigMpa (did you mean ConfigMap? or declare its CustomResourceDefinition with it)
    error[GO0420]: a.yaml: 2:1: `kind`: the server does not know the kind ConfigMpa (did you mean ConfigMap? or declare its CustomResourceDefinition with it)
    "#);
    // What is blocked is left out of the apply, and everything else is made.
    app.declare(&[("map.yaml", MAP), ("web.yaml", &web(slips[0]))]);
    let plan = app.engine.plan(&world.cx).await.unwrap();
    let report = app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len(), report.is_converged()), (1, 1, false));
    // Mended, it is made.
    app.declare(&[("map.yaml", MAP), ("web.yaml", &web(""))]);
    assert_eq!(app.blocked(&world.cx).await, "");
}

#[tokio::test]
async fn a_new_object_is_asked_about_once_and_not_by_what_carries_it_out() {
    let world = World::new("asked").await;
    let mut app = App::new(&world).await;
    app.declare(&[("map.yaml", MAP)]);
    app.blocked(&world.cx).await;
    let plan = app.engine.plan(&world.cx).await.unwrap();
    app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert_eq!(dry_runs(&world), 1, "once for two plans and an apply");
    app.declare(&[("map.yaml", MAP), ("b.yaml", &MAP.replace("map", "b"))]);
    let report = app.engine.reconcile(&world.cx).await.unwrap();
    assert_eq!((report.applied(), dry_runs(&world)), (1, 1), "and a run asks nothing");
}

/// Met with a first apply of everything: what is in a new namespace, or of a new kind, can't be asked about.
#[tokio::test]
async fn what_is_made_in_the_same_plan_is_held_to_what_is_declared() {
    let world = World::new("together").await;
    let mut app = App::new(&world).await;
    let name = format!("{}-new", world.namespace);
    let group = format!("{}.example.org", world.namespace);
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n");
    let in_it = |rest: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: in-it, namespace: {name} }}\n{rest}\n")
    };
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: pools.{group} }}\nspec:\n  group: {group}\n  \
         scope: Namespaced\n  names: {{ kind: Pool, plural: pools }}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    \
         schema: {{ openAPIV3Schema: {{ type: object, properties: {{ spec: {{ type: object, properties: {{ size: {{ type: integer }} }} }} }} }} }}\n"
    );
    let pool = |spec: &str| {
        format!("apiVersion: {group}/v1\nkind: Pool\nmetadata: {{ name: pool }}\nspec: {{ {spec} }}\n")
    };
    app.declare(&[
        ("namespace.yaml", &namespace),
        ("in.yaml", &in_it("data: { a: [b] }")),
        ("definition.yaml", &definition),
        ("pool.yaml", &pool("sise: 3")),
    ]);
    let found = app.blocked(&world.cx).await;
    insta::assert_snapshot!(found.replace(&world.namespace, "NS"), @r"
    in-it: a dry run of the change fails: k:ConfigMap/NS-new/in-it: `data.a`: the value is a list, and must be text (correct the declaration; nothing was applied)
    pool: a dry run of the change fails: k:Pool.NS.example.org/NS/pool: unknown field `spec.sise` (did you mean `size`?)
    ");
    app.declare(&[
        ("namespace.yaml", &namespace),
        ("in.yaml", &in_it("data: { a: b }")),
        ("definition.yaml", &definition),
        ("pool.yaml", &pool("size: 3")),
    ]);
    assert_eq!(app.blocked(&world.cx).await, "");
    let plan = app.engine.plan(&world.cx).await.unwrap();
    let report = app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    assert_eq!(report.applied(), 4, "{report:?}");
}

/// Met with releases of another tool: null takes away what a chart has by default.
#[tokio::test]
async fn null_is_kept_where_the_kind_keeps_anything() {
    let world = World::new("nulls").await;
    let mut app = App::new(&world).await;
    let group = format!("{}.example.org", world.namespace);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: releases.{group} }}\nspec:\n  group: {group}\n  \
         scope: Namespaced\n  names: {{ kind: Release, plural: releases }}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    \
         schema: {{ openAPIV3Schema: {{ type: object, properties: {{ spec: {{ type: object, properties: {{ size: {{ type: integer }}, values: {{ x-kubernetes-preserve-unknown-fields: true }} }} }} }} }} }}\n"
    );
    let release = format!(
        "apiVersion: {group}/v1\nkind: Release\nmetadata: {{ name: a, labels: }}\nspec: {{ size: , values: {{ limits: {{ cpu: null }} }} }}\n"
    );
    app.declare(&[("definition.yaml", &definition), ("release.yaml", &release)]);
    let plan = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.blocked, []);
    app.engine.apply(&world.cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap();
    let uri = format!("/apis/{group}/v1/namespaces/{}/releases/a", world.namespace);
    let live = world.admin.get(&uri).await.unwrap();
    assert_eq!(live["spec"], serde_json::json!({ "values": { "limits": { "cpu": null } } }), "{live}");
    let again = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!((again.steps.len(), again.blocked.len()), (0, 0), "the next plan finds nothing to do");
}

/// Met with objects that several tools make once: what is there already blocked everything behind it.
#[tokio::test]
async fn an_object_that_is_only_made_if_it_is_not_there_is_skipped_if_another_made_it() {
    let world = World::new("present").await;
    let mut app = App::new(&world).await;
    let theirs = serde_json::json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "map" }, "data": { "a": "theirs" } });
    world.admin.post(&format!("/api/v1/namespaces/{}/configmaps", world.namespace), &theirs).await;
    let marked =
        MAP.replace("name: map", "name: map, annotations: { kustomize.toolkit.fluxcd.io/ssa: IfNotPresent }");
    app.declare(&[("map.yaml", &format!("{marked}data: {{ a: ours }}\n"))]);
    let plan = app.engine.plan(&world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.blocked.len(), plan.unchanged), (0, 0, 1));
    assert_eq!(world.admin.get(&world.uri("configmaps", "map")).await.unwrap()["data"]["a"], "theirs");
}
