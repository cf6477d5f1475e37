//! What is promoted by itself.

use std::time::Duration;

use super::node::{Node, Place};
use super::reader::Reader;
use super::{Config, Found, GitRef, suggest};

/// From which application another one gets its versions by itself, once they have proven themselves there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoteConfig {
    /// The application whose versions are taken.
    pub from: String,
    /// For how long they must have been live and healthy there.
    pub after: Duration,
    /// Patterns of files that are copied as they are.
    pub files: Vec<String>,
}

/// Reads `promote:`; gives the place of the name too.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<(PromoteConfig, Place)> {
    let fields = reader.fields(node, "`promote`", owner, &["from", "after", "files"])?;
    let from = fields.require("from", "from: staging");
    let from = from.and_then(|(_, node)| Some((reader.text(node, "`from`")?, node.place)));
    let after = super::duration_of(reader, &fields, "after").unwrap_or(Duration::from_secs(600));
    let files = fields.get("files").map(|(_, node)| reader.texts(node, "`files`")).unwrap_or_default();
    let (from, place) = from?;
    Some((PromoteConfig { from, after, files }, place))
}

/// Finds promotions that can't be: from an application that is not there, in a circle, or without what a request needs.
pub fn check(reader: &Reader, all: &[Found]) {
    let names: Vec<&str> = all.iter().map(|found| found.config.name.as_str()).collect();
    for Found { config, promote: place, .. } in all {
        let (Some(rule), Some(place)) = (&config.promote, place) else { continue };
        let from = named(all, &rule.from).filter(|from| from.name != config.name);
        let Some(from) = from else {
            let message = format!(
                "`{}` is promoted from `{}`, which is no other application here",
                config.name, rule.from
            );
            let others: Vec<&str> = names.iter().copied().filter(|name| *name != config.name).collect();
            reader.fault("GO0110", *place, message, suggest::suggestion(&rule.from, &others));
            continue;
        };
        if is_circle(all, config) {
            let message = format!("`{}` is promoted from `{}` in a circle", config.name, from.name);
            reader.fault("GO0110", *place, message, "take one of these promotions out");
        } else if !can_be(from, config) {
            let message = format!(
                "`promote` needs `forge`, and a branch of one repository that `{}` and `{}` follow in folders of their own",
                from.name, config.name
            );
            let help =
                "share `forge` and `source.git.url` and `ref`, and give each application a `path` of its own";
            reader.fault("GO0112", *place, message, help);
        }
    }
}

fn named<'a>(all: &'a [Found], name: &str) -> Option<&'a Config> {
    all.iter().map(|found| &found.config).find(|config| config.name == name)
}

fn can_be(from: &Config, to: &Config) -> bool {
    let is_one = from.source.url == to.source.url && from.source.reference == to.source.reference;
    let have_forge = from.forge.is_some() && to.forge.is_some();
    let is_branch = matches!(to.source.reference, GitRef::Branch(_));
    have_forge && is_one && is_branch && from.source.path != to.source.path
}

/// Whether what an application gives comes back to it.
fn is_circle(all: &[Found], first: &Config) -> bool {
    let before = |config: &Config| named(all, &config.promote.as_ref()?.from);
    let mut at = before(first);
    for _ in all {
        match at {
            Some(config) if config.name == first.name => return true,
            Some(config) => at = before(config),
            None => return false,
        }
    }
    false
}
