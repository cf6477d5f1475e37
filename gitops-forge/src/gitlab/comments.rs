//! Notes, and emojis on them.

use async_trait::async_trait;
use gitops_core::{Cx, Result};
use serde_json::json;

use super::json::NoteJson;
use super::{GitLab, TEXTS};
use crate::capability::Reactions;
use crate::http::Ask;
use crate::value::{Comment, CommentQuery, CommentWrite, Reaction};

const LIST: &str = "/projects/{id}/merge_requests/{merge_request_iid}/notes";
const ONE: &str = "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}";
const EMOJIS: &str = "/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji";

impl GitLab {
    /// The forge can't be asked for those since a time.
    pub(super) async fn list_comments(
        &self,
        cx: &Cx,
        number: u64,
        query: &CommentQuery,
    ) -> Result<Vec<Comment>> {
        let ask = Ask::get(LIST, &[&self.project, &number]);
        let ask = ask.query("order_by", "created_at").query("sort", "asc");
        let mut found: Vec<NoteJson> = self.client.list(cx, &ask, TEXTS).await?;
        found.retain(|note| {
            let is_asked = query.since.is_none_or(|since| note.updated_at >= since);
            is_asked && !note.system && note.kind.as_deref() != Some("DiffNote")
        });
        found.sort_by_key(|note| note.id);
        found.dedup_by_key(|note| note.id);
        Ok(found.into_iter().map(|note| self.comment(note)).collect())
    }

    pub(super) async fn write(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        let ask = match write {
            CommentWrite::Create { body } => {
                Ask::post(LIST, &[&self.project, &number]).json(json!({"body": body}))
            }
            CommentWrite::Edit { id, body } => {
                Ask::put(ONE, &[&self.project, &number, id]).json(json!({"body": body}))
            }
            CommentWrite::Delete { id } => {
                let delete = Ask::delete(ONE, &[&self.project, &number, id]);
                return self.client.remove(cx, &delete).await.map(|()| None);
            }
        };
        self.client.read(cx, &ask).await.map(|note| Some(self.comment(note)))
    }

    fn comment(&self, json: NoteJson) -> Comment {
        let author = self.user(json.author.into());
        Comment::new(json.id.to_string(), author, json.body, json.created_at).updated(json.updated_at)
    }
}

#[async_trait]
impl Reactions for GitLab {
    async fn react(&self, cx: &Cx, number: u64, comment: &str, reaction: Reaction) -> Result<()> {
        let name = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::ThumbsUp => "thumbsup",
            Reaction::ThumbsDown => "thumbsdown",
            Reaction::Confused => "confused",
            Reaction::Rocket => "rocket",
        };
        let ask = Ask::post(EMOJIS, &[&self.project, &number, &comment]).json(json!({"name": name}));
        match self.client.call(cx, &ask).await {
            // So the forge says that we put it there before.
            Err(error) if error.message().contains("already been taken") => Ok(()),
            put => put.map(drop),
        }
    }
}
