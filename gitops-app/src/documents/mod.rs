//! What programs read: JSON documents, each with a JSON Schema in `schemas/KIND.json` of this crate.

pub mod blocked;
pub mod changes;
pub mod document;
pub mod plan;
pub mod review;
pub mod unified;
pub mod yaml;

pub use document::Document;
