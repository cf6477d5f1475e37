//! The request of a promotion by rule that is not to be merged any more.

use gitops_core::{Cx, Result, Revision};
use gitops_forge::{ChangeRequest, Forge, ForgeExt as _, RequestState};

use super::Promotion;
use super::keep::{BRANCH, Proposed, branch, is_untouched, say_in, title};
use crate::rollback;
use crate::session::Session;

impl Proposed {
    /// The last request, as far as it is remembered.
    pub fn request(&self) -> Option<u64> {
        self.last.map(|last| last.request)
    }

    /// The last request, if it is open and not the one that a promotion of `from` to `to` keeps.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn left_open(
        &self,
        cx: &Cx,
        forge: &dyn Forge,
        from: Option<&str>,
        to: &str,
    ) -> Result<Option<ChangeRequest>> {
        let Some(number) = self.request() else { return Ok(None) };
        let request = match forge.change_request(cx, number).await {
            Err(error) if error.is_not_found() => return Ok(None),
            found => found?,
        };
        let is_kept = from.is_some_and(|from| request.head.name == branch(from, to));
        Ok(Some(request).filter(|request| request.state == RequestState::Open && !is_kept))
    }
}

impl Promotion {
    /// Whether it would bring the versions that were proposed last.
    pub fn brings(&self, proposed: &Proposed) -> bool {
        proposed.last.is_some_and(|last| last.versions == self.versions())
    }
}

/// Closes the open request of a promotion to an application, and says why in it; gives whether it is closed. One to whose branch
/// somebody else pushed is told the same and left open. `session` is of any application of the same repository.
///
/// # Errors
/// Those of the forge and of the source.
///
/// # Cancel safety
/// If the future is dropped, it was told or closed, or not; make the call again.
pub async fn end(
    cx: &Cx,
    session: &Session,
    forge: &dyn Forge,
    (request, to): (&ChangeRequest, &str),
    why: &str,
) -> Result<bool> {
    let head = Revision::new(request.head.commit.as_str(), request.head.commit.as_str());
    let git = rollback::proposing(cx, &session.git, forge).await?;
    let from = request.head.name.strip_prefix(BRANCH);
    let from = from.and_then(|rest| rest.strip_suffix(&format!("-to-{to}")));
    let is_ours = match from {
        Some(from) => is_untouched(cx, session, &git, &head, &title(from, to)).await?,
        None => false,
    };
    let may_close = forge.closing().is_some() && is_ours;
    let rest = if may_close { "" } else { " It is left open, and not kept current any more." };
    say_in(cx, session, forge, (request, to), &format!("{why}: this is not to be merged.{rest}")).await?;
    Ok(may_close && forge.close_request(cx, request.number).await?)
}
