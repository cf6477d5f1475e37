//! Who holds the apply of an application, and which merged requests are next.

use gitops_app::config::Config;
use gitops_core::{Cx, EngineStatus, Phase, Result, Revision};

use super::Shared;
use super::commands::look;
use super::outcome::waits_for;
use super::poll::not_followed;

/// How many requests are named.
const NAMED: usize = 8;

impl Shared {
    /// What an application does at the moment, who works with it, and which requests were merged and are not live: one line, without
    /// the name of the application.
    pub(super) async fn applying(&self, cx: &Cx, config: &Config) -> Result<String> {
        let Some(handle) = self.board.handle(&config.name) else {
            return Ok("not at work here".to_owned());
        };
        let status = handle.status().borrow().clone();
        let mut said = vec![doing(&status)];
        // Whoever it is is asked for, and no answer waits for it.
        if let Ok(session) = look(cx, config).await
            && let Ok(Some(runner)) = session.runner(cx).await
        {
            let since = runner.since.map(|since| format!(" since {since}")).unwrap_or_default();
            said.push(format!("held by {}{since}", runner.by));
        }
        said.extend(self.next(cx, config).await?);
        Ok(said.join("; "))
    }

    /// The requests that were merged and are not known to be live.
    async fn next(&self, cx: &Cx, config: &Config) -> Result<Option<String>> {
        let waiting = self.memory.merged_into(cx, &config.name).await?;
        let more = waiting.len().saturating_sub(NAMED);
        let named =
            waiting.iter().take(NAMED).map(|(number, commit)| format!("#{number} ({})", short(commit)));
        let named: Vec<String> = named.chain((more > 0).then(|| format!("{more} more"))).collect();
        Ok((!named.is_empty()).then(|| format!("merged and not live yet: {}", named.join(", "))))
    }
}

/// What an engine does, and what keeps it from more.
fn doing(status: &EngineStatus) -> String {
    let at = |revision: Option<&Revision>| revision.map(|revision| short(revision.id()).to_owned());
    let planned = at(status.revision.as_ref());
    let live = at(status.complete.as_ref().map(|complete| &complete.revision));
    let live = live.map_or_else(|| "nothing is live".to_owned(), |live| format!("{live} is live"));
    let what = match (status.phase, planned) {
        (Phase::Syncing, Some(planned)) => format!("applies {planned}; {live}"),
        (Phase::Planning, _) => format!("plans; {live}"),
        _ => format!("rests; {live}"),
    };
    let pinned = status.pinned.as_ref().map(|pin| match &pin.ahead_of {
        Some(request) => format!("holds {} of {request}, which is not merged", short(pin.revision.id())),
        None => format!("pinned to {} by {}", short(pin.revision.id()), pin.by),
    });
    let suspended = status.suspended.as_ref().map(|suspended| format!("suspended by {}", suspended.by));
    let refused = not_followed(status).map(|why| format!("does not follow its branch: {why}"));
    let behind = status.waits_for.as_ref().map(|other| format!("waits until `{other}` has converged"));
    let waits = waits_for(status).map(|waits| format!("waits {waits}"));
    [Some(what), pinned, suspended, refused, behind, waits]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
