//! What people and programs read.

pub mod blocked;
pub mod commits;
pub mod components;
pub mod diff;
pub mod error;
pub mod folded;
pub mod plan;
pub mod report;
mod screen;
pub mod style;
pub mod table;
mod unified;
pub mod when;

pub use screen::Screen;
