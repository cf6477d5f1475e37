//! The code that decides what is written and deleted, in parts, each with the tests that must notice a change of it.

use std::collections::BTreeSet;

/// One part.
pub struct Part {
    pub name: &'static str,
    pub package: &'static str,
    /// Files, as globs from the root.
    pub files: &'static [&'static str],
    /// Tests beside those of the library, each by the name of its file or folder, or of a module in it: `api::apply`.
    pub tests: &'static [&'static str],
    /// Tests on real servers, named likewise: they try what none of the others notices.
    pub real: &'static [&'static str],
    /// The programs that those need, by their names for `cargo xtask servers`.
    pub servers: &'static [&'static str],
}

/// Whether a test of a program is among these.
pub fn is_named(tests: &BTreeSet<&str>, program: &str, test: &str) -> bool {
    let is_in = |named: &&str| match named.split_once("::") {
        Some((file, module)) => file == program && test.starts_with(&format!("{module}::")),
        None => *named == program,
    };
    tests.iter().any(is_in)
}

/// Tests of the core without those of a target, of the simulator and of long runs.
const CORE: &[&str] = &[
    "approval_effects",
    "approvals",
    "cel",
    "components",
    "confirm",
    "contain",
    "disk_room",
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

/// A part without tests on real servers.
const QUICK: Part = Part { name: "", package: "", files: &[], tests: &[], real: &[], servers: &[] };

/// Tests on an API server without controllers, which a process that is already there lends them.
const API: &[&str] = &[
    "api::adopt",
    "api::apply",
    "api::beside",
    "api::covered",
    "api::engine",
    "api::faults",
    "api::ignore",
    "api::tenancy",
    "api::observe",
    "api::planner",
    "api::preview",
    "api::scope",
    "api::stuck",
    "api::field::adopted",
    "api::field::blast",
    "api::field::clients",
    "api::field::creations",
    "api::field::identity",
    "api::field::left",
    "api::field::moved",
    "api::field::orphaned",
    "api::field::renamed",
];

/// The same for the rules about other clients, policies and health.
const RULES: &[&str] = &[
    "api::adopt",
    "api::apply",
    "api::engine",
    "api::health",
    "api::ignore",
    "api::preview",
    "api::field::clients",
];

/// What an API server is made of.
const API_SERVER: &[&str] = &["etcd", "kube-apiserver"];

/// All parts.
pub const PARTS: &[Part] = &[
    Part {
        name: "recover",
        package: "gitops-core",
        files: &["gitops-core/src/engine/recover.rs"],
        tests: CORE,
        ..QUICK
    },
    Part {
        name: "planner",
        package: "gitops-core",
        files: &["gitops-core/src/plan/planner/*.rs"],
        tests: CORE,
        ..QUICK
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
        ..QUICK
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
        ..QUICK
    },
    Part {
        name: "reconcile",
        package: "gitops-core",
        files: &["gitops-core/src/engine/reconcile/*.rs"],
        tests: CORE,
        ..QUICK
    },
    Part {
        name: "journal",
        package: "gitops-core",
        files: &["gitops-core/src/state/journal/*.rs"],
        tests: CORE,
        ..QUICK
    },
    Part {
        name: "inventory",
        package: "gitops-core",
        files: &["gitops-core/src/state/inventory/*.rs"],
        tests: CORE,
        ..QUICK
    },
    Part {
        name: "kubernetes",
        package: "gitops-k8s",
        files: &[
            "gitops-k8s/src/change/apply/*.rs",
            "gitops-k8s/src/live/ignore/*.rs",
            "gitops-k8s/src/change/adopt/*.rs",
        ],
        real: API,
        servers: API_SERVER,
        ..QUICK
    },
    Part {
        name: "kubernetes-rules",
        package: "gitops-k8s",
        files: &[
            "gitops-k8s/src/live/clients/*.rs",
            "gitops-k8s/src/policy/*.rs",
            "gitops-k8s/src/live/health/*.rs",
        ],
        tests: &["manifest::objects", "manifest::policies", "manifest::refused", "manifest::warnings"],
        real: RULES,
        servers: API_SERVER,
    },
    Part {
        name: "terraform",
        package: "gitops-terraform",
        files: &["gitops-terraform/src/target/apply.rs", "gitops-terraform/src/target/conclude.rs"],
        real: &["terraform"],
        servers: &["tofu", "tofu-middle", "tofu-oldest", "provider-time", "provider-counting"],
        ..QUICK
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named_without_those_beside_it_and_a_file_with_all_of_them() {
        let tests = BTreeSet::from(["api::apply", "api::field::adopted", "engine"]);
        let named = |program, test| is_named(&tests, program, test);
        assert!(named("api", "apply::a") && named("api", "field::adopted::b") && named("engine", "c"));
        assert!(!named("api", "applying::a") && !named("api", "field::left::b") && !named("run", "c"));
    }
}
