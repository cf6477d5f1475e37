//! Why an application does not apply what is merged: it does not follow its branch now.

use gitops_core::{Cx, History, Pin, Relation, Result, Revision, Source, Suspension, Verdict};

use crate::session::Session;

/// The name under which it is said that a branch is not followed.
const BRANCH: &str = "branch";

/// What there is to say of it.
pub(super) struct NotFollowed {
    /// For who reads the review.
    pub verdict: Verdict,
    /// Why the merge would not be applied, where nobody ordered that, and the merge does not mend it.
    pub refused: Option<String>,
}

impl NotFollowed {
    /// How an application stands to its branch, into which a head is to be merged.
    pub async fn of(cx: &Cx, session: &Session, base: &Revision, head: &Revision) -> Result<Self> {
        let said = session.engine.suspended(cx).await?.map_or(Verdict::Allow, |found| suspended(&found));
        if let Some(pin) = session.engine.pinned(cx).await? {
            return Ok(Self { verdict: said.and(pinned(&pin)), refused: None });
        }
        let Some((newest, accepted)) = moved_back(cx, session, base).await? else {
            return Ok(Self { verdict: said, refused: None });
        };
        let (newest, at) = (newest.short(), accepted.short());
        let why = format!(
            "the branch was moved back or rewritten ({newest} does not descend from {at}, which is applied)"
        );
        if goes_on(cx, session, accepted, head).await? {
            let mends =
                format!("{why}: this request has {at}, so a merge without squash or rebase is applied again");
            return Ok(Self { verdict: said.and(Verdict::warn(BRANCH, mends)), refused: None });
        }
        let name = &session.config.name;
        let message = format!(
            "{why}: a merge is not applied. Push {at} to the branch again, or accept the branch by `gitops -a {name} rollback {newest}` \
             and then `gitops -a {name} rollback --end`"
        );
        Ok(Self { verdict: said.and(Verdict::warn(BRANCH, message)), refused: Some(why) })
    }
}

/// Where the branch is and what it does not descend from, if the engine refuses to follow it.
async fn moved_back<'s>(
    cx: &Cx,
    session: &'s Session,
    base: &Revision,
) -> Result<Option<(Revision, &'s Revision)>> {
    let Some(accepted) = session.engine.inventory().accepted() else { return Ok(None) };
    if goes_on(cx, session, accepted, base).await? {
        return Ok(None);
    }
    // The target branch may be named by an older commit of it, and may have gone on since it was read.
    let newest = session.git.resolve(cx).await?;
    Ok((!goes_on(cx, session, accepted, &newest).await?).then_some((newest, accepted)))
}

/// Whether a revision is the accepted one, or descends from it.
async fn goes_on(cx: &Cx, session: &Session, accepted: &Revision, revision: &Revision) -> Result<bool> {
    let relation = History::relation(&session.git, cx, accepted, revision).await?;
    Ok(matches!(relation, Relation::Same | Relation::Newer))
}

/// A person stopped all writes.
fn suspended(suspension: &Suspension) -> Verdict {
    let Suspension { by, reason, .. } = suspension;
    Verdict::warn(
        "suspended",
        format!("it is suspended by {by} ({reason}): what is merged waits until it is resumed"),
    )
}

/// What is live is a request that is not merged, or what somebody went back to.
fn pinned(pin: &Pin) -> Verdict {
    let Some(request) = &pin.ahead_of else {
        let message = format!(
            "it is pinned to {} by {}: what is merged waits until the branch is followed again",
            pin.revision.short(),
            pin.by
        );
        return Verdict::warn("pinned", message);
    };
    let message = format!(
        "{request} is applied here ({}) and not merged: what it changed stands under existing drift, and no other request is applied \
         before that one is merged or closed",
        pin.revision.short()
    );
    Verdict::warn("ahead", message)
}
