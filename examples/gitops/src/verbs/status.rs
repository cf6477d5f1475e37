//! `gitops status`: shows what is live, whether it is what is declared, and whether it works.

use std::collections::BTreeSet;

use gitops_app::documents::Document;
use gitops_app::documents::blocked::{self, BlockedPart};
use gitops_app::documents::changes;
use gitops_app::documents::plan::Summary;
use gitops_app::session::{Access, Session};
use gitops_core::{Commit, Error, Key, OwnedState, Pin, Plan, Revision, Suspension, Verdict};
use serde::Serialize;

use super::Ended;
use super::deployment::{self, Deployment};
use super::health::{self, Health, Troubled, Unready};
use super::standing::{Live, Progress, Standing};
use crate::app::App;
use crate::cli::StatusArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::style::{self, BOLD, GREEN, RED, YELLOW, count, escape, paint};
use crate::output::table::labelled;
use crate::output::{commits::name, when};
use crate::progress;

/// Looks only; a running engine is not in the way. A source or target that does not answer makes it `Unknown`. It ends
/// with 0, whatever it tells, unless `--exit-code` asks for more.
pub async fn run(app: &App, args: &StatusArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await;
    let document = StatusDocument::new(app, &session, &plan).await?;
    if let (Some(many), Ok(plan)) = (app.many(), &plan) {
        many.plan(&Summary::of(plan));
    }
    app.answer(&document, || document.human(app))?;
    Ok(if args.exit_code { document.exit(&plan) } else { Exit::Ok })
}

/// Whether what is there is what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Sync {
    Synced,
    #[serde(rename = "OutOfSync")]
    Differs,
    Unknown,
}

/// The document of `status`.
#[derive(Serialize)]
struct StatusDocument<'a> {
    application: String,
    sync: Sync,
    health: Health,
    reason: Option<String>,
    source: String,
    follows: String,
    revision: Option<Revision>,
    commit: Option<Commit>,
    accepted: Option<Revision>,
    live: Option<Live>,
    progress: Option<Progress>,
    pinned: Option<Pin>,
    /// Why nothing is written, if that is so.
    suspended: Option<Suspension>,
    plan_id: Option<String>,
    verdict: Option<Verdict>,
    summary: Option<Summary>,
    owned: usize,
    claimed: usize,
    deleting: usize,
    unsettled: usize,
    components: usize,
    troubled: Vec<Troubled>,
    unready: Vec<Unready>,
    last: Option<Deployment>,
    blocked: Vec<BlockedPart<'a>>,
}

impl Document for StatusDocument<'_> {
    const KIND: &'static str = "Status";
}

impl<'a> StatusDocument<'a> {
    async fn new(app: &App, session: &Session, plan: &'a Result<Plan, Error>) -> gitops_core::Result<Self> {
        let (engine, inventory) = (&session.engine, session.engine.inventory());
        let components = session.components(&app.cx).await?;
        let owned_components = components.values().map(Vec::len).sum();
        let unready: Vec<Unready> = session.unready(&app.cx).await.into_iter().map(Unready::of).collect();
        let troubled = Troubled::of(components);
        let info = engine.source().info();
        // What is gone by now is none of ours any more, although only the next apply forgets it.
        let gone: BTreeSet<&Key> = plan.as_ref().map(|plan| plan.gone.iter().collect()).unwrap_or_default();
        let is_there = |key: &Key| !gone.contains(key);
        let in_state = |state: OwnedState| {
            let entries = inventory.entries().iter();
            entries.filter(|(key, entry)| entry.state == state && is_there(key)).count()
        };
        let (sync, reason) = match plan {
            Ok(plan) if plan.is_empty() && plan.drift.is_empty() => (Sync::Synced, None),
            Ok(_) => (Sync::Differs, None),
            Err(error) => (Sync::Unknown, Some(format!("{error:#}"))),
        };
        let plan = plan.as_ref().ok();
        let owned = inventory.entries().keys().filter(|key| is_there(key)).count();
        let (pinned, suspended) = (engine.pinned(&app.cx).await?, engine.suspended(&app.cx).await?);
        let mut deployments = deployment::last(&app.cx, session.audit(), REMEMBERED, false).await?;
        let Standing { live, progress } = Standing::of(inventory, plan);
        let commit = match plan {
            Some(plan) => session.commit(&app.cx, &plan.revision).await,
            None => None,
        };
        Ok(Self {
            application: engine.name().to_owned(),
            sync,
            health: health::fold(plan, owned, &unready, &troubled),
            reason,
            source: info.name,
            follows: info.follows,
            revision: plan.map(|plan| plan.revision.clone()),
            commit,
            accepted: inventory.accepted().cloned(),
            live,
            progress,
            pinned,
            suspended,
            plan_id: plan.map(|plan| plan.id.to_string()),
            verdict: plan.map(|plan| engine.verdict(&app.cx, plan)),
            summary: plan.map(Summary::of),
            owned,
            claimed: in_state(OwnedState::Claimed),
            deleting: in_state(OwnedState::Deleting),
            unsettled: inventory.open().count(),
            components: owned_components,
            troubled,
            unready,
            last: (!deployments.is_empty()).then(|| deployments.swap_remove(0)),
            blocked: plan.map(blocked::all).unwrap_or_default(),
        })
    }

    /// What is blocked comes first, then what is not healthy, then what is out of sync.
    fn exit(&self, plan: &Result<Plan, Error>) -> Exit {
        let of_sync = match plan {
            Ok(_) if self.sync == Sync::Synced => Exit::Ok,
            Ok(_) => Exit::Changes,
            Err(error) => Exit::after(error.kind()),
        };
        let of_health = match self.health {
            Health::Progressing | Health::Degraded => Exit::Degraded,
            // What is missing is out of sync, and what is unknown has ended with its error.
            Health::Healthy | Health::Suspended | Health::Missing | Health::Unknown => Exit::Ok,
        };
        let of_blocked = plan.as_ref().map_or(Exit::Ok, Exit::of_blocked);
        Exit::gravest([of_sync, of_blocked, of_health])
    }

    fn human(&self, app: &App) -> String {
        let head = format!("{}  {}  {}\n", paint(BOLD, &self.application), self.sync(), self.health());
        let blocked = output::blocked::section(&self.blocked, app.screen.columns(), &app.command("why"));
        head + &labelled(&self.facts(app)) + &blocked + &self.next(app)
    }

    fn facts(&self, app: &App) -> Vec<(&'static str, String)> {
        let now = app.cx.now();
        let mut facts = vec![("source", escape(&format!("{} ({})", self.source, self.follows)))];
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
        facts.extend(self.suspended.as_ref().map(|suspension| {
            let (end, since) = (app.command("resume"), when::both(now, suspension.since));
            let text = format!("{} by {} since {since}; `{end}` goes on", suspension.reason, suspension.by);
            ("suspended", escape(&text))
        }));
        facts.extend(self.pinned.as_ref().map(|pin| {
            let end = app.command("rollback --end");
            let since = when::both(now, pin.since);
            ("pinned to", escape(&format!("{} by {} since {since}; `{end}` lets go", pin.revision, pin.by)))
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
            Some(Live { revision, at }) => {
                let since = at.map(|at| format!(", since {}", when::both(app.cx.now(), at)));
                escape(&format!("{revision} completely{}", since.unwrap_or_default()))
            }
        }
    }

    /// What the gates say of the plan that comes next.
    fn gate(&self, app: &App) -> Vec<(&'static str, String)> {
        let way = match (&self.verdict, &self.plan_id) {
            (Some(Verdict::NeedsApproval { .. }), Some(id)) => {
                let id = id.get(..12).unwrap_or(id);
                // Unlike an apply, this is done also while `run` is at work.
                format!("; approve: `{}`", app.command(&format!("approve {id}")))
            }
            (Some(Verdict::Deny { .. }), _) => "; the plan is denied".to_owned(),
            _ => return Vec::new(),
        };
        let messages = self.verdict.iter().flat_map(Verdict::messages);
        messages.map(|note| ("gate", escape(&format!("{note}{way}")))).collect()
    }

    fn sync(&self) -> String {
        match (self.sync, &self.summary) {
            (Sync::Synced, _) => paint(GREEN, "Synced"),
            (Sync::Differs, Some(summary)) => format!("{}: {}", paint(YELLOW, "OutOfSync"), summary.line()),
            (_, _) => {
                let reason = self.reason.as_deref().unwrap_or_default();
                format!("{}: {}", paint(style::RED, "Unknown"), escape(reason))
            }
        }
    }

    fn health(&self) -> String {
        match self.health {
            Health::Healthy => paint(GREEN, "Healthy"),
            Health::Degraded => paint(RED, "Degraded"),
            Health::Unknown => "health Unknown".to_owned(),
            health => paint(YELLOW, format_args!("{health:?}")),
        }
    }

    fn next(&self, app: &App) -> String {
        match self.sync {
            Sync::Differs => format!("See what differs:  {}\n", paint(BOLD, app.command("plan"))),
            Sync::Synced | Sync::Unknown => String::new(),
        }
    }

    fn owned(&self) -> String {
        let parts =
            [(self.claimed, "claimed"), (self.deleting, "being deleted"), (self.unsettled, "unsettled")];
        let rest = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        let resources = (self.components > 0).then(|| count(self.components, "resource"));
        std::iter::once(count(self.owned, "object"))
            .chain(rest)
            .chain(resources)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// How many deployments are looked through for the last one that came to its end.
const REMEMBERED: usize = 50;

/// How many of what is missing are named.
const NAMED: usize = 3;

/// A revision of which not everything is applied yet.
fn begun(app: &App, Progress { revision, since, left }: &Progress) -> String {
    let since = when::both(app.cx.now(), *since);
    let left = match left {
        None => "it did not come to its end".to_owned(),
        Some(left) => {
            let named: Vec<String> = left.missing.iter().take(NAMED).map(changes::object).collect();
            let more = left.count() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{} left: {}{more}", count(left.count(), "object"), named.join(", "))
        }
    };
    escape(&format!("{revision} since {since}, partly applied: {left}"))
}
