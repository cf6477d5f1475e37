//! What a backend author needs, in one line: `use gitops_core::prelude::*;`.

pub use crate::{
    Applied, Change, Cx, Error, ErrorKind, Expect, Key, Live, OwnerLabel, Precondition, RecoveryClass,
    Result, Scope, Target, TargetInfo, Uid, Value, Version, async_trait,
};
