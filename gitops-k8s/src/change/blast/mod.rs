//! What goes with an object when it is deleted, as the server has it at the moment.

mod claim;
mod count;
mod kind;
mod namespace;

use gitops_core::{Cx, Key, Live, Ownership, Result, Taken};

use crate::live::application::Inner;

/// What goes with an object; empty for the kinds that take nothing with them.
///
/// What can't be read is in it as unknown. Garbage that owners collect and what the cluster makes by itself is not.
///
/// # Errors
/// Where the server does not answer at all, and where the caller was asked to stop.
pub(crate) async fn taken(inner: &Inner, cx: &Cx, key: &Key, live: &Live) -> Result<Vec<Taken>> {
    let owner = match &live.ownership {
        Ownership::Owner(owner) => owner.as_str(),
        _ => "",
    };
    match (key.kind().group(), key.kind().kind()) {
        // A project is its namespace, under the name of an older API of OpenShift.
        ("", "Namespace") | ("project.openshift.io", "Project") => {
            namespace::taken(inner, cx, key, owner).await
        }
        ("", "PersistentVolumeClaim") => claim::taken(inner, cx, key).await,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => kind::taken(inner, cx, key, owner).await,
        _ => Ok(Vec::new()),
    }
}
