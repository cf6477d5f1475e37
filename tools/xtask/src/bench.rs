//! The figures that the project holds itself to, beside those of its peers.

use crate::failure::Result;
use crate::stage::stage;
use crate::{process, servers, workspace};

/// What is measured, and how much of it.
#[derive(clap::Args)]
pub struct Options {
    /// Which figures.
    what: What,
    /// Passed on: `quick`, and the name of one part.
    words: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// The core and Git.
    Ratios,
    /// Kubernetes, beside kubectl, Flux's library and Argo CD's engine.
    Cluster,
}

impl What {
    /// The program that measures.
    const fn program(self) -> &'static str {
        match self {
            Self::Ratios => "ratios",
            Self::Cluster => "cluster",
        }
    }

    /// The servers and peers that a part of the figures needs, or all of them.
    fn needs(self, part: Option<&str>) -> &'static [&'static str] {
        match (self, part) {
            (Self::Ratios, _) => &[],
            (Self::Cluster, Some("yaml")) => &["kubectl-read"],
            (Self::Cluster, None | Some("peers")) => {
                &["etcd", "kube-apiserver", "flux-ssa", "gitops-engine", "kubectl-read"]
            }
            (Self::Cluster, Some(_)) => &["etcd", "kube-apiserver"],
        }
    }
}

/// Builds what is needed and measures; the figures go to standard output.
pub fn run(options: &Options) -> Result<()> {
    let part = options.words.iter().map(String::as_str).find(|word| *word != "quick");
    let (program, needs) = (options.what.program(), options.what.needs(part));
    let mut cargo = workspace::cargo();
    for name in needs {
        cargo.envs(stage(name, || servers::environment(name))?);
    }
    cargo.args(["run", "--release", "--quiet", "--package", "gitops-benches", "--bin", program, "--"]);
    process::run(cargo.args(&options.words))
}
