//! What a backend author needs, in one line: `use gitops_core::prelude::*;`.

pub use crate::{
    Applied, Change, Cx, Error, ErrorKind, Expect, Key, Live, Mark, Precondition, Result, Scope, Target,
    TargetInfo, Tier, Uid, Value, Version, async_trait,
};
