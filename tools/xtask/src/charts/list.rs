//! Which charts are tried, where each comes from, and the values that a cluster without clouds needs.

/// One chart.
pub struct Chart {
    /// What the report says.
    pub name: &'static str,
    pub home: Home,
    /// Its folder below that.
    pub path: &'static str,
    /// The folder of the definitions of its kinds below the same, where the chart itself has none.
    pub definitions: &'static str,
    /// Values for the whole life, as YAML: what no cluster without a cloud and a provisioner can give.
    pub values: &'static str,
    /// More values for the upgrade; its version is raised too.
    pub upgrade: &'static str,
    /// What the plan must say of a chart that is older than the server; then nothing is applied.
    pub refused: &'static str,
}

/// What a chart came with. Each is here for its own sake: no registry is a way to other projects' sources.
#[derive(Clone, Copy)]
pub enum Home {
    /// The module that a test server is built of.
    Server { name: &'static str, module: &'static str },
    /// A package of `tools/charts/requirements.txt`.
    Packages,
    /// What `helm create` makes.
    Made,
}

const KWOK: Home = Home::Server { name: "kwok", module: "sigs.k8s.io/kwok" };
const HELM: Home = Home::Server { name: "helm", module: "helm.sh/helm/v4" };

/// A chart with nothing special.
const PLAIN: Chart =
    Chart { name: "", home: HELM, path: "", definitions: "", values: "", upgrade: "", refused: "" };

/// All charts.
pub const CHARTS: &[Chart] = &[
    Chart {
        name: "helm create",
        home: Home::Made,
        path: "web",
        upgrade: "replicaCount: 2\npodAnnotations: { a: b }\n",
        ..PLAIN
    },
    Chart { name: "kwok", home: KWOK, path: "charts/kwok", upgrade: "replicas: 2\n", ..PLAIN },
    Chart {
        name: "stage-fast",
        home: KWOK,
        path: "charts/stage-fast",
        definitions: "kustomize/crd/bases",
        ..PLAIN
    },
    Chart {
        name: "metrics-usage",
        home: KWOK,
        path: "charts/metrics-usage",
        definitions: "kustomize/crd/bases",
        ..PLAIN
    },
    Chart {
        name: "wordpress of 2018",
        path: "pkg/action/testdata/charts/chart-with-compressed-dependencies",
        refused: "the server does not serve apps/v1beta1 of statefulsets",
        ..PLAIN
    },
    Chart { name: "object-order", path: "pkg/cmd/testdata/testcharts/object-order", ..PLAIN },
    Chart {
        name: "subchart",
        path: "pkg/cmd/testdata/testcharts/subchart",
        refused: "the server does not serve apiextensions.k8s.io/v1beta1 of customresourcedefinitions",
        ..PLAIN
    },
    Chart { name: "chart-with-secret", path: "pkg/cmd/testdata/testcharts/chart-with-secret", ..PLAIN },
    Chart { name: "chart-with-lib-dep", path: "pkg/cmd/testdata/testcharts/chart-with-lib-dep", ..PLAIN },
    Chart {
        name: "chart-with-template-lib-archive-dep",
        path: "pkg/cmd/testdata/testcharts/chart-with-template-lib-archive-dep",
        ..PLAIN
    },
    Chart {
        name: "dask-kubernetes-operator",
        home: Home::Packages,
        path: "dask_kubernetes/operator/deployment/helm/dask-kubernetes-operator",
        upgrade: "podAnnotations: { a: b }\nrbac: { cluster: false }\n",
        ..PLAIN
    },
    Chart {
        name: "ragleap-app-chart",
        home: Home::Packages,
        path: "ragleap_app_chart/helm/ragleap-app-chart",
        ..PLAIN
    },
    Chart {
        name: "ragleap-observability",
        home: Home::Packages,
        path: "ragleap_observability/helm/ragleap-observability",
        upgrade: "prometheus: { retention: 30d }\n",
        ..PLAIN
    },
    Chart {
        name: "ragleap-ops",
        home: Home::Packages,
        path: "ragleap_ops/helm/ragleap-ops",
        upgrade: "app: { replicaCount: 2, pdb: { enabled: true } }\n",
        ..PLAIN
    },
];
