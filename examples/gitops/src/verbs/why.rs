//! `gitops why`: tells where an object comes from and what happens to it next.

use gitops_app::documents::Document;
use gitops_app::documents::blocked::{self, BlockedPart};
use gitops_app::documents::changes;
use gitops_app::documents::plan::StepPart;
use gitops_app::lookup;
use gitops_app::origin::{self, Declaration};
use gitops_app::session::{Access, Session};
use gitops_core::redact::HIDDEN;
use gitops_core::{
    Action, Commit, Component, ErrorKind, FieldChange, ForeignField, Key, Owned, Plan, Provenance, Result,
    Step, Value,
};
use serde::Serialize;

use super::Ended;
use super::trail::{self, Change};
use crate::app::App;
use crate::cli::WhyArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, CYAN, escape, paint};
use crate::output::table::labelled;
use crate::progress;

/// Looks only; a running engine is not in the way.
pub async fn run(app: &App, args: &WhyArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    app.note_orders(&session).await?;
    let key = meant(app, &session, &args.key).await?;
    let document = WhyDocument::new(app, &session, &plan, &key).await?;
    app.answer(&document, || document.human())?;
    Ok(Exit::Ok)
}

/// The object of this name, or the one that holds a component of it.
async fn meant(app: &App, session: &Session, text: &str) -> Result<Key> {
    let found = lookup::find(text, &session.keys());
    let Err(error) = found else { return found };
    if !error.is_not_found() {
        return Err(error);
    }
    let components = session.components(&app.cx).await?;
    let holds = |parts: &&Vec<Component>| parts.iter().any(|component| component.name == text);
    let holders: Vec<&Key> =
        components.iter().filter(|(_, parts)| holds(parts)).map(|(key, _)| key).collect();
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
    /// The last line of the declaration, where the file has others beside it.
    last_line: Option<u32>,
    /// The commit that last changed a line of the declaration.
    commit: Option<Commit>,
    /// The fields that differ, each with the commit that last changed it.
    fields: Vec<Differing>,
    needs: Vec<Key>,
    owned: Option<&'a Owned>,
    components: Vec<Component>,
    last_change: Option<Change>,
    next: Next<'a>,
}

impl Document for WhyDocument<'_> {
    const KIND: &'static str = "Why";
}

/// A field that is not as declared.
#[derive(Debug, Serialize)]
struct Differing {
    path: String,
    live: Option<Value>,
    declared: Option<Value>,
    /// The client that set the live value, where the target knows it.
    set_by: Option<String>,
    /// When it did: `at TIME`, or `after TIME` where the target knows no more.
    set_when: Option<String>,
    /// The line on which it is declared, where the file shows it.
    line: Option<u32>,
    commit: Option<Commit>,
}

/// How many fields are looked up.
const FIELDS: usize = 20;

impl Differing {
    async fn of(
        app: &App,
        session: &Session,
        plan: &Plan,
        at: &Provenance,
        found: Option<&Declaration>,
        (field, foreign): (&FieldChange, &[ForeignField]),
    ) -> Result<Self> {
        let lines = found.map(|found| found.field(&field.path));
        let line = lines.as_ref().map(|lines| *lines.start());
        let commit = session.last_commit(&app.cx, &plan.revision, &at.path, lines).await?;
        let is_sensitive = field.is_sensitive();
        let shown = |value: Value| match value {
            Value::Text(_) if is_sensitive => Value::from(HIDDEN),
            value => value.shown(),
        };
        let FieldChange { path, before, after } = field.clone();
        let (before, after) = (before.map(shown), after.map(shown));
        let setter = setter(foreign, &path);
        let set_by = setter.map(|setter| setter.by.clone());
        let set_when = setter.and_then(|setter| setter.when.clone());
        Ok(Self { path, live: before, declared: after, set_by, set_when, line, commit })
    }

    fn row(&self, at: Option<&Provenance>) -> String {
        let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), changes::short);
        let values = format!(
            "{} live {}, declared {}",
            self.path.trim_start_matches('/'),
            side(&self.live),
            side(&self.declared)
        );
        let setter = self.set_by.as_ref().map(|by| {
            let when = self.set_when.as_ref().map(|when| format!(" {when}")).unwrap_or_default();
            format!(", set live by {by}{when}")
        });
        let by =
            self.commit.as_ref().map(|commit| format!("; declaration last changed by {}", short(commit)));
        let place = at.zip(self.line).map(|(at, line)| format!(" ({}:{line})", at.path));
        let (setter, by, place) =
            (setter.unwrap_or_default(), by.unwrap_or_default(), place.unwrap_or_default());
        escape(&format!("{values}{setter}{by}{place}"))
    }
}

/// Who set a field, or one that it is a part of, or a part of it.
fn setter<'f>(foreign: &'f [ForeignField], path: &str) -> Option<&'f ForeignField> {
    let holds =
        |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let same = foreign.iter().find(|field| field.path == path);
    same.or_else(|| foreign.iter().find(|field| holds(&field.path, path) || holds(path, &field.path)))
}

/// A commit on one line.
fn short(Commit { id, author, time, summary, .. }: &Commit) -> String {
    format!("{} {author} {time} \"{summary}\"", id.get(..12).unwrap_or(id))
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
    Blocked { blocked: BlockedPart<'a>, text: String },
    /// It drifted and is left alone.
    LeftAlone { step: StepPart<'a>, text: String },
    /// It is no longer declared and stays.
    Orphaned,
}

impl<'a> Next<'a> {
    fn of(plan: &'a Plan, key: &Key) -> Self {
        let blocked = blocked::of(plan, key);
        let drifted = plan.drift.iter().find(|step| &step.key == key);
        match (plan.step(key), blocked, drifted) {
            (Some(step), ..) => {
                Self::Step { text: format!("{}: {}", step.action, changes::reason(step)), step: step.into() }
            }
            (_, Some(blocked), _) => Self::Blocked { text: blocked.text.clone(), blocked },
            (_, _, Some(step)) => Self::LeftAlone { text: changes::reason(step), step: step.into() },
            _ if plan.orphaned.contains(key) => Self::Orphaned,
            _ => Self::Nothing,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Nothing => "nothing: it is as declared".to_owned(),
            Self::Step { text, .. } => text.clone(),
            Self::Blocked { text, blocked } if blocked.help.is_empty() => format!("BLOCKED: {text}"),
            Self::Blocked { text, blocked } => format!("BLOCKED: {text}; {}", blocked.help),
            Self::LeftAlone { text, .. } => format!("nothing: drift is only reported ({text})"),
            Self::Orphaned => "nothing: it is no longer declared and stays".to_owned(),
        }
    }
}

impl<'a> WhyDocument<'a> {
    async fn new(app: &App, session: &'a Session, plan: &'a Plan, key: &'a Key) -> Result<Self> {
        let object = session.engine.desired().and_then(|desired| desired.objects().get(key));
        let declared = object.map(|object| object.provenance.clone());
        let declared = declared.or_else(|| plan.step(key).and_then(|step| step.provenance.clone()));
        let found = match &declared {
            Some(at) if at.line > 0 => find(app, session, plan, at).await?,
            _ => None,
        };
        let commit = match &declared {
            Some(at) => {
                let line = (at.line > 0).then_some(at.line..=at.line);
                let lines = found.as_ref().map(|found| found.range.clone()).or(line);
                session.last_commit(&app.cx, &plan.revision, &at.path, lines).await?
            }
            None => None,
        };
        let mut fields = Vec::new();
        if let (Some(at), Some(step)) = (&declared, differing(plan, key)) {
            for field in step.diff.fields().iter().take(FIELDS) {
                let field = (field, &step.foreign[..]);
                fields.push(Differing::of(app, session, plan, at, found.as_ref(), field).await?);
            }
        }
        let needs =
            object.and_then(|object| session.engine.desired()?.needs(object).ok()).unwrap_or_default();
        Ok(Self {
            key,
            declared,
            last_line: found.map(|found| *found.range.end()),
            commit,
            fields,
            needs,
            owned: session.engine.inventory().entries().get(key),
            components: session.components(&app.cx).await?.remove(key).unwrap_or_default(),
            last_change: trail::last(&app.cx, session.audit(), key).await?,
            next: Next::of(plan, key),
        })
    }

    fn human(&self) -> String {
        let last_change = self.last_change.as_ref().map_or("none by us".to_owned(), applied);
        let mut facts = vec![("declared", self.declared_at())];
        facts.extend(self.commit.as_ref().map(|Commit { id, author, time, summary, .. }| {
            let id = id.get(..12).unwrap_or(id);
            ("commit", escape(&format!("{id}  {author}  {time}  {summary}")))
        }));
        facts.extend(self.fields.iter().map(|field| ("differs", field.row(self.declared.as_ref()))));
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
                let last = self.last_line.filter(|last| *last > provenance.line);
                let last = last.map(|last| format!("-{last}")).unwrap_or_default();
                let place = paint(CYAN, escape(&format!("{provenance}{last}")));
                format!("{place}  in {}", escape(&provenance.source))
            }
            None => "nowhere".to_owned(),
        }
    }
}

/// The object in its file. A file that can't be fetched or read only costs the exact lines.
async fn find(app: &App, session: &Session, plan: &Plan, at: &Provenance) -> Result<Option<Declaration>> {
    match session.file(&app.cx, &plan.revision, &at.path).await {
        Ok(bytes) => Ok(bytes.and_then(|bytes| origin::declaration(&at.path, &bytes, at.line))),
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
        Err(_) => Ok(None),
    }
}

/// The step or the drift of an object that has both sides: what is made or deleted differs as a whole.
fn differing<'p>(plan: &'p Plan, key: &Key) -> Option<&'p Step> {
    let steps = plan.steps.iter().chain(&plan.drift);
    steps.filter(|step| step.action == Action::Update).find(|step| &step.key == key)
}

/// A resource with its identity, and what is wrong with it.
fn resource(part: &Component) -> String {
    let id = part.id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
    let trouble = part.trouble.as_ref().map(|trouble| format!("  {trouble}")).unwrap_or_default();
    format!("{}{id}{trouble}", part.name)
}

/// What we last did to an object, for whom, by which plan and with which outcome.
fn applied(change: &Change) -> String {
    let Change { time, action, by, result, detail, of, .. } = change;
    let of = of.as_ref().map(|of| {
        let approved = of.approved_by.as_ref().map(|by| format!("approved by {by}, ")).unwrap_or_default();
        format!("  ({approved}plan {}, reconciliation {})", of.plan_id.short(), of.number)
    });
    let outcome = trail::outcome(result.as_deref(), detail.as_deref());
    escape(&format!("{time}  {action} by {by}: {outcome}{}", of.unwrap_or_default()))
}
