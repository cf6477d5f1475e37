//! `gitops audit show`: who changed what and when, who approved it, and from which commit.

use std::collections::BTreeSet;

use gitops_app::documents::audit_trail::{AuditTrailDocument, Entry, Request, Shown};
use gitops_app::documents::{changes, merged_in_words, trail};
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::Time;

use super::Ended;
use crate::app::App;
use crate::cli::AuditShowArgs;
use crate::exit::Exit;
use crate::output::style::{self, BOLD, RED};
use crate::output::table::{Cell, Columns, draw};
use crate::output::{commits, when};
use crate::progress;

/// Reads the audit log; a running engine is not in the way.
pub async fn show(app: &App, args: &AuditShowArgs) -> Ended {
    let session = app.open(Access::Look, progress::sink(app)).await?;
    let since = args.since.map(|since| since.time(app.cx.now()));
    let key = match &args.key {
        Some(text) => Some(lookup::changed(&app.cx, session.audit(), text).await?),
        None => None,
    };
    let document = AuditTrailDocument::new(&app.cx, &session, key, since, args.limit).await?;
    app.answer(&document, || human(&document, app.screen.columns(), app.cx.now()))?;
    Ok(Exit::Ok)
}

fn human(document: &AuditTrailDocument<'_>, columns: Columns, now: Time) -> String {
    if document.entries.is_empty() {
        return "Nothing was changed, and nobody asked for anything.\n".to_owned();
    }
    let head = ["#", "WHEN", "BY", "APPROVED", "WHAT", "RESULT", "REVISION", "COMMIT"];
    let head = head.iter().map(|name| Cell::styled(BOLD, *name)).collect();
    let rows = document.entries.iter().map(|shown| row(shown, now));
    let table = draw(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), columns);
    let earlier = match document.earlier {
        0 => String::new(),
        earlier => format!("{earlier} earlier ones are not shown; `--limit` shows more.\n"),
    };
    table + &requests(document) + &earlier
}

/// Who opened, reviewed and merged the requests that brought what is shown, each once.
fn requests(document: &AuditTrailDocument<'_>) -> String {
    let brought = document.entries.iter().flat_map(|shown| &shown.requests);
    let lines: BTreeSet<String> =
        brought.map(|request| format!("  {}\n", merged_in_words(request))).collect();
    if lines.is_empty() {
        String::new()
    } else {
        format!("Requests:\n{}", lines.into_iter().collect::<String>())
    }
}

fn row(Shown { what, commit, .. }: &Shown, now: Time) -> Vec<Cell> {
    let change = match what {
        Entry::Request(Request { number, time, by, key, what, .. }) => {
            let of = key.as_ref().map(|key| format!(" {}", changes::object(key))).unwrap_or_default();
            let what = format!("{what}{of}");
            return vec![
                number.to_string().into(),
                when::both(now, *time).into(),
                by.clone().into(),
                "-".into(),
                what.into(),
            ];
        }
        Entry::Change(change) => change,
        _ => return Vec::new(),
    };
    let result = trail::outcome(change.result.as_deref(), change.detail.as_deref());
    let of = change.of.as_ref();
    let approved = of.and_then(|of| of.approved_by.as_deref());
    vec![
        change.number.to_string().into(),
        when::both(now, change.time).into(),
        change.by.clone().into(),
        approved.unwrap_or("-").into(),
        Cell::styled(style::of(change.action), format!("{} {}", change.action, changes::object(&change.key))),
        if change.result.as_deref() == Some("done") { result.into() } else { Cell::styled(RED, result) },
        of.map(|of| of.revision.to_string()).unwrap_or_default().into(),
        commit
            .as_ref()
            .map(|commit| format!("\"{}\" ({})", commit.summary, commits::name(&commit.author)))
            .unwrap_or_default()
            .into(),
    ]
}
