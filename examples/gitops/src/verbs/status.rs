//! `gitops status`: shows what is live, whether it is what is declared, and whether it works.

use std::collections::BTreeMap;
use std::ops::Deref;

use gitops_app::documents::changes;
use gitops_app::documents::health::{self, Health, Troubled, Unready};
use gitops_app::documents::plan::Summary;
use gitops_app::documents::standing::{Live, Progress};
use gitops_app::documents::status::{OrphanedPart, StatusDocument, Sync};
use gitops_app::session::Access;
use gitops_app::{Refused, Runner};
use gitops_core::{Commit, Commits, Error, GateMessage, Plan, Revision, Strictness, Time, Verdict};

use super::Ended;
use crate::app::{App, ahead_of, quoted};
use crate::cli::StatusArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::style::{BOLD, GREEN, RED, YELLOW, count, escape, paint};
use crate::output::table::{fit, labelled};
use crate::output::{commits::name, when};
use crate::progress;

/// Looks only; a running engine is not in the way. A source or target that does not answer makes it `Unknown`. It ends
/// with 0, whatever it tells, unless `--exit-code` asks for more.
pub async fn run(app: &App, args: &StatusArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await;
    // The audit log is read now. What is live may not be older: the process at work may have come to an end of something while
    // the targets were asked.
    if session.has_state() {
        session.engine.catch_up(&app.cx).await?;
    }
    let document = StatusDocument::new(&app.cx, &session, &plan).await?;
    let view = View(&document);
    match (app.many(), &plan) {
        (Some(many), Ok(plan)) => many.plan(&Summary::of(plan)),
        (Some(many), Err(_)) => many.unknown(&app.config().name),
        (None, _) => {}
    }
    app.answer(&document, || view.human(app))?;
    Ok(if args.exit_code { view.exit(&plan) } else { Exit::Ok })
}

/// The document as people read it.
struct View<'a>(&'a StatusDocument<'a>);

impl<'a> Deref for View<'a> {
    type Target = StatusDocument<'a>;

    fn deref(&self) -> &StatusDocument<'a> {
        self.0
    }
}

impl View<'_> {
    /// What is blocked comes first, then what is not healthy, then what is out of sync.
    fn exit(&self, plan: &Result<Plan, Error>) -> Exit {
        let of_sync = match plan {
            Ok(_) if self.sync == Sync::Synced => Exit::Ok,
            Ok(_) => Exit::Changes,
            Err(error) => Exit::after(error),
        };
        let of_health = match self.health {
            Health::Progressing | Health::Degraded => Exit::Degraded,
            // What is missing is out of sync, and what is unknown has ended with its error.
            _ => Exit::Ok,
        };
        let of_blocked = plan.as_ref().map_or(Exit::Ok, Exit::of_blocked);
        Exit::gravest([of_sync, of_blocked, of_health])
    }

    fn human(&self, app: &App) -> String {
        let (columns, why, each) = (app.screen.columns(), app.command("why"), app.command("plan --all"));
        let orders = self.orders();
        let head =
            format!("{}  {}  {}{orders}\n", paint(BOLD, &self.application), self.sync(), self.health());
        let blocked = output::blocked::section(&self.blocked, columns, &why, Some(&each));
        fit(&(head + &labelled(&self.facts(app), columns) + &blocked + &self.next(app)), columns)
    }

    fn facts(&self, app: &App) -> Vec<(&'static str, String)> {
        let now = app.cx.now();
        let mut facts = vec![("source", escape(&format!("{} ({})", self.source, self.follows)))];
        let places: Vec<&str> = self.targets.iter().map(|target| target.place.as_str()).collect();
        facts.push(("target", escape(&places.join(", "))));
        facts.extend(self.revision.as_ref().map(|revision| ("declared", self.declared(app, revision))));
        facts.push(("live", self.live(app)));
        facts.extend(self.progress.as_ref().map(|progress| ("begun", begun(app, progress))));
        facts.push(("owns", self.owned()));
        if !self.unready.is_empty() || !self.troubled.is_empty() {
            facts.push(("health", health::counts(self.owned, &self.unready, &self.troubled)));
        }
        facts.extend(self.troubled.iter().filter_map(Troubled::line));
        facts.extend(self.unready.iter().map(Unready::line));
        facts.extend(self.gate(app));
        facts.extend(self.orphaned());
        facts.extend(self.held());
        facts.push(("runner", self.runner(app)));
        facts.extend(self.postponed());
        facts.extend(self.refused(now));
        facts.extend(self.asked.iter().map(|asked| {
            let since = when::both(now, asked.since);
            let text = format!(
                "{} by {} since {since}; the process at work has not taken it up",
                asked.ask, asked.by
            );
            ("asked for", escape(&text))
        }));
        facts.extend(self.suspended.as_ref().map(|suspension| {
            let (end, since) = (app.command("resume"), when::both(now, suspension.since));
            let text = format!("{} by {} since {since}; `{end}` goes on", suspension.reason, suspension.by);
            ("suspended", escape(&text))
        }));
        facts.extend(self.pinned.as_ref().map(|pin| {
            let end = app.command("rollback --end");
            let since = when::both(now, pin.since);
            let behind = self.behind.as_ref().map(behind).unwrap_or_default();
            let text = format!(
                "{} by {} since {since}{}{behind}; `{end}` lets go",
                pin.revision,
                pin.by,
                ahead_of(pin)
            );
            ("pinned to", escape(&text))
        }));
        facts.extend(self.last.as_ref().map(|last| {
            let text = format!(
                "{}: {} by {}, at {}",
                when::both(now, last.last_started_at),
                last.words(),
                last.by,
                last.revision
            );
            ("last", escape(&text))
        }));
        facts
    }

    fn declared(&self, app: &App, revision: &Revision) -> String {
        let of_commit = self.commit.as_ref().map(|Commit { author, time, summary, .. }| {
            format!("  \"{summary}\" ({}, {})", name(author), when::ago(app.cx.now(), *time))
        });
        escape(&format!("{revision}{}", of_commit.unwrap_or_default()))
    }

    /// The revision of which every object was applied: another one that was begun since is told of beside it.
    fn live(&self, app: &App) -> String {
        match &self.live {
            None => "nothing yet".to_owned(),
            Some(Live { revision, at, .. }) => {
                let since = at.map(|at| format!(", since {}", when::both(app.cx.now(), at)));
                escape(&format!("{revision} completely{}", since.unwrap_or_default()))
            }
        }
    }

    /// What left the source and stays, by the reason.
    fn orphaned(&self) -> Vec<(&'static str, String)> {
        let mut of_reason: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for OrphanedPart { key, why, .. } in &self.orphaned {
            of_reason.entry(*why).or_default().push(changes::object(key));
        }
        let lines = of_reason.into_iter().map(|(why, objects)| {
            let more = objects.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = objects[..objects.len().min(NAMED)].join(", ");
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            ("orphaned", escape(&format!("{} stay: {named}{more}{why}", objects.len())))
        });
        lines.collect()
    }

    /// What left the source and stays until what is blocked is not.
    fn held(&self) -> Option<(&'static str, String)> {
        let first = self.held.first()?;
        let more = self.held.len().saturating_sub(1);
        let more = if more > 0 { format!(" ({more} more like it)") } else { String::new() };
        Some(("held", escape(&format!("{}: {}{more}", changes::object(first.key), first.text()))))
    }

    /// Who works with it now.
    fn runner(&self, app: &App) -> String {
        let now = app.cx.now();
        let text = match (&self.runner, &self.runner_unknown) {
            (Some(Runner { by, since, renewed, noted, .. }), _) => {
                let since = since.map(|since| format!(" since {}", when::both(now, since)));
                let renewed = renewed.map(|renewed| format!(", renewed {}", when::ago(now, renewed)));
                let last = noted.last.map(|last| format!(", last reconciled {}", when::ago(now, last)));
                let next = noted.next.map(|next| format!(", next {}", when::until(now, next)));
                let parts = [since, renewed, last, next].into_iter().flatten();
                std::iter::once(by.clone()).chain(parts).collect()
            }
            (None, Some(why)) => format!("unknown: {why}"),
            (None, None) => "nobody".to_owned(),
        };
        escape(&text)
    }

    /// Why the process at work does not take up what is new. What gates deny is told with the gates.
    fn postponed(&self) -> Option<(&'static str, String)> {
        let why = self.runner.as_ref()?.noted.postponed.as_ref()?;
        let is_told = matches!(self.verdict, Some(Verdict::Deny { .. } | Verdict::NeedsApproval { .. }));
        (!is_told).then(|| ("waits", escape(&format!("what is new is not taken up yet: {why}"))))
    }

    /// The configuration that the process at work does not take over.
    fn refused(&self, now: Time) -> Option<(&'static str, String)> {
        let Refused { since, why, .. } = self.runner.as_ref()?.noted.refused.as_ref()?;
        let why = why.as_deref().unwrap_or("its log says why");
        let since = when::both(now, *since);
        let text =
            format!("can't be used since {since}: {why}; the process at work goes on with the one before");
        Some(("configuration", escape(&text)))
    }

    /// What the gates say of the plan that comes next, if they do not let it pass: each message with what it comes to.
    fn gate(&self, app: &App) -> Vec<(&'static str, String)> {
        let stopping =
            |verdict: &&Verdict| matches!(verdict, Verdict::Deny { .. } | Verdict::NeedsApproval { .. });
        let Some(verdict) = self.verdict.as_ref().filter(stopping) else { return Vec::new() };
        let id = self.plan_id.as_deref().unwrap_or_default();
        let id = id.get(..12).unwrap_or(id);
        let way = |(own, note): (Strictness, &GateMessage)| match own {
            // It says by whom.
            Strictness::Warn if note.approved_by.is_some() => String::new(),
            Strictness::Warn => "; a warning".to_owned(),
            // Unlike an apply, this is done also while `run` is at work.
            Strictness::NeedsApproval => format!("; approve: `{}`", app.command(&format!("approve {id}"))),
            _ if note.until.is_some() => "; the plan is denied until then".to_owned(),
            _ => "; the plan is denied".to_owned(),
        };
        verdict.each().map(|each| ("gate", escape(&format!("{}{}", each.1, way(each))))).collect()
    }

    fn sync(&self) -> String {
        let word = sync(self.sync);
        match (self.sync, &self.summary) {
            (Sync::Synced, _) => word,
            (Sync::Differs, Some(summary)) => format!("{word}: {}", summary.line()),
            (_, _) => format!("{word}: {}", escape(self.reason.as_deref().unwrap_or_default())),
        }
    }

    fn health(&self) -> String {
        match self.health {
            Health::Unknown => "health Unknown".to_owned(),
            known => health(known),
        }
    }

    /// What a person holds it to, beside sync and health.
    fn orders(&self) -> String {
        let pinned =
            self.pinned.as_ref().map(|pin| format!("  Pinned to {}", escape(&pin.revision.to_string())));
        let suspended = self.suspended.as_ref().map(|_| "  Suspended".to_owned());
        let orders: String = suspended.into_iter().chain(pinned).collect();
        if orders.is_empty() { orders } else { paint(YELLOW, orders) }
    }

    /// The commands that lead on: what differs, what does not work, what was ordered. What a gate or something blocked needs is
    /// said where that is told.
    fn next(&self, app: &App) -> String {
        let differs = (self.sync == Sync::Differs).then(|| "plan".to_owned());
        let of_health = self.troubled.first().map(|part| &part.key);
        let of_health = of_health.or_else(|| self.unready.first().map(|unready| &unready.key));
        let why = of_health.map(|key| format!("why {}", quoted(&changes::object(key))));
        let resume = self.suspended.as_ref().map(|_| "resume".to_owned());
        let unpin = self.pinned.as_ref().map(|_| "rollback --end".to_owned());
        let commands: Vec<String> =
            [differs, why, resume, unpin].into_iter().flatten().map(|verb| app.command(&verb)).collect();
        match commands.is_empty() {
            true => String::new(),
            false => format!("Next:  {}\n", paint(BOLD, commands.join(" · "))),
        }
    }

    fn owned(&self) -> String {
        let parts =
            [(self.claimed, "claimed"), (self.deleting, "being deleted"), (self.unconfirmed, "unconfirmed")];
        let rest = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        let resources = (self.components > 0).then(|| count(self.components, "resource"));
        std::iter::once(count(self.owned, "object"))
            .chain(rest)
            .chain(resources)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Whether something is as declared, in a word.
pub fn sync(sync: Sync) -> String {
    match sync {
        Sync::Synced => paint(GREEN, "Synced"),
        Sync::Differs => paint(YELLOW, "OutOfSync"),
        _ => paint(RED, "Unknown"),
    }
}

/// Whether something works, in a word.
pub fn health(health: Health) -> String {
    let style = match health {
        Health::Healthy => GREEN,
        Health::Degraded => RED,
        _ => YELLOW,
    };
    paint(style, format_args!("{health:?}"))
}

/// How many of what is missing are named.
const NAMED: usize = 3;

/// How much waits for the end of a pin, and up to where.
fn behind(commits: &Commits) -> String {
    let (number, more) = (commits.list.len(), if commits.more { "more than " } else { "" });
    match number {
        0 => String::new(),
        1 => format!("; 1 commit up to {} waits", commits.to),
        _ => format!("; {more}{number} commits up to {} wait", commits.to),
    }
}

/// A revision of which not everything is applied yet.
fn begun(app: &App, Progress { revision, since, left, .. }: &Progress) -> String {
    let since = when::both(app.cx.now(), *since);
    let left = match left {
        None => "it did not come to its end".to_owned(),
        Some(left) => {
            let named: Vec<String> = left.missing.iter().take(NAMED).map(changes::object).collect();
            let more = left.count() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let why = left.error.as_ref();
            let why = why.map_or_else(String::new, |error| format!("; the last try failed: {error}"));
            format!("{} left: {}{more}{why}", count(left.count(), "object"), named.join(", "))
        }
    };
    escape(&format!("{revision} since {since}, partly applied: {left}"))
}
