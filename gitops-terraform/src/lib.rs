//! Terraform and OpenTofu root modules as targets.
