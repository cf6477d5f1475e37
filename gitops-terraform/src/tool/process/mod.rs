//! Runs the tool: its own process group, a clean environment, bounded output, a graceful end.

mod call;
mod confine;
mod environment;
mod lines;
mod orphan;
mod program;
mod ring;

pub(crate) use call::{Call, Ended, Output};
pub(crate) use confine::{Confined, Confinement};
pub(crate) use environment::{Environment, RUN, is_kept_back};
pub(crate) use lines::Lines;
pub(crate) use orphan::{Orphans, boot, is_gone, new_run};
pub(crate) use program::Program;
