//! The document of a verb that works with several applications.

use serde::Serialize;
use serde_json::Value;

use super::Document;
use super::plan::Summary;
use crate::orphans::Orphaned;

/// What a verb tells of several applications.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ListDocument<'a> {
    /// The verb.
    pub verb: &'a str,
    /// How the command ends: of the applications' own codes the one that comes first in its order.
    pub exit_code: u8,
    /// The sum of all plans, if any was made.
    pub summary: Option<Summary>,
    /// One document for each application, or the error because of which there is none: as [`json`](super::document::json)
    /// makes it.
    pub items: Vec<Value>,
    /// Applications that left the configuration and still own objects.
    pub orphaned: &'a [Orphaned],
    /// Applications that were not tried, because somebody asked to stop, or because one that they need was not applied.
    pub not_tried: Vec<&'a str>,
}

impl Document for ListDocument<'_> {
    const KIND: &'static str = "List";
}

impl<'a> ListDocument<'a> {
    /// The documents of applications as one, with the sum of their plans if any was made.
    pub fn new(
        verb: &'a str,
        exit_code: u8,
        summary: Option<Summary>,
        items: Vec<Value>,
        orphaned: &'a [Orphaned],
        not_tried: Vec<&'a str>,
    ) -> Self {
        Self { verb, exit_code, summary, items, orphaned, not_tried }
    }
}
