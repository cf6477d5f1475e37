//! Who owns which fields of an object: the server's record of it, and what follows from it.

mod diff;
mod extract;
mod set;

pub(crate) use diff::{changes, changes_outside, transfers};
pub(crate) use extract::extract;
pub(crate) use set::{Element, FieldSet, Managed, default_of_key, managed, shown};
