//! A review as a JSON document.

use gitops_core::review::ReviewDocument as Content;
use serde::Serialize;

use super::Document;
use crate::review::{NotConcerned, Reviewed, Sides};

/// The document of `review`.
#[derive(Debug, Serialize)]
pub struct ReviewDocument<'a> {
    base: &'a str,
    head: &'a str,
    exit_code: u8,
    #[serde(flatten)]
    content: Content<'a>,
    /// Applications that a merge into the target branch does not change.
    not_concerned: &'a [NotConcerned],
}

impl Document for ReviewDocument<'_> {
    const KIND: &'static str = "Review";
}

impl<'a> ReviewDocument<'a> {
    /// The document of a review of two sides, after which the command ends with a code.
    pub fn new(sides: &'a Sides, reviewed: &'a Reviewed, exit_code: u8) -> Self {
        let content = Content::of(&reviewed.review);
        Self {
            base: sides.base(),
            head: sides.head(),
            exit_code,
            content,
            not_concerned: &reviewed.not_concerned,
        }
    }
}
