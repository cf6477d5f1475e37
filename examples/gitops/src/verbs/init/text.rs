//! The configuration that `init` writes, with what each part means.

use super::source::Source;
use crate::cli::InitArgs;

/// What of a configuration its target makes different.
pub struct Kind {
    /// The folder of the source.
    pub folder: &'static str,
    /// The first file, and what it holds.
    pub example: Option<(&'static str, &'static str)>,
    sync: &'static str,
}

const FOLDER: Kind =
    Kind { folder: ".", example: None, sync: "adopt files that are in the way and belong to nobody" };

const KUBERNETES: Kind = Kind {
    folder: "k8s",
    example: Some((
        "hello.yaml",
        "# A first object. Change it, put others beside it, and commit.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \
         hello\ndata:\n  greeting: Hello\n",
    )),
    sync: "adopt objects that are there already and belong to nobody",
};

const TERRAFORM: Kind = Kind {
    folder: "infra",
    example: Some((
        "hello/main.tf",
        "# A first root. It needs no provider. Change it, put other roots beside its folder, and commit.\nvariable \"name\" {\n  \
         default = \"world\"\n}\n\nresource \"terraform_data\" \"greeting\" {\n  input = \"Hello, ${var.name}\"\n}\n\noutput \
         \"greeting\" {\n  value = terraform_data.greeting.output\n}\n",
    )),
    sync: "not for roots: they import what is there by `import` blocks",
};

impl Kind {
    /// What the command line asks for.
    pub fn of(args: &InitArgs) -> &'static Self {
        match (args.kubernetes, args.terraform) {
            (true, _) => &KUBERNETES,
            (_, true) => &TERRAFORM,
            _ => &FOLDER,
        }
    }
}

/// The configuration. Values are written as JSON texts, which are YAML as well.
pub fn configuration(args: &InitArgs, source: &Source) -> String {
    format!(
        "# What this application is called: part of every plan and audit record.
name: {}

# Where desired state comes from: what is committed. Paths are relative to this file.
source:
  git:
    url: {}
    ref: {{ branch: {} }}   # or tag: v1.2.3, semver: \">=1, <2\", commit: 40 digits
    path: {}
    # ignore: [\"*.md\"]      # files to leave out; include: [...] takes only some
    # auth: {{ token: {{ env: GIT_TOKEN }} }}

{}
# All optional; these are the defaults.
sync:
  prune: true        # delete what is no longer declared
  drift: correct     # or report: tell of changes made outside of Git and leave them
  adopt: false       # {}
  interval: 60s      # how often `gitops run` looks where nothing tells of news

# Journal, inventory, mirror and audit log. Never lose it, never share it.
state: {}
",
        quoted(&args.name),
        quoted(&source.url),
        quoted(&source.branch),
        quoted(&source.path),
        target(args),
        Kind::of(args).sync,
        quoted(&format!("./.gitops/{}", args.name)),
    )
}

fn target(args: &InitArgs) -> String {
    match (args.kubernetes, args.terraform) {
        (true, _) => kubernetes(args),
        (_, true) => terraform(args),
        _ => format!(
            "# What is kept equal to it: files below a folder.
target:
  directory: {{ root: {} }}
  # or a cluster:  gitops init --kubernetes;  or root modules:  gitops init --terraform
",
            quoted(&args.root)
        ),
    }
}

fn kubernetes(args: &InitArgs) -> String {
    let context = match &args.context {
        Some(context) => format!("    context: {}\n", quoted(context)),
        None => "    # context: prod             # left out: the current one, whatever that is\n".to_owned(),
    };
    format!(
        "# What is kept equal to it: objects of a cluster.
target:
  kubernetes:
    # kubeconfig: ./kubeconfig  # left out: found as kubectl finds it
{context}    namespace: {}          # of objects that name none
    # namespaces: [shop]        # nothing outside of these is touched
    # conflicts: restore        # or refuse, take: what to do about declared fields that others set
    # render: [{{ kustomize: {{ path: overlays/prod }} }}, {{ helm: {{ path: charts/cache, release: cache }} }}]
",
        quoted(&args.namespace)
    )
}

fn terraform(args: &InitArgs) -> String {
    let binary = args.binary.clone().unwrap_or_else(installed);
    format!(
        "# What is kept equal to it: each folder with files of configuration is a root module.
target:
  terraform:
    binary: {}
    backend: managed        # states are kept beside this application's own; or a type: {{ s3: {{ ... }} }}
    removal: retain         # or destroy, forget: what becomes of a root that leaves the source
    # vars: {{ name: \"Ada\" }}
    # env: [AWS_PROFILE]     # the only variables of the environment that the program gets
",
        quoted(&binary)
    )
}

/// The program that is there: OpenTofu's, else Terraform's.
fn installed() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    ["tofu", "terraform"].iter().find(is_there).unwrap_or(&"tofu").to_string()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
