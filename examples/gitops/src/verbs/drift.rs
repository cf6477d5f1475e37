//! `gitops drift`: shows what was changed outside of Git.

use gitops_app::documents::beside::{self, BesidePart};
use gitops_app::documents::changes;
use gitops_app::documents::drift::{self, DriftDocument, NotLookedAt};
use gitops_app::documents::plan::Summary;
use gitops_app::session::Access;
use gitops_core::{DriftBeside, Error, ErrorKind, FoundBeside, Plan, Step};

use super::Ended;
use crate::app::App;
use crate::cli::DriftArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::folded::{self, Line, Rows};
use crate::output::style::{self, CYAN, GREEN, YELLOW, count, escape, paint};
use crate::output::table::{Cell, Columns, draw, fit};
use crate::progress;

/// Compares what is with what was last applied; writes nothing to any target. The providers of Terraform roots are asked,
/// unless `--cached` says not to.
pub async fn run(app: &App, args: &DriftArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let missed = match args.cached {
        true => Vec::new(),
        false => drift::ask_providers(&app.cx, &session).await?,
    };
    let of_looks = Exit::gravest(missed.iter().map(|(_, error)| Exit::after(error)));
    let not_looked_at = match args.cached {
        true => drift::not_asked(&session, "its providers were not asked: `--cached`"),
        false => missed.into_iter().map(|(missed, _)| missed).collect(),
    };
    let plan = session.engine.plan(&app.cx).await.map_err(|error| of_first(error, &not_looked_at))?;
    app.note_orders(&session).await?;
    let drifted: Vec<&Step> = drift::drifted(&plan).collect();
    let found = drifted.len() + beside::known(&plan).len();
    if let Some(many) = app.many() {
        many.plan(&Summary::of_drift(&plan, found));
    }
    let document = DriftDocument::new(&plan, not_looked_at);
    app.answer(&document, || {
        let columns = app.screen.columns();
        let each = (!args.all).then(|| app.command("drift --all"));
        let text = human(&document, &plan, &drifted, columns, (&app.command("apply"), each.as_deref()));
        fit(&text, columns)
            + &output::blocked::section(&document.blocked, columns, &app.command("why"), each.as_deref())
    })?;
    let of_drift = if args.detailed_exitcode && found > 0 { Exit::Changes } else { Exit::Ok };
    // What could not be compared is no "no drift".
    let is_unknown = |beside: &DriftBeside| matches!(beside.found, FoundBeside::Unknown { .. });
    let is_all_known = !plan.beside.iter().any(is_unknown);
    let of_beside = if is_all_known { Exit::Ok } else { Exit::Failure };
    Ok(Exit::gravest([Exit::of_blocked(&plan), of_looks, of_beside, of_drift]))
}

/// Where the time is over because something did not answer, that is told, and not what was to come after it.
fn of_first(error: Error, missed: &[NotLookedAt]) -> Error {
    match missed.first().filter(|_| error.kind() == ErrorKind::Timeout) {
        Some(NotLookedAt { key, reason, .. }) => {
            Error::new(ErrorKind::Timeout, format!("{key} was not looked at in time: {reason}"))
        }
        None => error,
    }
}

fn human(
    document: &DriftDocument<'_>,
    plan: &Plan,
    drifted: &[&Step],
    columns: Columns,
    (apply, each): (&str, Option<&str>),
) -> String {
    let revision = escape(&plan.revision.to_string());
    let saw_all = document.blocked.is_empty() && document.not_looked_at.is_empty();
    let head = match (drifted.len() + document.beside.len(), saw_all) {
        (0, true) => {
            format!("{} nothing was changed outside of Git, at {revision}.\n", paint(GREEN, "No drift:"))
        }
        (0, false) => {
            let found = paint(YELLOW, "No drift was found,");
            format!("{found} but not everything was looked at, at {revision}.\n")
        }
        (n, _) => format!("{} {} at {revision}\n", paint(YELLOW, "Drift:"), count(n, "object")),
    };
    let lines = drifted.iter().copied().map(line).collect();
    let Rows { rows, is_folded } = folded::rows(lines, each.is_none());
    let each =
        each.filter(|_| is_folded).map(|each| format!("  Each of them:  {each}\n")).unwrap_or_default();
    let next = match (drifted.is_empty(), plan.drift.is_empty()) {
        (true, _) => String::new(),
        (_, true) => format!("Put it back:  {apply}\n"),
        (_, false) => "It is not corrected: `sync.drift` is `report`.\n".to_owned(),
    };
    head + &draw(&rows, columns)
        + &each
        + &next
        + &deleted(document, columns)
        + &changed_too(document, columns)
        + &unseen(document, columns)
}

/// What a commit changes too. An apply does not put it back: it makes what the commit declares.
fn changed_too(document: &DriftDocument<'_>, columns: Columns) -> String {
    let pending = |part: &BesidePart<'_>| part.pending.map(|action| format!("{action} pending"));
    table(document, columns, "Beside a pending commit, which changes it too:", pending)
}

/// What others deleted, and no step brings back: it is not gone yet, or it left Git too.
fn deleted(document: &DriftDocument<'_>, columns: Columns) -> String {
    let no_step = |part: &BesidePart<'_>| part.pending.is_none().then(|| "deleted".to_owned());
    table(document, columns, "Deleted, and not brought back by an apply now:", no_step)
}

/// Those to which a word belongs.
fn table(
    document: &DriftDocument<'_>,
    columns: Columns,
    head: &str,
    word: impl Fn(&BesidePart<'_>) -> Option<String>,
) -> String {
    let row = |part: &BesidePart<'_>| -> Option<Vec<Cell>> {
        Some(vec![
            Cell::styled(YELLOW, "!"),
            Cell::styled(YELLOW, word(part)?),
            part.beside.key.target().into(),
            changes::object(&part.beside.key).into(),
            part.text.clone().into(),
        ])
    };
    let rows: Vec<Vec<Cell>> = document.beside.iter().filter_map(row).collect();
    match rows.len() {
        0 => String::new(),
        n => format!("{} {}\n", paint(YELLOW, head), count(n, "object")) + &draw(&rows, columns),
    }
}

fn unseen(document: &DriftDocument<'_>, columns: Columns) -> String {
    if document.not_looked_at.is_empty() {
        return String::new();
    }
    let row = |unseen: &NotLookedAt| -> Vec<Cell> {
        vec![
            Cell::styled(YELLOW, "?"),
            unseen.key.target().into(),
            changes::object(&unseen.key).into(),
            unseen.reason.clone().into(),
        ]
    };
    let head =
        format!("{} {}\n", paint(YELLOW, "Not looked at:"), count(document.not_looked_at.len(), "object"));
    head + &draw(&document.not_looked_at.iter().map(row).collect::<Vec<_>>(), columns)
}

fn line(step: &Step) -> Line<'_> {
    Line { key: &step.key, row: row(step), below: Vec::new(), folds: true }
}

/// What would put the object back, and from where.
fn row(step: &Step) -> Vec<Cell> {
    let style = style::of(step.action);
    vec![
        Cell::styled(style, step.action.symbol()),
        Cell::styled(style, step.action.to_string()),
        step.key.target().into(),
        changes::object(&step.key).into(),
        changes::drift(step).into(),
        Cell::styled(CYAN, changes::place(step)),
    ]
}
