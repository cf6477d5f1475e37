//! The directory target: what it promises of files that are its own and of files that are not.

mod changes;
mod support;
