//! The code that decides what is written and deleted, in parts, each with the tests that must notice a change of it.

/// One part.
pub struct Part {
    pub name: &'static str,
    pub package: &'static str,
    /// Files, as globs from the root.
    pub files: &'static [&'static str],
    /// Tests beside those of the library that need no server, each by the name of its file or folder.
    pub tests: &'static [&'static str],
}

/// Tests of the core without those of a target, of the simulator and of long runs.
const CORE: &[&str] = &[
    "approval_effects",
    "approvals",
    "cel",
    "components",
    "confirm",
    "contain",
    "engine",
    "field",
    "graph",
    "handle",
    "layers",
    "mount",
    "outputs",
    "preview",
    "protected",
    "renderer",
    "run",
    "shared_store",
    "state_damage",
    "storage",
    "supervisor",
    "two_versions",
];

/// All parts.
pub const PARTS: &[Part] = &[
    Part {
        name: "recover",
        package: "gitops-core",
        files: &["gitops-core/src/engine/recover.rs"],
        tests: CORE,
    },
    Part {
        name: "planner",
        package: "gitops-core",
        files: &["gitops-core/src/plan/planner/*.rs"],
        tests: CORE,
    },
    Part {
        name: "gates",
        package: "gitops-core",
        files: &[
            "gitops-core/src/gate/*.rs",
            "gitops-core/src/review/approval/*.rs",
            "gitops-core/src/value/effect.rs",
        ],
        tests: CORE,
    },
    Part {
        name: "engine",
        package: "gitops-core",
        files: &[
            "gitops-core/src/engine/prepare.rs",
            "gitops-core/src/engine/effects.rs",
            "gitops-core/src/engine/carry_out.rs",
            "gitops-core/src/engine/carry_out/*.rs",
            "gitops-core/src/engine/confirm.rs",
            "gitops-core/src/engine/standing.rs",
            "gitops-core/src/engine/adoption.rs",
            "gitops-core/src/engine/proof.rs",
        ],
        tests: CORE,
    },
    Part {
        name: "reconcile",
        package: "gitops-core",
        files: &["gitops-core/src/engine/reconcile/*.rs"],
        tests: CORE,
    },
    Part {
        name: "journal",
        package: "gitops-core",
        files: &["gitops-core/src/state/journal/*.rs"],
        tests: CORE,
    },
    Part {
        name: "inventory",
        package: "gitops-core",
        files: &["gitops-core/src/state/inventory/*.rs"],
        tests: CORE,
    },
    Part {
        name: "kubernetes",
        package: "gitops-k8s",
        files: &[
            "gitops-k8s/src/change/apply/*.rs",
            "gitops-k8s/src/live/ignore/*.rs",
            "gitops-k8s/src/change/adopt/*.rs",
            "gitops-k8s/src/live/clients/*.rs",
            "gitops-k8s/src/policy/*.rs",
            "gitops-k8s/src/live/health/*.rs",
        ],
        tests: &[],
    },
    Part {
        name: "terraform",
        package: "gitops-terraform",
        files: &["gitops-terraform/src/target/apply.rs", "gitops-terraform/src/target/conclude.rs"],
        tests: &[],
    },
];
