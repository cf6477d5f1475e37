//! What people and programs read.

pub mod changes;
pub mod components;
pub mod diagnostic;
pub mod diff;
pub mod document;
pub mod error;
pub mod plan;
pub mod plan_document;
pub mod report;
mod screen;
pub mod style;
pub mod table;

pub use document::Document;
pub use screen::Screen;
