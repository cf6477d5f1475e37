//! A seeded world in which the shipping engine runs against model backends, faults and a clock of its own.
#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "times, counts and choices of a world are far below the limits of their types"
)]

mod calls;
mod check;
mod clock;
mod disk;
mod explore;
mod fault;
mod foreign;
mod grant;
mod office;
mod once;
mod origin;
mod outcome;
mod process;
mod profile;
mod random;
mod server;
mod source;
mod state;
mod store;
mod target;
mod trace;
mod twins;
mod world;

pub use crate::cx::{Bug, ParseBugError};
pub use explore::{Failure, explore};
pub use fault::{Fault, ParseFaultError, Strike};
pub use outcome::{Counts, Outcome};
pub use profile::Profile;
pub use state::Violation;
pub use world::World;
