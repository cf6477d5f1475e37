//! Deployments that are recorded once.

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::may_repeat;
use crate::forge::Forge;
use crate::value::Deployment;

pub(super) async fn ensure<F: Forge + ?Sized>(forge: &F, cx: &Cx, wanted: &Deployment) -> Result<bool> {
    let unsupported = || Error::new(ErrorKind::Unsupported, "the forge has no deployments");
    let deployments = forge.deployments().ok_or_else(unsupported)?;
    let mut tries = 0;
    loop {
        let latest = deployments.latest(cx, &wanted.environment).await?;
        let of_commit = latest.filter(|(_, latest)| latest.commit == wanted.commit);
        let done = match of_commit {
            Some((_, latest)) if is_same(&latest, wanted) => return Ok(tries > 0),
            Some((id, _)) => deployments.set_state(cx, &id, wanted).await,
            None => deployments.create(cx, wanted).await.map(drop),
        };
        tries += 1;
        match done {
            Ok(()) => return Ok(true),
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_same(latest: &Deployment, wanted: &Deployment) -> bool {
    let is_same_text = latest
        .description
        .as_deref()
        .is_none_or(|told| told == wanted.description.as_deref().unwrap_or_default());
    latest.state == wanted.state && is_same_text
}
