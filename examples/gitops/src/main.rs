//! The gitops command: plan, apply and keep applied what a Git repository declares.
fn main() {}
