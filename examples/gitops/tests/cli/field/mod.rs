//! What people met when they used the command: one short case each, named by what is right.

mod ahead;
mod audit;
mod binding;
mod blocked;
mod chains;
mod contested;
mod first_plan;
mod held;
mod hints;
mod limits;
mod saved;
mod secrets;
mod standing;
mod survives;
mod told;
