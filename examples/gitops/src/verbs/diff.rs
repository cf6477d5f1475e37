//! `gitops diff`: shows line by line what would change.

use gitops_core::{Action, Diff, FieldChange, Key, Plan, Step, Value};

use super::Ended;
use crate::app::App;
use crate::cli::DiffArgs;
use crate::exit::Exit;
use crate::output::diff::{DiffDocument, Hunks, human};
use crate::session::{Access, Session};
use crate::{lookup, progress};

/// Writes nothing to the target.
pub async fn run(app: &App, args: &DiffArgs) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    session.note_pin(app).await?;
    let mut objects = Vec::new();
    for step in wanted(&plan, args, &session)? {
        let diff = whole(app, &session, step).await?;
        objects.push(Hunks { step, diff });
    }
    app.screen.answer(&DiffDocument::new(&plan, &objects), || human(&objects))?;
    Ok(Exit::Ok)
}

/// All steps with the drift that is left alone, or the one of an object.
fn wanted<'p>(plan: &'p Plan, args: &DiffArgs, session: &Session) -> gitops_core::Result<Vec<&'p Step>> {
    let steps = plan.steps.iter().chain(&plan.drift);
    let Some(text) = &args.key else { return Ok(steps.collect()) };
    let key = lookup::find(text, &session.keys())?;
    Ok(steps.filter(|step| step.key == key).collect())
}

/// The fields of a step: what is made is compared with nothing, and nothing with what is deleted.
async fn whole(app: &App, session: &Session, step: &Step) -> gitops_core::Result<Diff> {
    if !step.diff.is_empty() {
        return Ok(step.diff.clone());
    }
    Ok(match step.action {
        Action::Delete => {
            let live = session.live(app, &step.key).await?;
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
