//! Who owns which fields of an object: the server's record of it, and what follows from it.

mod diff;
mod extract;
mod set;

pub(crate) use diff::{Leaf, changes, changes_outside, leaves};
pub(crate) use extract::{at, extract, remove};
pub(crate) use set::{Element, FieldSet, Managed, default_of_key, managed, shown};
