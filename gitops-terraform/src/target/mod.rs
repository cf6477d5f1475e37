//! The target: a root is planned, applied, looked at and concluded, by one of ours at a time.

pub(crate) mod apply;
pub(crate) mod backend;
pub(crate) mod builder;
pub(crate) mod bundle;
pub(crate) mod conclude;
pub(crate) mod confirm;
pub(crate) mod drift;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod moved;
pub(crate) mod override_files;
pub(crate) mod planning;
pub(crate) mod preview;
pub(crate) mod resources;
pub(crate) mod site;
pub(crate) mod terraform;
