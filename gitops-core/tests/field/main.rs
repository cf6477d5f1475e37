//! What people met with such tools in the field, each as it should be: also in the next reconciliation and the next process.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod absent_folders;
mod adoption;
mod asked;
mod beside;
mod binding;
mod blast;
mod blocked;
mod calls;
mod cancelled_render;
mod clean_up;
mod covered;
mod cut_log;
mod drift_meanwhile;
mod edges;
mod effect;
mod findings;
mod held;
mod identity;
mod lasting;
mod late;
mod line;
mod looking_on;
mod looks;
mod lost_creation;
mod mass_deletion;
mod needs;
mod new_objects;
mod noted;
mod orphans;
mod places;
mod postponed;
mod readiness;
mod readiness_once;
mod recorded;
mod related;
mod released;
mod remains;
mod rules;
mod standing;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
mod surviving_run;
mod treatments;
mod ward;
