//! Git as the source of desired state.
