//! The book: the commands of its pages are run, its error index is the command's own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod errors;
mod follow;
mod kubectl;
mod pages;
mod reference;
mod transcript;

/// A page of the book.
fn page(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
