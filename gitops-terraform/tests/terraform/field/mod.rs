//! What people met at work, one short case each.

mod apart;
mod confirmed;
mod drift;
mod elsewhere;
mod language;
mod odds;
mod places;
mod provisioned;
mod said;
mod timeouts;
mod turns;
mod versions;
