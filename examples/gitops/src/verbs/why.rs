//! `gitops why`: tells where an object comes from and what happens to it next.

use std::path::Path;

use gitops_core::{
    Action, AuditEntry, AuditEvent, Commit, Component, Key, Owned, Plan, Provenance, Result, Time,
};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::WhyArgs;
use crate::exit::Exit;
use crate::output::Document;
use crate::output::changes;
use crate::output::plan_document::{HeldPart, StepPart};
use crate::output::style::{BOLD, CYAN, escape, paint};
use crate::output::table::labelled;
use crate::session::{self, Access, Session};
use crate::{lookup, progress};

/// Looks only; a running engine is not in the way.
pub async fn run(app: &App, args: &WhyArgs) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    session.note_pin(app).await?;
    let key = meant(app, &session, &args.key).await?;
    let document = WhyDocument::new(app, &session, &plan, &key).await?;
    app.screen.answer(&document, || document.human())?;
    Ok(Exit::Ok)
}

/// The object of this name, or the one that holds a component of it.
async fn meant(app: &App, session: &Session, text: &str) -> Result<Key> {
    let found = lookup::find(text, &session.keys());
    let Err(error) = found else { return found };
    if !error.is_not_found() {
        return Err(error);
    }
    let components = session.components(app).await?;
    let holds = |held: &&Vec<Component>| held.iter().any(|component| component.name == text);
    let holders: Vec<&Key> = components.iter().filter(|(_, held)| holds(held)).map(|(key, _)| key).collect();
    match holders[..] {
        [] => Err(error),
        [key] => Ok(key.clone()),
        _ => Err(lookup::several(text, &holders)),
    }
}

/// The document of `why`.
#[derive(Serialize)]
struct WhyDocument<'a> {
    key: &'a Key,
    declared: Option<Provenance>,
    commit: Option<Commit>,
    needs: Vec<Key>,
    owned: Option<&'a Owned>,
    components: Vec<Component>,
    last_change: Option<LastChange>,
    next: Next<'a>,
}

impl Document for WhyDocument<'_> {
    const KIND: &'static str = "Why";
}

/// What we last did to an object.
#[derive(Debug, Serialize)]
struct LastChange {
    time: Time,
    action: Action,
    by: String,
    result: Option<String>,
}

/// What the next apply does about an object.
#[derive(Serialize)]
#[serde(tag = "next", rename_all = "snake_case")]
enum Next<'a> {
    /// Nothing: it is as declared.
    Nothing,
    /// This.
    Step { step: StepPart<'a>, text: String },
    /// Nothing may be done about it.
    Held { held: HeldPart<'a>, text: String },
    /// It drifted and is left alone.
    LeftAlone { step: StepPart<'a>, text: String },
    /// It is no longer declared and stays.
    Kept,
}

impl<'a> Next<'a> {
    fn of(plan: &'a Plan, key: &Key) -> Self {
        let held = plan.held.iter().find(|held| &held.key == key);
        let drifted = plan.drift.iter().find(|step| &step.key == key);
        match (plan.step(key), held, drifted) {
            (Some(step), ..) => {
                Self::Step { text: format!("{}: {}", step.action, changes::reason(step)), step: step.into() }
            }
            (_, Some(held), _) => Self::Held { text: held.why.to_string(), held: held.into() },
            (_, _, Some(step)) => Self::LeftAlone { text: changes::reason(step), step: step.into() },
            _ if plan.kept.contains(key) => Self::Kept,
            _ => Self::Nothing,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Nothing => "nothing: it is as declared".to_owned(),
            Self::Step { text, .. } => text.clone(),
            Self::Held { text, .. } => format!("nothing may be done: {text}"),
            Self::LeftAlone { text, .. } => format!("nothing: drift is only reported ({text})"),
            Self::Kept => "nothing: it is no longer declared and stays".to_owned(),
        }
    }
}

impl<'a> WhyDocument<'a> {
    async fn new(app: &App, session: &'a Session, plan: &'a Plan, key: &'a Key) -> Result<Self> {
        let object = session.engine.desired().and_then(|desired| desired.objects().get(key));
        let declared = object.map(|object| object.provenance.clone());
        let declared = declared.or_else(|| plan.step(key).and_then(|step| step.provenance.clone()));
        let commit = match &declared {
            Some(provenance) => session.last_commit(app, plan, provenance).await?,
            None => None,
        };
        let needs =
            object.and_then(|object| session.engine.desired()?.needs(object).ok()).unwrap_or_default();
        Ok(Self {
            key,
            declared,
            commit,
            needs,
            owned: session.engine.inventory().entries().get(key),
            components: session.components(app).await?.remove(key).unwrap_or_default(),
            last_change: last_change(&session.audit_path(), key)?,
            next: Next::of(plan, key),
        })
    }

    fn human(&self) -> String {
        let last_change = self.last_change.as_ref().map_or("none by us".to_owned(), LastChange::line);
        let mut facts = vec![("declared", self.declared_at())];
        facts.extend(self.commit.as_ref().map(|Commit { id, author, time, summary }| {
            let id = id.get(..12).unwrap_or(id);
            ("commit", escape(&format!("{id}  {author}  {time}  {summary}")))
        }));
        if !self.needs.is_empty() {
            let needs: Vec<String> = self.needs.iter().map(changes::object).collect();
            facts.push(("needs", escape(&needs.join(", "))));
        }
        facts.extend(self.components.iter().map(|part| ("holds", escape(&resource(part)))));
        facts.extend([("last change", last_change), ("next", escape(&self.next.line()))]);
        format!("{}\n{}", paint(BOLD, escape(&self.key.to_string())), labelled(&facts))
    }

    fn declared_at(&self) -> String {
        match &self.declared {
            Some(provenance) => {
                let place = paint(CYAN, escape(&provenance.to_string()));
                format!("{place}  in {}", escape(&provenance.source))
            }
            None => "nowhere".to_owned(),
        }
    }
}

/// A resource with its identity, and what is wrong with it.
fn resource(part: &Component) -> String {
    let id = part.id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
    let trouble = part.trouble.as_ref().map(|trouble| format!("  {trouble}")).unwrap_or_default();
    format!("{}{id}{trouble}", part.name)
}

impl LastChange {
    fn line(&self) -> String {
        let result = self.result.as_deref().unwrap_or("not answered");
        escape(&format!("{}  {} by {}: {result}", self.time, self.action, self.by))
    }
}

/// The last change of an object in an audit log, with its outcome; reads back no further than it must.
fn last_change(path: &Path, key: &Key) -> Result<Option<LastChange>> {
    let mut window = 1 << 10;
    loop {
        let entries = session::audit_entries(path, window)?;
        let found = entries.iter().fold(None, |last, entry| take(last, entry, key));
        if found.is_some() || entries.len() < window {
            return Ok(found);
        }
        window <<= 3;
    }
}

fn take(last: Option<LastChange>, entry: &AuditEntry, key: &Key) -> Option<LastChange> {
    match &entry.what {
        AuditEvent::Intent { key: of, action, .. } if of == key => {
            Some(LastChange { time: entry.time, action: *action, by: entry.actor.clone(), result: None })
        }
        AuditEvent::Outcome { key: of, result, .. } if of == key => {
            last.map(|last| LastChange { result: Some(result.clone()), ..last })
        }
        _ => last,
    }
}
