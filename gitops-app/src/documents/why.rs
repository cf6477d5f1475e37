//! The document of `why`: where an object comes from, and what happens to it next.

use gitops_core::redact::{HIDDEN, credentials};
use gitops_core::{
    Action, Cause, Commit, Component, Cx, Error, ErrorKind, FieldChange, ForeignField, GateMessage, Key,
    OrphanedBecause, Owned, Plan, Provenance, Result, Step, Value, Verdict,
};
use serde::Serialize;

use super::Document;
use super::beside::{self, BesidePart};
use super::blocked::{self, BlockedPart};
use super::changes;
use super::health::{self, Health, Unready};
use super::held;
use super::plan::StepPart;
use super::status::Sync;
use super::trail::{self, Change};
use crate::origin::{self, Declaration};
use crate::session::Session;

/// How many fields are looked up.
const FIELDS: usize = 20;

/// The document of `why`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct WhyDocument<'a> {
    /// The object.
    pub key: &'a Key,
    /// Whether it is what is declared.
    pub sync: Sync,
    /// Whether it works.
    pub health: Health,
    /// How it stands, if it does not work at the moment.
    pub unready: Option<Unready>,
    /// Where it is declared, or was.
    pub declared: Option<Provenance>,
    /// The last line of the declaration, where the file has others beside it.
    pub last_line: Option<u32>,
    /// The commit that last changed a line of the declaration.
    pub commit: Option<Commit>,
    /// The fields that differ, each with the commit that last changed it.
    pub fields: Vec<DifferingField>,
    /// How it differs from what was applied last, where the pending commit changes it too.
    pub beside: Option<BesidePart<'a>>,
    /// What it needs.
    pub needs: Vec<Key>,
    /// What is recorded of it.
    pub owned: Option<&'a Owned>,
    /// What it is made of, where its target shows that.
    pub components: Vec<Component>,
    /// What was last done to it.
    pub last_change: Option<Change>,
    /// What the next apply does about it.
    pub next: Next<'a>,
    /// What gates want approved of what comes next and somebody approved, with the gate and the name.
    pub approved: Vec<String>,
    /// Why what comes next is not done yet: gates deny it or want it approved, the process at work waits for another
    /// application, or a deletion waits for what is blocked.
    pub postponed: Option<String>,
    /// Why the source is not followed now, so that all of this is of the revision that was accepted last.
    pub not_followed: Option<String>,
}

impl Document for WhyDocument<'_> {
    const KIND: &'static str = "Why";
}

/// A field that is not as declared.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DifferingField {
    /// Where it is: a JSON pointer.
    pub path: String,
    /// What it is.
    pub live: Option<Value>,
    /// What it should be.
    pub declared: Option<Value>,
    /// The client that set the live value, where the target knows it.
    pub set_by: Option<String>,
    /// When it did: `at TIME`, or `after TIME` where the target knows no more.
    pub set_when: Option<String>,
    /// The line on which it is declared, where the file shows it.
    pub line: Option<u32>,
    /// The commit that last changed that line.
    pub commit: Option<Commit>,
}

/// What the next apply does about an object.
#[derive(Debug, Serialize)]
#[serde(tag = "next", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Next<'a> {
    /// Nothing: it is as declared.
    Nothing,
    /// This.
    Step {
        /// The step.
        step: StepPart<'a>,
        /// What it does, for people.
        text: String,
    },
    /// Nothing may be done about it.
    Blocked {
        /// Why.
        blocked: BlockedPart<'a>,
        /// The same for people.
        text: String,
    },
    /// It drifted and is left alone.
    LeftAlone {
        /// What would put it back.
        step: StepPart<'a>,
        /// What differs, for people.
        text: String,
    },
    /// It is no longer declared and stays.
    Orphaned {
        /// Why it stays; nothing where the plan does not say.
        because: Option<OrphanedBecause>,
    },
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
            _ if plan.orphaned.contains(key) => {
                Self::Orphaned { because: plan.orphaned_because.get(key).copied() }
            }
            _ => Self::Nothing,
        }
    }
}

impl Next<'_> {
    fn sync(&self) -> Sync {
        match self {
            // What stays although it is not declared any more is meant to.
            Self::Nothing | Self::Orphaned { .. } => Sync::Synced,
            Self::Step { .. } | Self::Blocked { .. } | Self::LeftAlone { .. } => Sync::Differs,
        }
    }

    /// Whether the object is declared and not there.
    fn is_missing(&self) -> bool {
        match self {
            Self::Step { step, .. } | Self::LeftAlone { step, .. } => step.action == Action::Create,
            _ => false,
        }
    }
}

impl<'a> WhyDocument<'a> {
    /// What is known of an object, and what a plan does about it.
    ///
    /// # Errors
    /// The audit log can't be read; the source can't be asked who changed a line; a target of roots does not answer.
    ///
    /// # Cancel safety
    /// It writes nothing.
    pub async fn new(cx: &Cx, session: &'a Session, plan: &'a Plan, key: &'a Key) -> Result<Self> {
        let object = session.engine.desired().and_then(|desired| desired.objects().get(key));
        let declared = object.map(|object| object.provenance.clone());
        let declared = declared.or_else(|| plan.step(key).and_then(|step| step.provenance.clone()));
        let found = match &declared {
            Some(at) if at.line > 0 => find(cx, session, plan, at).await?,
            _ => None,
        };
        let commit = match &declared {
            Some(at) => {
                let line = (at.line > 0).then_some(at.line..=at.line);
                let lines = found.as_ref().map(|found| found.range.clone()).or(line);
                session.last_commit(cx, &plan.revision, &at.path, lines).await?
            }
            None => None,
        };
        let mut fields = Vec::new();
        if let (Some(at), Some(step)) = (&declared, differing(plan, key)) {
            for field in step.diff.fields().iter().take(FIELDS) {
                let field = (field, &step.foreign[..]);
                fields.push(DifferingField::of(cx, session, plan, at, found.as_ref(), field).await?);
            }
        }
        let next = Next::of(plan, key);
        let (approved, postponed) = match plan.step(key) {
            Some(step) if step.cause != Cause::Drift => {
                let verdict = session.engine.verdict(cx, plan);
                let postponed = match postponed(cx, session, &verdict, key).await {
                    None => held::of(plan, key).map(|part| part.text()),
                    postponed => postponed,
                };
                (approved(&verdict, key), postponed)
            }
            _ => (Vec::new(), None),
        };
        let unready = session.unready_of(cx, |owned| owned == key).await.pop().map(Unready::of);
        let mut components = session.components(cx).await?;
        let components = components.remove(key).unwrap_or_default();
        let of_object = health::of_object(next.is_missing(), unready.as_ref(), &components);
        let blocked = plan.blocked.iter().find(|blocked| blocked.key == *key);
        let of_blocked = blocked.and_then(|blocked| health::of_blocked(&blocked.why));
        let needs =
            object.and_then(|object| session.engine.desired()?.needs(object).ok()).unwrap_or_default();
        Ok(Self {
            key,
            sync: next.sync(),
            health: of_blocked.map_or(of_object, |of_blocked| of_object.max(of_blocked)),
            unready,
            declared,
            last_line: found.map(|found| *found.range.end()),
            commit,
            fields,
            beside: beside::of(plan, key),
            needs,
            owned: session.engine.inventory().entries().get(key),
            components,
            last_change: trail::last(cx, session.audit(), key).await?,
            next,
            approved,
            postponed,
            not_followed: None,
        })
    }

    /// The same of a plan of the revision that was accepted last, because the source [is not followed](gitops_core::Engine::plan_or_accepted).
    #[must_use]
    pub fn not_followed(mut self, why: Option<&Error>) -> Self {
        self.not_followed = why.map(ToString::to_string);
        self
    }
}

impl DifferingField {
    async fn of(
        cx: &Cx,
        session: &Session,
        plan: &Plan,
        at: &Provenance,
        found: Option<&Declaration>,
        (field, foreign): (&FieldChange, &[ForeignField]),
    ) -> Result<Self> {
        let lines = found.map(|found| found.field(&field.path));
        let line = lines.as_ref().map(|lines| *lines.start());
        let commit = session.last_commit(cx, &plan.revision, &at.path, lines).await?;
        let is_sensitive = field.is_sensitive();
        let shown = |value: Value| match value {
            Value::Text(_) if is_sensitive => Value::from(HIDDEN),
            value => value.shown(),
        };
        let FieldChange { path, before, after, .. } = field.clone();
        let (before, after) = (before.map(shown), after.map(shown));
        let setter = setter(foreign, &path);
        let set_by = setter.map(|setter| setter.by.clone());
        let set_when = setter.and_then(|setter| setter.when.clone());
        let path = credentials(&path).into_owned();
        Ok(Self { path, live: before, declared: after, set_by, set_when, line, commit })
    }
}

/// What somebody approved of an object's step.
fn approved(verdict: &Verdict, key: &Key) -> Vec<String> {
    let is_of_it = |note: &&GateMessage| note.keys.is_empty() || note.keys.contains(key);
    let approved = verdict.messages().iter().filter(|note| note.approved_by.is_some());
    approved.filter(is_of_it).map(ToString::to_string).collect()
}

/// Why what a plan brings is not done yet, if somebody knows. Who is at work can't say it where that can't be read.
async fn postponed(cx: &Cx, session: &Session, verdict: &Verdict, key: &Key) -> Option<String> {
    if matches!(verdict, Verdict::Deny { .. }) {
        let obstacles: Vec<String> = verdict.obstacles().map(ToString::to_string).collect();
        return Some(obstacles.join("; "));
    }
    let is_of_it = |note: &&GateMessage| note.keys.is_empty() || note.keys.contains(key);
    let findings: Vec<String> = verdict.findings().filter(is_of_it).map(ToString::to_string).collect();
    if !findings.is_empty() {
        return Some(format!("needs an approval: {}", findings.join("; ")));
    }
    session.runner(cx).await.ok()??.noted.postponed
}

/// Who set a field, or one that it is a part of, or a part of it.
fn setter<'f>(foreign: &'f [ForeignField], path: &str) -> Option<&'f ForeignField> {
    let holds =
        |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let same = foreign.iter().find(|field| field.path == path);
    same.or_else(|| foreign.iter().find(|field| holds(&field.path, path) || holds(path, &field.path)))
}

/// The object in its file. A file that can't be fetched or read only costs the exact lines.
async fn find(cx: &Cx, session: &Session, plan: &Plan, at: &Provenance) -> Result<Option<Declaration>> {
    match session.file(cx, &plan.revision, &at.path).await {
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
