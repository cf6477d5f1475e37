//! What people met with such tools in the field, each as it should be.

mod answers;
mod hostile;
mod limits;
mod local;
mod proxies;
mod signers;
