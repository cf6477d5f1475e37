//! What people met when they used the command on servers and programs of others.

mod addresses;
mod away;
mod blocked;
mod confirmed;
mod drift;
mod ended;
mod forced;
mod going;
mod hanging;
mod labels;
mod left;
mod removed;
mod rewritten;
mod roots_left;
mod taken_along;
mod turns;
mod unproven;
mod unready;
mod versions;
mod why;
