//! What people met in the field, each as a short case: what is right stands in the name.

mod charts;
mod faults;
mod kustomizations;
mod reading;
mod secrets;
