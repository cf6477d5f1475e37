//! Whether a comment is as its author wrote it, where a forge does not tell each edit.

use std::collections::BTreeMap;

use gitops_core::{Cx, Digest, Result};
use gitops_forge::{Comment, Forge};
use serde::{Deserialize, Serialize};

use super::patiently::patiently;

/// How many comments of a request are known as they were written.
const KNOWN: usize = 100;

/// Comments as webhooks told of them when they were written, each with the digest of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AsWritten(BTreeMap<String, String>);

impl AsWritten {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a comment as it was written; what is known of it already stays, and of many those are forgotten that were written first.
    pub fn learn(&mut self, comment: &str, body: &str) {
        self.0.entry(comment.to_owned()).or_insert_with(|| digest(body));
        self.bound();
    }

    fn bound(&mut self) {
        while self.0.len() > KNOWN {
            let age = |id: &String| (id.len(), id.clone());
            let Some(oldest) = self.0.keys().min_by_key(|id| age(id)).cloned() else { return };
            self.0.remove(&oldest);
        }
    }

    /// What is known of one comment, alone.
    pub fn of(&self, comment: &str) -> Option<Self> {
        let (id, digest) = self.0.get_key_value(comment)?;
        Some(Self(BTreeMap::from([(id.clone(), digest.clone())])))
    }

    /// With what is known besides.
    pub fn join(&mut self, other: Self) {
        for (comment, digest) in other.0 {
            self.0.entry(comment).or_insert(digest);
        }
        self.bound();
    }

    /// Whether a comment has the text with which it was written.
    fn has(&self, comment: &Comment) -> bool {
        self.0.get(comment.id.as_str()).is_some_and(|known| *known == digest(&comment.body))
    }
}

/// Of a text as forges give it back: without the white space around it, and with one kind of line ends.
fn digest(body: &str) -> String {
    Digest::of(body.replace("\r\n", "\n").trim().as_bytes()).to_string()
}

/// Whether a comment on a request is as its author wrote it. On some forges whoever may write edits the comments of others, and the times of
/// those that were edited in the second of their creation do not tell it. There one counts if a webhook told of it when it was
/// written, or if its author put 👍 on it in a later second: what stood there then stands there still.
///
/// # Errors
/// Those of the forge.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn is_certain(
    cx: &Cx,
    forge: &dyn Forge,
    number: u64,
    comment: &Comment,
    written: &AsWritten,
) -> Result<bool> {
    if comment.created != comment.updated {
        return Ok(false);
    }
    if forge.info().tells_edits || written.has(comment) {
        return Ok(true);
    }
    let Some(reactions) = forge.reactions() else { return Ok(false) };
    let found = patiently(cx, || reactions.thumbs_up(cx, number, &comment.id)).await?;
    Ok(found.into_iter().any(|(by, at)| by.is(&comment.author) && at > comment.created))
}
