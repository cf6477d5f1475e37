//! From manifests to objects: what is declared, what is refused and how it is said.

mod objects;
mod refused;
mod secrets;
mod support;
