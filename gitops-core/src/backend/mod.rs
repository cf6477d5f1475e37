//! Backends that need nothing but this crate: files in a folder, a map in memory, and an adapter over plain services.

pub mod directory;
pub(crate) mod memory;
pub mod service;
