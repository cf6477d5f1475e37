//! What people met when they used the command on servers and programs of others.

mod blocked;
mod confirmed;
mod drift;
mod ended;
mod rewritten;
mod versions;
mod why;
