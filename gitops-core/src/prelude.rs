//! What a backend author needs, in one line: `use gitops_core::prelude::*;`.

pub use crate::capability::{RecoveryClass, Scope, Target, TargetInfo};
pub use crate::cx::Cx;
pub use crate::value::{
    Applied, Change, Error, ErrorKind, Expect, Key, Live, OwnerLabel, Precondition, Result, Uid, Value,
    Version,
};
pub use async_trait::async_trait;
