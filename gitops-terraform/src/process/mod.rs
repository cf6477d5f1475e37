//! Runs the tool: its own process group, a clean environment, bounded output, a graceful end.

mod call;
mod environment;
mod lines;
mod orphan;
mod program;
mod ring;

pub(crate) use call::{Call, Ended, Output};
pub(crate) use environment::{Environment, RUN};
pub(crate) use lines::Lines;
pub(crate) use orphan::{Orphans, Process, is_gone, new_run};
pub(crate) use program::Program;
