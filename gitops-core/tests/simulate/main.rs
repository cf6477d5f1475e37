//! The shipping engine in seeded worlds.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(feature = "simulate")]

mod bugs;
mod seeds;
mod shrink;
