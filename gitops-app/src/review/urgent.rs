//! Two people who approve in an emergency, as the forge knows them.

use std::collections::BTreeMap;
use std::time::Duration;

use gitops_core::review::Command;
use gitops_core::{Cx, Digest, Error, ErrorKind, Result};
use gitops_forge::{CommentQuery, Forge, Permission, User};

use crate::forge::patiently;
use crate::forge::{AsWritten, is_certain};

/// How old their word may be.
const FRESH: Duration = Duration::from_secs(4 * 3600);

/// Two people who may write to the repository and named an effect by `/approve EFFECT` in comments on a request, within the last
/// four hours. The author of the request may be one of them; programs and edited comments do not count.
///
/// # Errors
/// `NeedsApproval` with what they have to write, as long as there are not two; those of the forge.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn two_people(cx: &Cx, forge: &dyn Forge, number: u64, effect: &Digest) -> Result<[String; 2]> {
    let query = CommentQuery::default();
    let comments = patiently(cx, || forge.comments(cx, number, &query)).await?;
    let named = effect;
    let means_it = |body: &str| {
        Command::read(body).into_iter().flatten().any(|command| match command {
            Command::Approve { effect } => named.is_named(&effect),
            _ => false,
        })
    };
    let said = comments.into_iter().filter(|comment| {
        let is_fresh = cx.now().since(comment.created) <= FRESH;
        comment.created == comment.updated && is_fresh && !comment.author.is_bot && means_it(&comment.body)
    });
    let (mut people, mut is_open, mut found) = (BTreeMap::<String, User>::new(), false, Vec::new());
    for comment in said {
        match is_certain(cx, forge, number, &comment, &AsWritten::default()).await? {
            true => drop(people.insert(comment.author.id.to_string(), comment.author)),
            false => is_open = true,
        }
    }
    let confirm = match is_open || !forge.info().tells_edits {
        true => ", and put a thumb up on their own comments a second later",
        false => "",
    };
    for user in people.into_values() {
        if patiently(cx, || forge.permission(cx, &user)).await? >= Permission::Write {
            found.push(user.login.to_string());
        }
    }
    found.sort();
    <[String; 2]>::try_from(found.iter().take(2).cloned().collect::<Vec<_>>()).map_err(|found| {
        let by = if found.is_empty() { String::new() } else { format!(" ({})", found.join(", ")) };
        let message = format!("{} of 2 people approve it on request {number}{by}", found.len());
        Error::new(ErrorKind::NeedsApproval, message).help(format!(
            "two people who may write to the repository comment there: `/approve {}`{confirm}; their word is good for four hours",
            effect.name()
        ))
    })
}
