//! `gitops diff`: shows line by line what would change.

use gitops_app::documents::blocked::{self, BlockedPart};
use gitops_app::documents::plan::Summary;
use gitops_app::lookup;
use gitops_app::session::{Access, Session};
use gitops_core::{Action, Diff, FieldChange, Key, Step, Value};

use super::Ended;
use crate::app::App;
use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::output;
use crate::output::diff::{DiffDocument, Hunks, human};
use crate::progress;

/// Writes nothing to the target.
pub async fn run(app: &App, args: &DiffArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    app.note_pin(&session).await?;
    let only = args.key.as_deref().map(|text| lookup::find(text, &session.keys())).transpose()?;
    let is_wanted = |key: &Key| only.as_ref().is_none_or(|only| only == key);
    let mut objects = Vec::new();
    for step in plan.steps.iter().chain(&plan.drift).filter(|step| is_wanted(&step.key)) {
        let diff = whole(app, &session, step).await?;
        objects.push(Hunks { step, diff });
    }
    let blocked: Vec<BlockedPart<'_>> =
        blocked::all(&plan).into_iter().filter(|part| is_wanted(part.key)).collect();
    let exit = Exit::gravest(blocked.iter().map(|part| Exit::of_obstacle(part.obstacle)));
    if let Some(many) = app.many() {
        many.plan(&Summary::of(&plan));
    }
    let document = DiffDocument::new(&plan, &objects, &blocked);
    app.answer(&document, || {
        human(&objects, &blocked)
            + &output::blocked::section(&blocked, app.screen.columns(), &app.command("why"))
    })?;
    Ok(exit)
}

/// The fields of a step: what is made is compared with nothing, and nothing with what is deleted.
async fn whole(app: &App, session: &Session, step: &Step) -> gitops_core::Result<Diff> {
    if !step.diff.is_empty() {
        return Ok(step.diff.clone());
    }
    Ok(match step.action {
        Action::Delete => {
            let live = session.live(&app.cx, &step.key).await?;
            fields(live.as_ref().map(|live| &live.body), None)
        }
        _ => fields(None, declared(session, &step.key).as_ref()),
    })
}

fn declared(session: &Session, key: &Key) -> Option<Value> {
    session.engine.desired()?.objects().get(key).map(|object| object.body.clone())
}

/// The members of one body, or the body itself if it has none, as fields that come or go.
fn fields(before: Option<&Value>, after: Option<&Value>) -> Diff {
    match (before, after) {
        (Some(Value::Map(members)), None) => members
            .iter()
            .map(|(name, value)| FieldChange {
                path: format!("/{name}"),
                before: Some(value.clone()),
                after: None,
            })
            .collect(),
        (None, Some(Value::Map(members))) => members
            .iter()
            .map(|(name, value)| FieldChange {
                path: format!("/{name}"),
                before: None,
                after: Some(value.clone()),
            })
            .collect(),
        (before, after) => std::iter::once(FieldChange {
            path: String::new(),
            before: before.cloned(),
            after: after.cloned(),
        })
        .collect(),
    }
}
