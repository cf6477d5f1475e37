//! Development tasks: cargo xtask test, bench, fuzz.
fn main() {}
