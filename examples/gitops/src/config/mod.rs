//! The configuration file: `gitops.yaml`.

mod auth;
mod duration;
mod node;
mod reader;
mod source;
mod suggest;
mod text;

pub use auth::{Auth, SecretPlace};
pub use duration::parse as parse_duration;
pub use source::{GitConfig, GitRef};

use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// The folder that is kept equal.
    pub root: PathBuf,
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
}

impl Default for Sync {
    fn default() -> Self {
        let interval = Duration::from_secs(60);
        Self { prune: true, drift: DriftPolicy::Correct, adopt: false, interval }
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

const KEYS: [&str; 5] = ["name", "source", "target", "sync", "state"];

/// All parts are read before any is missed, so that every fault is found at once.
fn read(reader: &Reader<'_>, node: &Node, file: &Path) -> Option<Config> {
    let base = file.parent().unwrap_or(Path::new(""));
    let fields = reader.fields(node, "the file", Place::START, &KEYS)?;
    let name = fields.require("name", "name: site").and_then(|(_, node)| application(reader, node));
    let source = fields
        .require("source", "source: { git: { url: ./site.git, ref: { branch: main } } }")
        .and_then(|(place, node)| source::read(reader, node, place, base));
    let root = fields
        .require("target", "target: { directory: { root: ./live } }")
        .and_then(|(place, node)| target(reader, node, place));
    let sync = fields.get("sync").and_then(|(place, node)| sync(reader, node, place));
    let state = fields.get("state").and_then(|(_, node)| reader.text(node, "`state`"));
    Some(Config {
        file: file.to_owned(),
        name: name?,
        source: source?,
        root: base.join(root?),
        sync: sync.unwrap_or_default(),
        state: base.join(state.as_deref().unwrap_or(".gitops")),
    })
}

/// The name is part of every plan and audit record, and is typed by people: letters, digits, `.`, `_` and `-`.
fn application(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.text(node, "`name`")?;
    let fits = name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !fits {
        let message = "`name` must be at most 63 letters, digits, `.`, `_` or `-`";
        reader.fault("GO0110", node.place, message, "choose a short plain name, such as `site`");
    }
    fits.then_some(name)
}

fn target(reader: &Reader<'_>, node: &Node, owner: Place) -> Option<String> {
    let (place, node) = only_kind(reader, node, "`target`", owner, "directory")?;
    let fields = reader.fields(node, "`directory`", place, &["root"])?;
    fields.require("root", "root: ./live").and_then(|(_, node)| reader.text(node, "`root`"))
}

/// The content of the one kind of source or target that there is; any other names what exists.
fn only_kind<'n>(
    reader: &Reader<'_>,
    node: &'n Node,
    what: &str,
    owner: Place,
    kind: &str,
) -> Option<(Place, &'n Node)> {
    let node::Shape::Map(members) = &node.shape else {
        let message = format!("{what} must be a mapping, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, format!("write `{kind}: {{ … }}` in it"));
        return None;
    };
    let help = format!("this command knows `{kind}`; other kinds are put together in Rust from the crates");
    for (name, _) in members.iter().filter(|(name, _)| name.text != kind) {
        reader.fault("GO0113", name.place, format!("unknown kind `{}` of {what}", name.text), help.as_str());
    }
    let mut known = members.iter().filter(|(name, _)| name.text == kind);
    let (first, second) = (known.next(), known.next());
    if let Some((name, _)) = second {
        let message = format!("the key `{kind}` is there twice in {what}");
        reader.fault("GO0108", name.place, message, "remove one of them");
    }
    if members.is_empty() {
        let message = format!("{what} needs the key `{kind}`");
        reader.fault("GO0107", owner, message, format!("add `{kind}: {{ … }}`"));
    }
    first.map(|(name, node)| (name.place, node))
}

fn sync(reader: &Reader<'_>, node: &Node, owner: Place) -> Option<Sync> {
    let fields = reader.fields(node, "`sync`", owner, &["prune", "drift", "adopt", "interval"])?;
    let policies = [("correct", DriftPolicy::Correct), ("report", DriftPolicy::Report)];
    let default = Sync::default();
    let boolean =
        |name: &str| fields.get(name).and_then(|(_, node)| reader.boolean(node, &format!("`{name}`")));
    let drift = fields.get("drift").and_then(|(_, node)| reader.one_of(node, "`drift`", &policies));
    Some(Sync {
        prune: boolean("prune").unwrap_or(default.prune),
        drift: drift.unwrap_or(default.drift),
        adopt: boolean("adopt").unwrap_or(default.adopt),
        interval: interval(reader, &fields).unwrap_or(default.interval),
    })
}

fn interval(reader: &Reader<'_>, fields: &Fields<'_, '_>) -> Option<Duration> {
    let (_, node) = fields.get("interval")?;
    let text = match &node.shape {
        node::Shape::Number(text) => text.clone(),
        _ => reader.text(node, "`interval`")?,
    };
    duration::parse(&text)
        .map_err(|message| {
            reader.fault("GO0111", node.place, message, "write a number and a unit: `60s`, `5m`, `1h 30m`");
        })
        .ok()
}

#[cfg(test)]
mod tests;
