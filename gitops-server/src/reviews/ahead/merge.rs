//! The merge of a request that is live already.

use gitops_app::config::Config;
use gitops_app::forge::patiently;
use gitops_core::{Cx, Error, ErrorKind, Pin, Relation, Result};
use gitops_forge::{ChangeRequest, CommitId, ForgeExt, Merge, MergeMethod};

use super::super::Shared;
use super::super::commands::look;
use super::super::memory::Ahead;
use super::{Standing, short, standing};

impl Shared {
    /// Merges a request whose head is live in one application, if it is in all. Gives what is said, and whether it is merged.
    pub(super) async fn merge(
        &self,
        cx: &Cx,
        config: &Config,
        request: &ChangeRequest,
        pin: &Pin,
    ) -> Result<(String, Option<bool>)> {
        let page = self.memory.page(cx, request.number).await?;
        let Some(ahead) = page.ahead else {
            let message = "what else must be live before the merge is not remembered any more";
            return Err(
                Error::new(ErrorKind::NotFound, message).help("comment `/apply` on the request again")
            );
        };
        let base = &ahead.base;
        let (relation, newest) = self.beside_branch(cx, config, pin).await?;
        // Somebody merged without the forge, or the forge was cut short after it had moved the branch.
        let has_it = || {
            let text = format!(
                "applied, and `{base}` has it already ({newest}): the branch is followed again. The forge does not show the request as merged: close it there"
            );
            Ok((text, Some(true)))
        };
        if relation == Relation::Older {
            return has_it();
        }
        if let Some(why) =
            self.keeps_from_merge(cx, config, request, pin, &ahead, (relation, &newest)).await?
        {
            return Ok((why, None));
        }
        let allowed = patiently(cx, || self.forge.merge_methods(cx)).await?;
        let Some(method) = method(&allowed) else {
            return Ok(("applied, and not merged: the repository allows no way to merge".to_owned(), None));
        };
        let head = CommitId::parse(pin.revision.id())?;
        let merge = Merge::of(head).method(method).into_branch(base);
        match self.forge.ensure_merged(cx, request.number, &merge).await {
            Ok(merged) => {
                let commit = merged.commit.as_ref().map(short).unwrap_or_default();
                self.merged_into(cx, request.number, base, commit).await
            }
            Err(error) if is_said(&error) && relation == Relation::Same => has_it(),
            Err(error) if is_said(&error) => {
                Ok((format!("applied, and not merged: {}", error.with_help()), None))
            }
            Err(error) => Err(error),
        }
    }

    /// Why what is live is not merged yet, or not as it is.
    async fn keeps_from_merge(
        &self,
        cx: &Cx,
        config: &Config,
        request: &ChangeRequest,
        pin: &Pin,
        ahead: &Ahead,
        (relation, newest): (Relation, &str),
    ) -> Result<Option<String>> {
        if ahead.is_let_go || ahead.head != pin.revision.id() {
            let text = "applied, and not merged: what else it changes was let go of since. Comment `/apply` on the request again";
            return Ok(Some(text.to_owned()));
        }
        let others = ahead.applications.iter().filter(|name| **name != config.name);
        let waits: Vec<&str> = others.filter(|name| !self.is_live(name, pin)).map(String::as_str).collect();
        if !waits.is_empty() {
            return Ok(Some(format!("applied; the merge waits for {}", waits.join(", "))));
        }
        if relation == Relation::Diverged {
            // A merge would make something else.
            let base = &ahead.base;
            return Ok(Some(format!(
                "applied, and not merged: `{base}` went on to {newest} meanwhile. Merge it into the request, push, and apply that"
            )));
        }
        let against = self.asked(request.number).withdrawal(cx, request, &ahead.rests_on).await?;
        Ok(against.map(|why| {
            format!("applied, and not merged: {why}. It is merged once nothing is against it; `/unlock {}` takes it back", config.name)
        }))
    }

    /// What is said of a merge. Forges compare the head alone: a request that was given another branch in the very moment is merged there.
    async fn merged_into(
        &self,
        cx: &Cx,
        number: u64,
        base: &str,
        commit: &str,
    ) -> Result<(String, Option<bool>)> {
        let now = patiently(cx, || self.forge.change_request(cx, number)).await?.base.name;
        if now == base {
            return Ok((format!("applied, then merged as {commit}"), Some(true)));
        }
        let text = format!(
            "applied for `{base}`, and merged into `{now}` as {commit}: somebody changed the branch in that moment. What `{base}` has is applied again"
        );
        Ok((text, Some(false)))
    }

    fn is_live(&self, application: &str, pin: &Pin) -> bool {
        let Some(handle) = self.board.handle(application) else { return false };
        let status = handle.status().borrow().clone();
        let of_same = |own: &&Pin| own.ahead_of == pin.ahead_of && own.revision.id() == pin.revision.id();
        let own = status.pinned.as_ref().filter(of_same);
        own.is_some_and(|own| standing(&status, own) == Standing::Live)
    }

    /// How the head that is applied lies to the newest commit of the branch, and that.
    async fn beside_branch(&self, cx: &Cx, config: &Config, pin: &Pin) -> Result<(Relation, String)> {
        let session = look(cx, config).await?;
        let source = session.engine.source();
        let newest = source.resolve(cx).await?;
        let unsupported = || Error::new(ErrorKind::Unsupported, "the source has no history");
        let relation = source.history().ok_or_else(unsupported)?.relation(cx, &newest, &pin.revision).await?;
        Ok((relation, newest.short().to_owned()))
    }
}

/// A merge commit where the repository allows it: it alone has the head that was applied. What else it allows makes the same files,
/// because the head has all of the branch.
fn method(allowed: &[MergeMethod]) -> Option<MergeMethod> {
    let best = allowed.iter().find(|method| **method == MergeMethod::Merge);
    best.or(allowed.first()).copied()
}

/// What a forge says of a merge that people must do something about.
fn is_said(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Conflict
            | ErrorKind::Forbidden
            | ErrorKind::Denied
            | ErrorKind::Invalid
            | ErrorKind::Unsupported
    )
}
