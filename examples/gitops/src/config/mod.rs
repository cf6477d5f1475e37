//! The configuration file: `gitops.yaml`.

mod auth;
mod duration;
mod gates;
mod node;
mod reader;
mod source;
mod suggest;
mod target;
mod text;

pub use auth::{Auth, SecretPlace};
pub use duration::parse as parse_duration;
pub use source::{GitConfig, GitRef};
pub use target::{
    BackendConfig, IgnoreConfig, KubernetesConfig, RenderConfig, RenderKind, TargetConfig, TargetKind,
    TerraformConfig,
};

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::cel::CelGate;
use gitops_core::{Diagnostic, DriftPolicy, Error, Result};
use node::{Node, Place};
use reader::{Fields, Reader};

/// One application, as its file describes it. Paths are absolute or relative to the working folder.
#[derive(Debug)]
pub struct Config {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The application's name.
    pub name: String,
    /// Where desired state comes from.
    pub source: GitConfig,
    /// What is kept equal to it; at least one.
    pub targets: Vec<TargetConfig>,
    /// Rules that plans must pass.
    pub gates: Vec<CelGate>,
    /// What may be done, and how often.
    pub sync: Sync,
    /// The folder of journal, inventory, mirror and audit log.
    pub state: PathBuf,
}

/// What may be done, and how often.
#[derive(Debug, PartialEq, Eq)]
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
    /// Reads a file.
    ///
    /// # Errors
    /// `Invalid` with every fault of the file, each with its place and the way out.
    pub fn load(file: &Path) -> Result<Self> {
        let text = text::read(file).map_err(|fault| refuse(vec![*fault]))?;
        Self::parse(file, &text)
    }

    /// The folder of the file, from which its relative paths start.
    pub fn base(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(file: &Path, text: &str) -> Result<Self> {
        let name = file.display().to_string();
        let reader = Reader::new(&name, text);
        let config = match node::parse(text) {
            Ok(node) => read(&reader, &node, file),
            Err((message, place)) => {
                let help = "check the indentation, the quotes and the brackets near this place";
                reader.fault("GO0105", place.unwrap_or(Place::START), format!("not YAML: {message}"), help);
                None
            }
        };
        let faults = reader.into_faults();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(refuse(faults)),
        }
    }
}

fn refuse(faults: Vec<Diagnostic>) -> Error {
    Error::invalid("the configuration can't be used", faults)
}

const KEYS: [&str; 7] = ["name", "source", "target", "targets", "gates", "sync", "state"];

/// All parts are read before any is missed, so that every fault is found at once.
fn read(reader: &Reader<'_>, node: &Node, file: &Path) -> Option<Config> {
    let base = file.parent().unwrap_or(Path::new(""));
    let fields = reader.fields(node, "the file", Place::START, &KEYS)?;
    let name = fields.require("name", "name: site").and_then(|(_, node)| application(reader, node));
    let source = fields
        .require("source", "source: { git: { url: ./site.git, ref: { branch: main } } }")
        .and_then(|(place, node)| source::read(reader, node, place, base));
    let targets = target::read(reader, &fields, base);
    let gates = fields.get("gates").map(|(_, node)| gates::read(reader, node));
    let sync = fields.get("sync").and_then(|(place, node)| sync(reader, node, place));
    let state = fields.get("state").and_then(|(_, node)| reader.text(node, "`state`"));
    Some(Config {
        file: file.to_owned(),
        name: name?,
        source: source?,
        targets: targets?,
        gates: gates.unwrap_or_default(),
        sync: sync.unwrap_or_default(),
        state: base.join(state.as_deref().unwrap_or(".gitops")),
    })
}

/// The name is part of every plan and audit record, and is typed by people.
fn application(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.text(node, "`name`")?;
    plain_name(reader, "`name`", &name, node.place).then_some(name)
}

/// Whether a name has letters, digits, `.`, `_` and `-` only; a fault if not.
fn plain_name(reader: &Reader<'_>, what: &str, name: &str, place: Place) -> bool {
    let fits = (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !fits {
        let message = format!("{what} must be at most 63 letters, digits, `.`, `_` or `-`");
        reader.fault("GO0110", place, message, "choose a short plain name, such as `site`");
    }
    fits
}

/// The one kind of source or target that a mapping holds, and its content. Any other key, besides those in `beside`,
/// is a fault that names the kinds that there are.
fn one_kind<'n>(
    reader: &Reader<'_>,
    node: &'n Node,
    what: &str,
    owner: Place,
    kinds: &[&'static str],
    beside: &[&str],
) -> Option<(&'static str, Place, &'n Node)> {
    let node::Shape::Map(members) = &node.shape else {
        let message = format!("{what} must be a mapping, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, format!("write `{}: {{ … }}` in it", kinds[0]));
        return None;
    };
    let kind_of = |name: &node::Name| kinds.iter().copied().find(|kind| *kind == name.text);
    let known = reader::list(kinds);
    let help = format!("this command knows {known}; other kinds are put together in Rust from the crates");
    let strange = members.iter().filter(|(name, _)| kind_of(name).is_none());
    for (name, _) in strange.filter(|(name, _)| !beside.contains(&name.text.as_str())) {
        reader.fault("GO0113", name.place, format!("unknown kind `{}` of {what}", name.text), help.as_str());
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

fn sync(reader: &Reader<'_>, node: &Node, owner: Place) -> Option<Sync> {
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
fn duration_of(reader: &Reader<'_>, fields: &Fields<'_, '_>, name: &str) -> Option<Duration> {
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
