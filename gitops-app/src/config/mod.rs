//! The configuration file: `gitops.yaml`.
//!
//! [`Applications`] reads it, whether it holds one application or several.

pub(crate) mod apart;
mod apply;
mod approvals;
mod auth;
mod backends;
pub(crate) mod decode;
mod duration;
mod forge;
mod gates;
mod home;
mod load;
mod needs;
mod node;
mod promote;
mod reader;
mod risks;
mod rollback;
mod serve;
mod shared;
pub(crate) mod source;
pub(crate) mod suggest;
mod target;
mod text;
mod windows;

pub use apply::ApplyWhen;
pub use approvals::{ApprovalConfig, Approvers};
pub use auth::{Auth, SecretPlace};
pub use backends::Backends;
pub use duration::{Moment, parse as parse_duration, parse_moment};
pub use forge::{CONTEXT as FORGE_CONTEXT, ForgeAuth, ForgeConfig, ForgeKind};
pub use home::HomeConfig;
pub use load::Applications;
pub use promote::PromoteConfig;
pub use reader::Written;
pub use risks::RisksConfig;
pub use rollback::RollbackConfig;
pub use serve::ServeConfig;
pub use source::{GitConfig, GitRef};
pub use target::{
    BackendConfig, IgnoreConfig, KubernetesConfig, PlannerConfig, RegisteredConfig, RenderConfig, RenderKind,
    TargetConfig, TargetKind, TerraformConfig,
};
pub use windows::WindowsConfig;

pub(crate) use load::{files_of, included_by, is_read, names_in};
pub(crate) use node::{Node, Place};
pub(crate) use reader::Reader;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::gate::cel::CelGate;
use gitops_core::{Diagnostic, Digest, DriftPolicy, Error};
use home::StatePlace;
use reader::Fields;

/// One application, as its file describes it. Paths are absolute or relative to the working folder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The application's name.
    pub name: String,
    /// Words by which it is told apart from others, such as `environment: production`.
    pub labels: BTreeMap<String, String>,
    /// Where desired state comes from.
    pub source: GitConfig,
    /// Where requests to change it are made.
    pub forge: Option<ForgeConfig>,
    /// What is kept equal to it; at least one.
    pub targets: Vec<TargetConfig>,
    /// Rules that plans must pass.
    pub gates: Vec<CelGate>,
    /// The names of the applications that come before it: it takes up something new only when they have converged.
    pub needs: Vec<String>,
    /// Who must approve what a request would do.
    pub approvals: Vec<ApprovalConfig>,
    /// What counts as a risk beside what every application has.
    pub risks: RisksConfig,
    /// When changes may be made.
    pub windows: WindowsConfig,
    /// When what a request brings is applied.
    pub apply: ApplyWhen,
    /// When it is rolled back by itself.
    pub rollback: Option<RollbackConfig>,
    /// From where it gets its versions by itself.
    pub promote: Option<PromoteConfig>,
    /// What may be done, and how often.
    pub sync: Sync,
    /// The folder of journal, inventory and audit log; empty of them if a cluster keeps these.
    pub state: PathBuf,
    /// The folder of the copies of repositories: one for all applications whose states have their default places, as
    /// `.gitops/~mirrors`, else one in the state.
    pub mirrors: PathBuf,
    /// Where other applications keep what is theirs, as far as this process knows: folders that no program which a source brings
    /// along may read.
    pub others: Vec<PathBuf>,
    /// The cluster that keeps what must not be forgotten, instead of the folder.
    pub home: Option<HomeConfig>,
    /// Whether the file names no such folder: it is then `.gitops/NAME`.
    pub has_default_state: bool,
    /// What the file says of it, shared parts included.
    pub(crate) said: Digest,
}

/// What may be done, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sync {
    /// Whether to delete what is no longer declared.
    pub prune: bool,
    /// What to do about changes made behind our back.
    pub drift: DriftPolicy,
    /// Whether to take over files that are in the way and belong to nobody.
    pub adopt: bool,
    /// How long `run` waits between looks at a source that can't tell of news.
    pub interval: Duration,
    /// How long to wait for an object to become ready, where its target does not say so.
    pub ready_timeout: Duration,
}

impl Default for Sync {
    fn default() -> Self {
        let (interval, ready_timeout) = (Duration::from_secs(60), Duration::from_secs(600));
        Self { prune: true, drift: DriftPolicy::Correct, adopt: false, interval, ready_timeout }
    }
}

impl Config {
    /// The folder of the file, from which its relative paths start.
    pub fn base(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

fn refuse(faults: Vec<Diagnostic>) -> Error {
    Error::invalid("the configuration can't be used", faults)
}

/// The keys of a file that holds one application. The first of them are those of an application.
const FILE_KEYS: [&str; 19] = [
    "name",
    "labels",
    "needs",
    "source",
    "forge",
    "target",
    "targets",
    "gates",
    "approvals",
    "risks",
    "windows",
    "apply",
    "rollback",
    "promote",
    "sync",
    "state",
    "serve",
    "include",
    "applications",
];

/// How many keys are those of an application.
const OF_APPLICATION: usize = 16;

/// The keys that several applications may share.
const SHARED_KEYS: [&str; 12] = [
    "labels",
    "source",
    "forge",
    "target",
    "targets",
    "gates",
    "approvals",
    "risks",
    "windows",
    "apply",
    "rollback",
    "sync",
];

/// An application that was read.
struct Found {
    config: Config,
    /// Where its name is.
    name: Place,
    /// Where each of its needs is named.
    needs: Vec<Place>,
    /// Where the application is named from which it is promoted.
    promote: Option<Place>,
}

/// Reads an application, which may be the whole file. All parts are read before any is missed, so that every fault is
/// found at once.
fn read(reader: &Reader, node: &Node, is_file: bool, file: &Path) -> Option<Found> {
    let base = file.parent().unwrap_or(Path::new(""));
    let fields = match is_file {
        true => reader.fields(node, "the file", Place::start(node.place.file), &FILE_KEYS)?,
        false => reader.fields(node, "the application", node.place, &FILE_KEYS[..OF_APPLICATION])?,
    };
    let name = fields
        .require("name", "name: site")
        .and_then(|(place, node)| Some((application(reader, node)?, place)));
    let source = fields
        .require("source", "source: { git: { url: ./site.git, ref: { branch: main } } }")
        .and_then(|(place, node)| source::read(reader, node, place));
    let forge = fields.get("forge").map(|(place, node)| forge::read(reader, node, place));
    let has_forge = forge.is_some();
    let targets = target::read(reader, &fields);
    let labels = fields.get("labels").map(|(_, node)| labels(reader, node));
    let needs = fields.get("needs").map(|(_, node)| needs::read(reader, node)).unwrap_or_default();
    let gates = fields.limit("gates").map(|(_, node)| gates::read(reader, node));
    let approvals = fields.limit("approvals").map(|(_, node)| approvals::read(reader, node));
    let risks = fields.limit("risks").map(|(place, node)| risks::read(reader, node, place));
    let windows = fields.limit("windows").map(|(_, node)| windows::read(reader, node));
    let apply = fields.get("apply").and_then(|(_, node)| apply::read(reader, node)).unwrap_or_default();
    let rollback = fields.get("rollback").map(|(place, node)| rollback::read(reader, node, place));
    let promote = fields.get("promote").and_then(|(place, node)| promote::read(reader, node, place));
    let (promote, from) = promote.unzip();
    let sync = fields.get("sync").and_then(|(place, node)| sync(reader, node, place));
    let (state, home) = match fields.get("state").and_then(|(place, node)| home::read(reader, node, place)) {
        None => (None, None),
        Some(StatePlace::Folder(path)) => (Some(path), None),
        Some(StatePlace::Cluster(home)) => (None, Some(home)),
    };
    let (name, place) = name?;
    let source = source?;
    let is_branch = matches!(source.reference, GitRef::Branch(_));
    if let Some((place, _)) = fields.get("rollback").filter(|_| !has_forge || !is_branch) {
        let message =
            "`rollback` needs `forge`, and a branch under `ref`: a request takes the bad commit back";
        let help = "say on which forge requests are made: `forge: { github: { repository: owner/name } }`";
        reader.fault("GO0112", place, message, help);
    }
    if let Some((place, _)) =
        fields.get("apply").filter(|_| apply == ApplyWhen::BeforeMerge && !(has_forge && is_branch))
    {
        let message = "`apply: before-merge` needs `forge`, and a branch under `ref`: a request is applied and merged there";
        let help = "say on which forge requests are made: `forge: { github: { repository: owner/name } }`";
        reader.fault("GO0112", place, message, help);
    }
    let config = Config {
        file: file.to_owned(),
        labels: labels.unwrap_or_default(),
        source,
        forge: forge.flatten(),
        targets: targets?,
        gates: gates.unwrap_or_default(),
        needs: needs.iter().map(|(name, _)| name.clone()).collect(),
        approvals: approvals.unwrap_or_default(),
        risks: risks.flatten().unwrap_or_default(),
        windows: windows.unwrap_or_default(),
        apply,
        rollback: rollback.flatten(),
        promote,
        sync: sync.unwrap_or_default(),
        others: Vec::new(),
        has_default_state: state.is_none(),
        said: Digest::of(node.said(&|place| reader.base(place).display().to_string()).as_bytes()),
        home,
        mirrors: state.as_deref().map_or_else(|| apart::default_mirrors(base), |state| state.join("mirrors")),
        state: state.unwrap_or_else(|| apart::default_state(base, &name)),
        name,
    };
    let needs = needs.into_iter().map(|(_, place)| place).collect();
    Some(Found { config, name: place, needs, promote: from })
}

/// Words by which applications are told apart, such as `environment: production`.
fn labels(reader: &Reader, node: &Node) -> BTreeMap<String, String> {
    if !matches!(node.shape, node::Shape::Map(_)) {
        let message = format!("`labels` must be a mapping of names to texts, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, "write `labels: { environment: production }`");
    }
    let mut labels = BTreeMap::new();
    for (name, node) in node.members() {
        if !plain_name(reader, "a label's name", &name.text, name.place) {
            continue;
        }
        let Some(text) = reader.text(node, &format!("the label `{}`", name.text)) else { continue };
        if labels.insert(name.text.clone(), text).is_some() {
            let message = format!("the label `{}` is there twice", name.text);
            reader.fault("GO0108", name.place, message, "remove one of them");
        }
    }
    labels
}

/// The name is part of every plan and audit record, and is typed by people.
fn application(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "`name`")?;
    plain_name(reader, "`name`", &name, node.place).then_some(name)
}

/// Whether a name has letters, digits, `.`, `_` and `-` only; a fault if not.
fn plain_name(reader: &Reader, what: &str, name: &str, place: Place) -> bool {
    let fits = (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && !matches!(name, "." | "..");
    if !fits {
        let message = format!("{what} must be at most 63 letters, digits, `.`, `_` or `-`");
        reader.fault("GO0110", place, message, "choose a short plain name, such as `site`");
    }
    fits
}

/// The one kind of source or target that a mapping holds, and its content. Any other key, besides those in `beside`,
/// is a fault that names the kinds that there are.
fn one_kind<'n, 'k>(
    reader: &Reader,
    node: &'n Node,
    what: &str,
    owner: Place,
    kinds: &[&'k str],
    beside: &[&str],
) -> Option<(&'k str, Place, &'n Node)> {
    let node::Shape::Map(members) = &node.shape else {
        let message = format!("{what} must be a mapping, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, format!("write `{}: {{ … }}` in it", kinds[0]));
        return None;
    };
    let kind_of = |name: &node::Name| kinds.iter().copied().find(|kind| *kind == name.text);
    let known = reader::list(kinds);
    let meant: Vec<&str> = kinds.iter().chain(beside).copied().collect();
    let help = |name: &str| match gitops_core::nearest(name, meant.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("this program knows {known}; others are registered in Rust"),
    };
    let strange = members.iter().filter(|(name, _)| kind_of(name).is_none());
    for (name, _) in strange.filter(|(name, _)| !beside.contains(&name.text.as_str())) {
        let message = format!("unknown kind `{}` of {what}", name.text);
        reader.fault("GO0113", name.place, message, help(&name.text));
    }
    let mut found = members.iter().filter_map(|(name, node)| Some((kind_of(name)?, name.place, node)));
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (None, _) if members.iter().all(|(name, _)| beside.contains(&name.text.as_str())) => {
            let message =
                format!("{what} needs {}{known}", if kinds.len() > 1 { "one of " } else { "the key " });
            reader.fault("GO0107", owner, message, format!("add `{}: {{ … }}`", kinds[0]));
        }
        (Some((first, ..)), Some((second, place, _))) if first == second => {
            let message = format!("the key `{first}` is there twice in {what}");
            reader.fault("GO0108", place, message, "remove one of them");
        }
        (Some((first, ..)), Some((second, place, _))) => {
            let message = format!("{what} has `{first}` and `{second}`; only one can hold");
            reader.fault("GO0112", place, message, "remove one of them, or name several under `targets`");
        }
        _ => {}
    }
    first
}

fn sync(reader: &Reader, node: &Node, owner: Place) -> Option<Sync> {
    let keys = ["prune", "drift", "adopt", "interval", "ready_timeout"];
    let fields = reader.fields(node, "`sync`", owner, &keys)?;
    let policies = [("correct", DriftPolicy::Correct), ("report", DriftPolicy::Report)];
    let default = Sync::default();
    let boolean =
        |name: &str| fields.get(name).and_then(|(_, node)| reader.boolean(node, &format!("`{name}`")));
    let drift = fields.get("drift").and_then(|(_, node)| reader.one_of(node, "`drift`", &policies));
    Some(Sync {
        prune: boolean("prune").unwrap_or(default.prune),
        drift: drift.unwrap_or(default.drift),
        adopt: boolean("adopt").unwrap_or(default.adopt),
        interval: duration_of(reader, &fields, "interval").unwrap_or(default.interval),
        ready_timeout: duration_of(reader, &fields, "ready_timeout").unwrap_or(default.ready_timeout),
    })
}

/// A length of time, such as `60s`.
fn duration_of(reader: &Reader, fields: &Fields<'_>, name: &str) -> Option<Duration> {
    let (_, node) = fields.get(name)?;
    let text = match &node.shape {
        node::Shape::Number(text) => text.clone(),
        _ => reader.text(node, &format!("`{name}`"))?,
    };
    duration::parse(&text)
        .map_err(|message| {
            reader.fault("GO0111", node.place, message, "write a number and a unit: `60s`, `5m`, `1h 30m`");
        })
        .ok()
}

#[cfg(test)]
mod tests;
