//! What people met in the field, one short case each.

mod adopted;
mod blast;
mod charts;
mod clients;
mod controllers;
mod creations;
mod given;
mod handed;
mod held;
mod hooks;
mod identity;
mod items;
mod kinds;
mod left;
mod moved;
mod operators;
mod orphaned;
mod popular;
mod readiness;
mod removals;
mod renamed;
mod renames;
mod strategy;
mod undone;
mod waves;
mod webhooks;
