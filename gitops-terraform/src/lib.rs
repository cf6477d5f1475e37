//! Terraform and OpenTofu root modules as targets of gitops.
//!
//! This crate has its place and no content yet: a root module will be one executed node, planned by
//! `gitops_core::capability::NativePlan` and applied from its saved plan. What it will do is in the repository's
//! changelog under *Unreleased*.
