//! What counts as a risk beside what every application has.

use gitops_core::review::{Kinds, Rules};
use gitops_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::node::{Node, Place};
use super::reader::Reader;

/// What counts as a risk beside what every application has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RisksConfig {
    /// Of how many percent of the application more must change for that to be a large share.
    pub large_share: Option<u8>,
    /// Kinds that hold data too.
    pub stateful: Vec<String>,
    /// Kinds that give rights too.
    pub access: Vec<String>,
}

impl RisksConfig {
    /// The rules that find risks.
    ///
    /// # Errors
    /// `Invalid` for a pattern that can't be used; there is none in a configuration that was read.
    pub fn rules(&self) -> Result<Rules> {
        let unusable =
            |error: gitops_core::review::KindPatternError| Error::new(ErrorKind::Invalid, error.to_string());
        let kinds = Kinds::default().also_stateful(&self.stateful).map_err(unusable)?;
        let kinds = kinds.also_access(&self.access).map_err(unusable)?;
        let rules = Rules::default().knowing(kinds);
        Ok(self.large_share.into_iter().fold(rules, Rules::large_from))
    }
}

const KEYS: [&str; 3] = ["large_share", "stateful", "access"];

/// The mapping under `risks`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<RisksConfig> {
    let fields = reader.fields(node, "`risks`", owner, &KEYS)?;
    let large = fields.get("large_share").map(|(_, node)| percent(reader, node));
    let kinds = |key: &str| {
        let found = fields.limit(key).map(|(_, node)| (node.place, reader.texts(node, &format!("`{key}`"))));
        let (place, kinds) = found?;
        // Each list by itself, so that a fault is shown where it is.
        let known = Kinds::default().also_stateful(&kinds);
        if let Err(error) = known {
            let help = "write kinds such as `Database.example.org` or `aws_*`";
            reader.fault("GO0110", place, error.to_string(), help);
            return None;
        }
        Some(kinds)
    };
    let (stateful, access) = (kinds("stateful"), kinds("access"));
    let large_share = large.map_or(Some(None), |large| large.map(Some))?;
    Some(RisksConfig {
        large_share,
        stateful: stateful.unwrap_or_default(),
        access: access.unwrap_or_default(),
    })
}

fn percent(reader: &Reader, node: &Node) -> Option<u8> {
    let number = reader.amount(node, "`large_share`")?;
    match u8::try_from(number) {
        Ok(percent) if percent <= 100 => Some(percent),
        _ => {
            let message = format!("`large_share` is {number}, and may be 100 at most");
            reader.fault(
                "GO0110",
                node.place,
                message,
                "write a percentage of the application's objects: `large_share: 10`",
            );
            None
        }
    }
}
