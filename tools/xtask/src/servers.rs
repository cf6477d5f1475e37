//! The programs of others that the tests talk to and the benchmarks compare with, built from source at pinned versions.
//!
//! Each is one row of [`SERVERS`] and one Go module in `tools/servers/NAME`, or one of [`PEERS`] and one in
//! `tools/peers/NAME`; its `go.mod` and `go.sum` pin it. To add one, add both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::stage::stage;
use crate::{cache, process, workspace};

/// One program and how Go builds it.
struct Server {
    /// What a person types, and the name of the program.
    name: &'static str,
    /// The folder of the module's folder.
    home: &'static str,
    /// The module's folder; empty where it has the program's name.
    module: &'static str,
    package: &'static str,
    cgo: bool,
    tags: &'static str,
    /// What the linker gets beside `-s -w`.
    ldflags: &'static str,
    /// Whether the program reads files of its own module when it runs.
    reads_module: bool,
}

/// The package of a program whose source lies in its module's folder.
const OWN: &str = ".";

const PLAIN: Server = Server {
    name: "",
    home: "tools/servers",
    module: "",
    package: "",
    cgo: false,
    tags: "",
    ldflags: "",
    reads_module: false,
};

/// A program of our own around somebody's library.
const PEER: Server = Server { home: "tools/peers", package: OWN, ..PLAIN };

/// What benchmarks compare with; no test needs one.
static PEERS: [Server; 3] = [
    Server { name: "flux-ssa", ..PEER },
    Server { name: "gitops-engine", ..PEER },
    Server { name: "kubectl-read", ..PEER },
];

/// Part of Kubernetes. Its controllers have a module of their own, so that a change of theirs builds no API server.
const KUBERNETES: Server = Server {
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.37.2 \
              -X k8s.io/component-base/version.gitMajor=1 \
              -X k8s.io/component-base/version.gitMinor=37",
    ..PLAIN
};

static SERVERS: [Server; 15] = [
    Server {
        name: "gitea",
        package: "code.gitea.io/gitea",
        cgo: true, // for SQLite
        tags: "sqlite sqlite_unlock_notify",
        reads_module: true, // templates and options
        ..PLAIN
    },
    Server { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver", ..KUBERNETES },
    Server {
        name: "kube-controller-manager",
        module: "kube-controllers",
        package: "k8s.io/kubernetes/cmd/kube-controller-manager",
        ..KUBERNETES
    },
    Server {
        name: "kube-scheduler",
        module: "kube-controllers",
        package: "k8s.io/kubernetes/cmd/kube-scheduler",
        ..KUBERNETES
    },
    Server { name: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", ..PLAIN },
    Server { name: "etcd", package: "go.etcd.io/etcd/server/v3", ..PLAIN },
    Server {
        name: "tofu",
        package: "github.com/opentofu/opentofu/cmd/tofu",
        ldflags: "-X github.com/opentofu/opentofu/version.dev=no",
        ..PLAIN
    },
    // The oldest version that the documentation names, and the last one that takes no variables beside a saved plan.
    Server {
        name: "tofu-middle",
        package: "github.com/opentofu/opentofu/cmd/tofu",
        ldflags: "-X github.com/opentofu/opentofu/version.dev=no",
        ..PLAIN
    },
    Server {
        name: "tofu-oldest",
        package: "github.com/opentofu/opentofu/cmd/tofu",
        ldflags: "-X github.com/opentofu/opentofu/version.dev=no",
        ..PLAIN
    },
    Server { name: "helm", package: "helm.sh/helm/v4/cmd/helm", ..PLAIN },
    // No server: it looks over workflows of forges.
    Server { name: "actionlint", package: "github.com/rhysd/actionlint/cmd/actionlint", ..PLAIN },
    // A runner of the forge's jobs, made of what Gitea's own one is made of.
    Server { name: "act-runner", package: OWN, ..PLAIN },
    Server { name: "kustomize", package: "sigs.k8s.io/kustomize/kustomize/v5", ..PLAIN },
    Server { name: "provider-time", package: "github.com/hashicorp/terraform-provider-time", ..PLAIN },
    Server { name: "provider-counting", package: OWN, ..PLAIN },
];

/// Builds the named servers, or lists all names; paths go to standard output.
pub fn run(names: &[String]) -> Result<()> {
    if names.is_empty() {
        all().for_each(|server| println!("{}", server.name));
    }
    for name in names {
        let built = environment(name)?;
        built.iter().for_each(|(_, path)| println!("{}", path.display()));
    }
    Ok(())
}

/// Builds the server where the cache lacks it. Returns the variables by which tests find it:
/// `GITOPS_NAME`, the program, and `GITOPS_NAME_STATIC`, its module's folder, if it reads files there.
pub fn environment(name: &str) -> Result<Vec<(String, PathBuf)>> {
    let server = find(name)?;
    let variable = format!("GITOPS_{}", name.to_uppercase().replace('-', "_"));
    let mut variables = vec![(variable.clone(), server.binary()?)];
    if server.reads_module {
        variables.push((format!("{variable}_STATIC"), server.module_folder(server.package)?));
    }
    Ok(variables)
}

/// Where Go keeps the source of a module that the server is built of, at the version that the server has.
pub fn source(name: &str, module: &str) -> Result<PathBuf> {
    find(name)?.module_folder(module)
}

fn all() -> impl Iterator<Item = &'static Server> {
    SERVERS.iter().chain(&PEERS)
}

fn find(name: &str) -> Result<&'static Server> {
    all().find(|server| server.name == name).ok_or_else(|| {
        let known: Vec<_> = all().map(|server| server.name).collect();
        Failure::new(format!("there is no server `{name}`")).help(format!("one of: {}", known.join(", ")))
    })
}

impl Server {
    fn binary(&self) -> Result<PathBuf> {
        let folder = cache::folder(self.name, &self.key()?, |part| self.build(part))?;
        Ok(folder.join(self.name))
    }

    fn build(&self, into: &Path) -> Result<()> {
        check_go(&self.module())?;
        let mut build = self.go(&self.build_flags());
        build.arg("-o").arg(into.join(self.name)).arg(self.package);
        stage(&format!("build {} (a few minutes, once)", self.name), || process::run(&mut build))
    }

    /// Two builds with equal keys give the same program.
    fn key(&self) -> Result<String> {
        let pins = ["go.mod", "go.sum"].map(|file| self.module().join(file));
        let [module, sums] = pins.map(|file| fs::read(&file).at(&file));
        let flags = format!("{} {} cgo={}", self.package, self.build_flags().join(" "), self.cgo);
        let sources = self.own_sources()?;
        let sources = sources.iter().map(Vec::as_slice);
        let (module, sums) = (module?, sums?);
        let inputs = [module.as_slice(), sums.as_slice(), flags.as_bytes()].into_iter().chain(sources);
        Ok(cache::key(&inputs.collect::<Vec<_>>()))
    }

    /// The files of a program of our own; others are pinned by their sums.
    fn own_sources(&self) -> Result<Vec<Vec<u8>>> {
        let module = self.module();
        if self.package != OWN {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&module).at(&module)?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "go"));
        files.sort();
        files.into_iter().map(|file| fs::read(&file).at(&file)).collect()
    }

    fn build_flags(&self) -> Vec<String> {
        let linker = format!("-ldflags=-s -w {}", self.ldflags);
        vec!["build".into(), "-trimpath".into(), format!("-tags={}", self.tags), linker]
    }

    /// Where Go keeps the source of a module of the server's; fetched if it is not there.
    fn module_folder(&self, module: &str) -> Result<PathBuf> {
        let answer = process::output(&mut self.go(&["mod", "download", "-json", module]))?;
        let answer: serde_json::Value = serde_json::from_str(&answer)
            .map_err(|error| Failure::new(format!("`go mod download -json`: {error}")))?;
        let folder = answer["Dir"].as_str();
        folder.map(PathBuf::from).ok_or_else(|| Failure::new(format!("Go has no folder for {module}")))
    }

    fn go(&self, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(self.module());
        command.env("CGO_ENABLED", if self.cgo { "1" } else { "0" });
        command
    }

    fn module(&self) -> PathBuf {
        let folder = if self.module.is_empty() { self.name } else { self.module };
        workspace::root().join(self.home).join(folder)
    }
}

/// Fails if Go is missing, or too old for the module and forbidden to fetch a newer one.
fn check_go(module: &Path) -> Result<()> {
    let way_out = "install Go 1.26.8 or newer (go.dev/dl), or let Go fetch it: GOTOOLCHAIN=auto";
    let asked = process::output(Command::new("go").args(["list", "-m"]).current_dir(module));
    asked.map(drop).map_err(|failure| failure.help(way_out))
}
