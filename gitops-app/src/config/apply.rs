//! When what a request brings is applied.

use super::node::Node;
use super::reader::Reader;

/// When what a request brings is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplyWhen {
    /// Once it is merged.
    #[default]
    AfterMerge,
    /// When somebody says so on the request, which is merged once that has succeeded. A server does it.
    BeforeMerge,
}

/// Reads `apply:`.
pub fn read(reader: &Reader, node: &Node) -> Option<ApplyWhen> {
    let times = [("after-merge", ApplyWhen::AfterMerge), ("before-merge", ApplyWhen::BeforeMerge)];
    reader.one_of(node, "`apply`", &times)
}
