//! The one comment.

use gitops_core::{Cx, Result};
use smol_str::SmolStr;

use super::{Upserted, check_length, may_repeat, same_text};
use crate::forge::Forge;
use crate::value::{Comment, CommentQuery, CommentWrite, Marker};

pub(super) async fn upsert<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    number: u64,
    marker: &Marker,
    text: &str,
) -> Result<Upserted<Comment>> {
    let body = marker.stamp(text);
    check_length(forge, &body)?;
    let thread = Thread { forge, cx, number, marker };
    match thread.oldest().await? {
        Some(ours) => match thread.edit(ours, body.clone()).await {
            // Somebody removed it since it was read.
            Err(error) if error.is_not_found() => thread.create(body).await,
            kept => kept,
        },
        None => thread.create(body).await,
    }
}

pub(super) async fn find<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    number: u64,
    marker: &Marker,
) -> Result<Option<Comment>> {
    let thread = Thread { forge, cx, number, marker };
    Ok(thread.ours().await?.into_iter().next())
}

/// The comments of one request among which ours is.
struct Thread<'a, F: ?Sized> {
    forge: &'a F,
    cx: &'a Cx,
    number: u64,
    marker: &'a Marker,
}

impl<F: Forge + ?Sized> Thread<'_, F> {
    /// Our comment. Younger ones, which another process wrote at the same time or a lost request brought late, are removed.
    async fn oldest(&self) -> Result<Option<Comment>> {
        let mut ours = self.ours().await?.into_iter();
        let oldest = ours.next();
        for younger in ours {
            self.write(&CommentWrite::Delete { id: younger.id }).await?;
        }
        Ok(oldest)
    }

    /// The comments that we wrote under the marker, the oldest first.
    async fn ours(&self) -> Result<Vec<Comment>> {
        let me = self.forge.me(self.cx).await?;
        let comments = self.forge.comments(self.cx, self.number, &CommentQuery::default()).await?;
        let is_ours = |comment: &Comment| comment.author.is(&me) && self.marker.is_on(&comment.body);
        Ok(comments.into_iter().filter(is_ours).collect())
    }

    async fn edit(&self, ours: Comment, body: String) -> Result<Upserted<Comment>> {
        if same_text(&ours.body, &body) {
            return Ok(Upserted::kept(ours));
        }
        let edit = CommentWrite::Edit { id: ours.id.clone(), body };
        let mut tries = 0;
        loop {
            tries += 1;
            // To edit again has no further effect, so there is nothing to look up.
            match self.write(&edit).await {
                Ok(edited) => return Ok(Upserted::written(edited.unwrap_or(ours))),
                Err(error) if may_repeat(&error, tries) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn create(&self, body: String) -> Result<Upserted<Comment>> {
        let create = CommentWrite::Create { body: body.clone() };
        let mut tries = 0;
        loop {
            tries += 1;
            let made = self.write(&create).await;
            let id = made.as_ref().ok().and_then(|made| made.as_ref()).map(|made| made.id.clone());
            if let Err(error) = made.as_ref()
                && !error.is_unknown()
            {
                return Err(made.expect_err("it was looked at above"));
            }
            // What another process wrote at the same time is found here too, and so is what came of a lost answer.
            match self.oldest().await? {
                Some(ours) => return self.settled(ours, id, body).await,
                None => match made {
                    Err(error) if may_repeat(&error, tries) => {}
                    Err(error) => return Err(error),
                    Ok(made) => return made.map(Upserted::written).ok_or_else(removed),
                },
            }
        }
    }

    /// Ours is the oldest one. If it is not the one that we wrote, its text may be another.
    async fn settled(&self, ours: Comment, id: Option<SmolStr>, body: String) -> Result<Upserted<Comment>> {
        match id.as_ref() == Some(&ours.id) {
            true => Ok(Upserted::written(ours)),
            false => self.edit(ours, body).await.map(|found| Upserted::written(found.value)),
        }
    }

    async fn write(&self, write: &CommentWrite) -> Result<Option<Comment>> {
        self.forge.write_comment(self.cx, self.number, write).await
    }
}

fn removed() -> gitops_core::Error {
    gitops_core::Error::new(
        gitops_core::ErrorKind::Conflict,
        "the comment was removed as soon as it was written",
    )
}
