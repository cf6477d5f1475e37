//! What programs read: JSON documents, each with a JSON Schema in `schemas/KIND.json` of this crate.

pub mod audit_trail;
pub mod beside;
pub mod blocked;
pub mod changes;
pub mod deployment;
pub mod document;
pub mod drift;
pub mod event;
pub mod graph;
pub mod health;
pub mod held;
pub mod history;
pub mod list;
pub mod plan;
pub mod report;
mod requests;
pub mod review;
pub mod standing;
pub mod status;
pub mod trail;
pub mod unified;
pub mod why;
pub mod yaml;

pub use document::Document;
pub use requests::merged_in_words;
