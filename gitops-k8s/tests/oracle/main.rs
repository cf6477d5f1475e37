//! The reader against the programs whose rules it follows.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod cases;
mod corpus;
mod generate;
mod json;
mod kubectl;
mod kustomize;
mod scalars;
mod warnings;
