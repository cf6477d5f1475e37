//! An in-house key-value service as a target, in sixty lines.
fn main() {}
