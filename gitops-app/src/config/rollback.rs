//! When an application is rolled back by itself.

use std::time::Duration;

use super::node::{Node, Place};
use super::reader::Reader;

/// When an application is rolled back by itself: a deployment whose objects do not work is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RollbackConfig {
    /// How long after a deployment began what fails counts as its doing, and by when it must be ready.
    pub within: Duration,
}

/// What is rolled back for.
const REASONS: [(&str, ()); 1] = [("failed-health", ())];

/// Reads `rollback:`. The request that takes a commit back is made on a forge, and into a branch.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<RollbackConfig> {
    let fields = reader.fields(node, "`rollback`", owner, &["on", "within"])?;
    let on = fields.require("on", "on: failed-health");
    let on = on.and_then(|(_, node)| reader.one_of(node, "`on`", &REASONS));
    let within = super::duration_of(reader, &fields, "within").unwrap_or(Duration::from_secs(600));
    on.map(|()| RollbackConfig { within })
}
