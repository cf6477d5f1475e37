//! What is declared: root modules, how they are found and read, and the gate that comes with them.

pub(crate) mod gate;
pub(crate) mod hcl;
pub(crate) mod module;
pub(crate) mod render;
