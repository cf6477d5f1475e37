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
}

/// Whether a test of a program is among these. Those of the library, which nobody names, are.
pub fn is_wanted(tests: &BTreeSet<&str>, program: &str, test: &str) -> bool {
    let of = |named: &&&str| named.split("::").next() == Some(program);
    let is_in = |named: &&str| {
        named.split_once("::").is_none_or(|(_, module)| test.starts_with(&format!("{module}::")))
    };
    let mut named = tests.iter().filter(of).peekable();
    named.peek().is_none() || named.any(is_in)
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
        ],
        tests: &[],
    },
    Part {
        name: "kubernetes-rules",
        package: "gitops-k8s",
        files: &[
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_wanted_without_those_beside_it_and_a_file_with_all_of_them() {
        let tests = BTreeSet::from(["api::apply", "api::field::adopted", "engine"]);
        let wanted = |program, test| is_wanted(&tests, program, test);
        assert!(wanted("api", "apply::a") && wanted("api", "field::adopted::b"));
        assert!(!wanted("api", "applying::a") && !wanted("api", "field::left::b"));
        assert!(wanted("engine", "c") && wanted("gitops_core", "plan::planner::tests::d"));
    }
}
