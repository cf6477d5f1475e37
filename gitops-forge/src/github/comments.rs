//! Comments, and emojis on them.

use async_trait::async_trait;
use gitops_core::{Cx, Result, Time};
use serde_json::json;

use super::json::{CommentJson, ReactionJson};
use super::{GitHub, TEXTS};
use crate::capability::Reactions;
use crate::http::Ask;
use crate::value::{Comment, CommentQuery, CommentWrite, Reaction, User};

const LIST: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
const ONE: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
const REACTIONS: &str = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions";

impl GitHub {
    pub(super) async fn list_comments(
        &self,
        cx: &Cx,
        number: u64,
        query: &CommentQuery,
    ) -> Result<Vec<Comment>> {
        let mut ask = Ask::get(LIST, &[&self.owner(), &self.name(), &number]);
        if let Some(since) = query.since {
            ask = ask.time("since", since);
        }
        let mut found: Vec<CommentJson> = self.client.list(cx, &ask, TEXTS).await?;
        found.sort_by_key(|comment| comment.id);
        found.dedup_by_key(|comment| comment.id);
        Ok(found.into_iter().map(|comment| self.comment(comment)).collect())
    }

    pub(super) async fn write(&self, cx: &Cx, number: u64, write: &CommentWrite) -> Result<Option<Comment>> {
        let (owner, name) = (&self.owner(), &self.name());
        let ask = match write {
            CommentWrite::Create { body } => {
                Ask::post(LIST, &[owner, name, &number]).json(json!({"body": body}))
            }
            CommentWrite::Edit { id, body } => {
                Ask::patch(ONE, &[owner, name, id]).json(json!({"body": body}))
            }
            CommentWrite::Delete { id } => {
                return self.client.remove(cx, &Ask::delete(ONE, &[owner, name, id])).await.map(|()| None);
            }
        };
        self.client.read(cx, &ask).await.map(|comment| Some(self.comment(comment)))
    }

    fn comment(&self, json: CommentJson) -> Comment {
        let (author, body) = (self.user_or_ghost(json.user), json.body.unwrap_or_default());
        Comment::new(json.id.to_string(), author, body, json.created_at).updated(json.updated_at)
    }
}

#[async_trait]
impl Reactions for GitHub {
    async fn react(&self, cx: &Cx, _: u64, comment: &str, reaction: Reaction) -> Result<()> {
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::ThumbsUp => "+1",
            Reaction::ThumbsDown => "-1",
            Reaction::Confused => "confused",
            Reaction::Rocket => "rocket",
        };
        let ask = Ask::post(REACTIONS, &[&self.owner(), &self.name(), &comment]);
        self.client.call(cx, &ask.json(json!({"content": content}))).await.map(drop)
    }

    async fn thumbs_up(&self, cx: &Cx, _: u64, comment: &str) -> Result<Vec<(User, Time)>> {
        let ask = Ask::get(REACTIONS, &[&self.owner(), &self.name(), &comment]).query("content", "+1");
        let found: Vec<ReactionJson> = self.client.list(cx, &ask, TEXTS).await?;
        let ups = found.into_iter().filter(|put| put.content == "+1");
        Ok(ups.map(|put| (self.user_or_ghost(put.user), put.created_at)).collect())
    }
}
