//! An engine's state in a cluster.

pub(crate) mod lease;
pub(crate) mod store;
