//! `gitops why`: tells where an object comes from and what happens to it next.

use gitops_app::documents::changes;
use gitops_app::documents::health::Unready;
use gitops_app::documents::trail::{self, Change};
use gitops_app::documents::why::{DifferingField, Next, WhyDocument};
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{Commit, Component, Provenance, Time, Value};

use super::{Ended, status};
use crate::app::App;
use crate::cli::WhyArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, CYAN, escape, paint};
use crate::output::table::{Columns, fit, labelled};
use crate::output::when;
use crate::progress;

/// Looks only; a running engine is not in the way.
pub async fn run(app: &App, args: &WhyArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let (plan, not_followed) = session.engine.plan_or_accepted(&app.cx).await?;
    app.note_orders(&session).await?;
    let key = lookup::meant(&app.cx, &session, &args.key).await?;
    let document = WhyDocument::new(&app.cx, &session, &plan, &key).await?;
    let document = document.not_followed(not_followed.as_ref());
    app.answer(&document, || human(&document, app.screen.columns(), app.cx.now()))?;
    Ok(Exit::Ok)
}

fn human(document: &WhyDocument<'_>, columns: Columns, now: Time) -> String {
    let last_change =
        document.last_change.as_ref().map_or("none by us".to_owned(), |change| applied(change, now));
    let mut facts = vec![("declared", declared_at(document))];
    facts.extend(document.unready.as_ref().map(Unready::line));
    facts.extend(document.commit.as_ref().map(|Commit { id, author, time, summary, .. }| {
        let id = id.get(..12).unwrap_or(id);
        ("commit", escape(&format!("{id}  {author}  {}  {summary}", when::both(now, *time))))
    }));
    facts
        .extend(document.fields.iter().map(|field| ("differs", row(field, document.declared.as_ref(), now))));
    facts.extend(document.beside.iter().map(|part| {
        let commit = match (part.beside.only_drift, part.beside.is_known()) {
            (true, _) => "does not change it",
            (false, true) => "changes it too",
            (false, false) => "may change it too",
        };
        let drift = format!("{}; the pending commit {commit}", part.text);
        ("drifted", escape(&drift))
    }));
    if !document.needs.is_empty() {
        let needs: Vec<String> = document.needs.iter().map(changes::object).collect();
        facts.push(("needs", escape(&needs.join(", "))));
    }
    facts.extend(document.components.iter().map(|part| ("holds", escape(&resource(part)))));
    facts.extend([("last change", last_change), ("next", escape(&line(&document.next)))]);
    facts.extend(document.approved.iter().map(|what| ("approved", escape(what))));
    facts.extend(document.postponed.as_ref().map(|why| ("waits", escape(why))));
    facts.extend(
        document.not_followed.as_ref().map(|why| ("source", escape(&format!("not followed: {why}")))),
    );
    let (sync, health) = (status::sync(document.sync), status::health(document.health));
    let head = format!("{}  {sync}  {health}", paint(BOLD, escape(&document.key.to_string())));
    fit(&format!("{head}\n"), columns) + &labelled(&facts, columns)
}

fn declared_at(document: &WhyDocument<'_>) -> String {
    match &document.declared {
        Some(provenance) => {
            let last = document.last_line.filter(|last| *last > provenance.line);
            let last = last.map(|last| format!("-{last}")).unwrap_or_default();
            let place = paint(CYAN, escape(&format!("{provenance}{last}")));
            format!("{place}  in {}", escape(&provenance.source))
        }
        None => "nowhere".to_owned(),
    }
}

fn row(field: &DifferingField, at: Option<&Provenance>, now: Time) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), changes::short);
    let values = format!(
        "{} live {}, declared {}",
        field.path.trim_start_matches('/'),
        side(&field.live),
        side(&field.declared)
    );
    let setter = field.set_by.as_ref().map(|by| {
        let when = field.set_when.as_ref().map(|when| format!(" {when}")).unwrap_or_default();
        format!(", set live by {by}{when}")
    });
    let by =
        field.commit.as_ref().map(|commit| format!("; declaration last changed by {}", short(commit, now)));
    let place = at.zip(field.line).map(|(at, line)| format!(" ({}:{line})", at.path));
    let (setter, by, place) = (setter.unwrap_or_default(), by.unwrap_or_default(), place.unwrap_or_default());
    escape(&format!("{values}{setter}{by}{place}"))
}

/// A commit on one line.
fn short(Commit { id, author, time, summary, .. }: &Commit, now: Time) -> String {
    format!("{} {author} {} \"{summary}\"", id.get(..12).unwrap_or(id), when::both(now, *time))
}

fn line(next: &Next<'_>) -> String {
    match next {
        Next::Step { text, .. } => text.clone(),
        Next::Blocked { text, blocked } if blocked.help.is_empty() => format!("BLOCKED: {text}"),
        Next::Blocked { text, blocked } => format!("BLOCKED: {text}; {}", blocked.help),
        Next::LeftAlone { text, .. } => format!("nothing: drift is only reported ({text})"),
        Next::Orphaned { because } => {
            let why = because.map(|why| format!(", for {why}")).unwrap_or_default();
            format!("nothing: it is no longer declared and stays{why}")
        }
        _ => "nothing: it is as declared".to_owned(),
    }
}

/// A resource with its identity, and what is wrong with it.
fn resource(part: &Component) -> String {
    let id = part.id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
    let trouble = part.trouble.as_ref().map(|trouble| format!("  {trouble}")).unwrap_or_default();
    format!("{}{id}{trouble}", part.name)
}

/// What we last did to an object, for whom, by which plan and with which outcome.
fn applied(change: &Change, now: Time) -> String {
    let Change { time, action, by, result, detail, of, .. } = change;
    let of = of.as_ref().map(|of| {
        let approved = of.approved_by.as_ref().map(|by| format!("approved by {by}, ")).unwrap_or_default();
        format!("  ({approved}plan {}, deployment {})", of.plan_id.short(), of.number)
    });
    let outcome = trail::outcome(result.as_deref(), detail.as_deref());
    escape(&format!("{}  {action} by {by}: {outcome}{}", when::both(now, *time), of.unwrap_or_default()))
}
