//! When changes may be made.

use gitops_core::Time;
use gitops_core::review::window::{Window, WindowError, WindowKind, WindowState, Windows};
use gitops_core::{Digest, Hasher};

use super::node::{Node, Place};
use super::plain_name;
use super::reader::{Fields, Reader};

/// Change windows, and what stands for them.
#[derive(Clone, Debug)]
pub struct WindowsConfig {
    windows: Windows,
    digest: Digest,
}

impl Default for WindowsConfig {
    fn default() -> Self {
        Self { windows: Windows::default(), digest: Hasher::new("gitops change windows").finish() }
    }
}

impl WindowsConfig {
    /// Whether changes may be made in an environment at a time.
    pub fn at(&self, environment: &str, now: Time) -> WindowState {
        self.windows.at(environment, now)
    }

    /// The first time after another one at which something else is said of an environment, if that is within the next two days.
    pub fn changes_after(&self, environment: &str, now: Time) -> Option<Time> {
        self.windows.changes_after(environment, now)
    }

    /// What stands for the windows as they are written: another text has another one.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

const KEYS: [&str; 5] = ["name", "zone", "environments", "allow", "deny"];

const EXAMPLE: &str =
    "- { name: weekend, zone: Europe/Berlin, deny: { days: [sat, sun], from: \"00:00\", to: \"24:00\" } }";

/// The list under `windows`.
pub fn read(reader: &Reader, node: &Node) -> WindowsConfig {
    let items = reader.items(node, "`windows`", &format!("write `{EXAMPLE}` in a line of its own"));
    let mut hasher = Hasher::new("gitops change windows");
    let mut found = Vec::new();
    for item in items {
        if let Some((window, words)) = window(reader, item, item.place) {
            for word in words {
                hasher.field(word);
            }
            found.push(window);
        }
    }
    let fault =
        |error: WindowError| reader.fault("GO0104", node.place, error.to_string(), "join some of them");
    match Windows::new(found).map_err(fault) {
        Ok(windows) => WindowsConfig { windows, digest: hasher.finish() },
        Err(()) => WindowsConfig::default(),
    }
}

/// A window with the words that it was made of.
fn window(reader: &Reader, node: &Node, owner: Place) -> Option<(Window, Vec<String>)> {
    let fields = reader.fields(node, "a window", owner, &KEYS)?;
    let name = fields.require("name", "name: weekend").and_then(|(_, node)| {
        let name = reader.text(node, "`name`")?;
        plain_name(reader, "a window's `name`", &name, node.place).then_some(name)
    });
    // A time without a zone would mean another time on every machine.
    let zone =
        fields.require("zone", "zone: Europe/Berlin").and_then(|(_, node)| reader.text(node, "`zone`"));
    let environments = fields.limit("environments").map(|(_, node)| reader.environments(node));
    let environments = environments.unwrap_or_default();
    let (kind, node) = fields
        .exactly_one(&["allow", "deny"], "deny: { days: [sat, sun], from: \"00:00\", to: \"24:00\" }")?;
    let when = reader.fields(node, &format!("`{kind}`"), owner, &["days", "from", "to"]).map(|fields| {
        let days = fields.limit("days").map(|(_, node)| reader.texts(node, "`days`"));
        (days, time(reader, &fields, "from"), time(reader, &fields, "to"))
    });
    let (days, from, to) = when?;
    let (name, zone, from, to) = (name?, zone?, from?, to?);
    let of = if kind == "allow" { WindowKind::Allow } else { WindowKind::Deny };
    let days: Option<Vec<&str>> = days.as_ref().map(|days| days.iter().map(String::as_str).collect());
    let made = match &days {
        Some(days) => Window::weekly(&name, of, &zone, days, &from, &to),
        None => Window::once(&name, of, &zone, &from, &to),
    };
    let window = match made {
        Ok(window) => window,
        Err(error) => {
            let help =
                "with `days`, `from` and `to` are times such as \"08:30\"; without, such as 2026-12-23T18:00";
            reader.fault("GO0110", node.place, error.to_string(), help);
            return None;
        }
    };
    let window = environments.iter().fold(window, Window::in_environment);
    let words = [&[name, zone, kind.to_owned(), from, to][..], &environments];
    let days = days.into_iter().flatten().map(str::to_owned);
    Some((window, words.concat().into_iter().chain(days).collect()))
}

fn time(reader: &Reader, fields: &Fields<'_>, key: &str) -> Option<String> {
    let (_, node) = fields.require(key, &format!("{key}: \"08:30\""))?;
    reader.text(node, &format!("`{key}`"))
}
