//! `gitops planner-identity`: the manifests of an identity that may read and dry-run, and nothing else.

use gitops_app::PlannerIdentity;
use gitops_app::documents::Document;
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::PlannerArgs;
use crate::exit::Exit;
use crate::output::style::escape;

/// The document of the identity.
#[derive(Debug, Serialize)]
struct PlannerIdentityDocument {
    /// As whom to act.
    user: String,
    /// The objects to make, in this order.
    objects: Vec<serde_json::Value>,
}

impl Document for PlannerIdentityDocument {
    const KIND: &'static str = "PlannerIdentity";
}

/// Writes nothing to any cluster.
pub fn run(app: &App, args: &PlannerArgs) -> Ended {
    let identity = PlannerIdentity::new(&args.namespace, &args.name)?;
    let identity = args.groups.iter().try_fold(identity, PlannerIdentity::group)?;
    let identity = args.namespaces.iter().try_fold(identity, PlannerIdentity::only_in)?;
    let user = identity.user();
    if !app.screen.is_json() {
        app.screen.note(&escape(&format!(
            "Make them as an administrator, then name the account in the configuration: `planner: {{ impersonate: {user} }}`."
        )));
    }
    let document = PlannerIdentityDocument { user, objects: identity.objects() };
    app.answer(&document, || identity.manifests())?;
    Ok(Exit::Ok)
}
