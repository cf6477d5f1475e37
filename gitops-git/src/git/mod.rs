//! The `git` program, as the transport of fetch and push.

mod call;
mod classify;
mod connect;
mod environment;
mod output;
mod program;
mod running;

pub(crate) use call::{Call, Trust};
pub(crate) use classify::{classify, is_refused_want, succeeded};
pub(crate) use output::Output;
pub(crate) use program::GitProgram;
pub(crate) use running::Running;
