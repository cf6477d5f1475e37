//! What is declared: manifests, what they say of one another, and the programs that make them.

pub(crate) mod edges;
pub(crate) mod manifest;
pub(crate) mod render;
pub(crate) mod transform;
