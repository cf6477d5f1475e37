//! The reader against the programs whose rules it follows.

mod cases;
mod generate;
mod kubectl;
mod scalars;
