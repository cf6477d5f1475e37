//! Plans with hostile text in every place, and what must hold of every review of them.

mod approvals;
mod comment;
mod model;
mod renderings;
mod rules;
mod world;
