//! Kubernetes as a target.
