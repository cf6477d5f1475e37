//! `gitops diff`: shows line by line what would change, from live to declared.

use gitops_app::documents::beside;
use gitops_app::documents::blocked::{self, BlockedPart};
use gitops_app::documents::held;
use gitops_app::documents::plan::Summary;
use gitops_app::lookup;
use gitops_app::session::{Access, Session};
use gitops_core::{Action, Diff, FieldChange, Key, Step, Value};

use super::Ended;
use crate::app::App;
use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::diff::{Compared, DiffDocument, Form, human};
use crate::progress;

/// Writes nothing to the target.
pub async fn run(app: &App, args: &DiffArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    app.note_orders(&session).await?;
    let only = args.key.as_deref().map(|text| lookup::find(text, &session.keys())).transpose()?;
    let is_wanted = |key: &Key| only.as_ref().is_none_or(|only| only == key);
    let steps = plan.steps.iter().map(|step| (step, false)).chain(plan.drift.iter().map(|step| (step, true)));
    let mut objects = Vec::new();
    for (step, is_left) in steps.filter(|(step, _)| is_wanted(&step.key)) {
        let body = body(app, &session, step).await?;
        let diff = whole(step, body.as_ref());
        let beside = beside::of(&plan, &step.key);
        let held = held::of(&plan, &step.key);
        objects.push(Compared { step, is_left, beside, held, body, diff });
    }
    let blocked: Vec<BlockedPart<'_>> =
        blocked::all(&plan).into_iter().filter(|part| is_wanted(part.key)).collect();
    let exit = Exit::gravest(blocked.iter().map(|part| Exit::of_obstacle(part.obstacle)));
    if let Some(many) = app.many() {
        many.plan(&Summary::of(&plan));
    }
    let form = if args.fields { Form::Fields } else { Form::Unified(args.context) };
    let document = DiffDocument::new(&plan, &objects, &blocked);
    app.answer(&document, || {
        human(&objects, &blocked, form)
            + &output::blocked::section(
                &blocked,
                app.screen.columns(),
                &app.command("why"),
                Some(&app.command("plan --all")),
            )
    })?;
    Ok(exit)
}

/// What is compared with the fields of a step: what is declared, and of an object that goes what is live.
async fn body(app: &App, session: &Session, step: &Step) -> gitops_core::Result<Option<Value>> {
    // The fields of a root are those of its resources, and not of its declaration.
    if !step.diff.is_empty() && session.target_of_roots(step.key.target()).is_some() {
        return Ok(None);
    }
    match step.action {
        Action::Delete => Ok(session.live(&app.cx, &step.key).await?.map(|live| live.body)),
        _ => Ok(declared(session, &step.key)),
    }
}

/// The fields of a step: what is made is compared with nothing, and nothing with what is deleted.
fn whole(step: &Step, body: Option<&Value>) -> Diff {
    match step.action {
        _ if !step.diff.is_empty() => step.diff.clone(),
        Action::Delete => fields(body, None),
        _ => fields(None, body),
    }
}

fn declared(session: &Session, key: &Key) -> Option<Value> {
    session.engine.desired()?.objects().get(key).map(|object| object.body.clone())
}

/// The members of one body, or the body itself if it has none, as fields that come or go.
fn fields(before: Option<&Value>, after: Option<&Value>) -> Diff {
    match (before, after) {
        (Some(Value::Map(members)), None) => members
            .iter()
            .map(|(name, value)| FieldChange::new(format!("/{name}"), Some(value.clone()), None))
            .collect(),
        (None, Some(Value::Map(members))) => members
            .iter()
            .map(|(name, value)| FieldChange::new(format!("/{name}"), None, Some(value.clone())))
            .collect(),
        (before, after) => {
            std::iter::once(FieldChange::new(String::new(), before.cloned(), after.cloned())).collect()
        }
    }
}
