//! Statuses that are written only when they change.

use gitops_core::{Cx, Result};

use super::may_repeat;
use crate::forge::Forge;
use crate::value::{CommitId, CommitStatus};

pub(super) async fn ensure<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    commit: &CommitId,
    status: &CommitStatus,
) -> Result<bool> {
    let status = status.clone().fitted(forge.info().context_chars);
    let mut tries = 0;
    loop {
        if forge.statuses(cx, commit).await?.contains(&status) {
            return Ok(tries > 0);
        }
        tries += 1;
        match forge.set_status(cx, commit, &status).await {
            Ok(()) => return Ok(true),
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}
