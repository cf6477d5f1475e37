//! A forge in memory that speaks as Gitea does.

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use gitops_forge::{
    Branch, ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Forge, Issue,
    IssueWrite, MemoryForge, Merge, Mergeable, NewRequest, Permission, Reaction, RequestCommit, RequestQuery,
    RequestState, Review, ReviewState, StatusState, User,
};
use http::Method;
use serde_json::{Value, json};

use super::dialect::{Pages, answered, number, text};
use super::{Answered, Asked, Handler, TOKEN};

/// Speaks for a forge in memory.
pub struct GiteaDialect(pub MemoryForge);

/// A server that was told to allow few items a page.
const PAGES: Pages = Pages { parameter: "limit", most: 20, has_total: true, has_links: false };

const LINKED: Pages = Pages { has_links: true, ..PAGES };

#[async_trait]
impl Handler for GiteaDialect {
    async fn answer(&self, asked: &Asked) -> Answered {
        if asked.header("authorization") != format!("token {TOKEN}") {
            return Answered::json(401, json!({"message": "invalid username, password or token"}));
        }
        let cx = Cx::system();
        answered(async {
            match asked.parts().as_slice() {
                ["api", "v1", "repos", "platform", "site", rest @ ..] => {
                    self.of_repository(&cx, asked, rest).await
                }
                ["api", "v1", "user"] => Ok(Answered::json(200, user(self.0.account()))),
                ["api", "v1", "orgs", "platform", "teams"] => {
                    Ok(PAGES.of(asked, vec![json!({"id": 7, "name": "Reviewers"})], Value::from))
                }
                ["api", "v1", "teams", "7", "members"] => {
                    let teams = self.0.teams().expect("it has teams");
                    let members = teams.members(&cx, "platform/reviewers").await?;
                    Ok(PAGES.of(asked, members.iter().map(user).collect(), Value::from))
                }
                _ => Err(missing()),
            }
        })
        .await
    }
}

fn commit(commit: &RequestCommit) -> Value {
    let person = &commit.people[0];
    let said = json!({"name": "Somebody", "email": person.email, "date": "2026-01-01T00:00:00Z"});
    let account = person.account.as_ref().map(user);
    json!({
        "sha": commit.commit, "author": account, "committer": account, "commit": {"author": said, "committer": said},
    })
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "GetRepoByName")
}

impl GiteaDialect {
    async fn of_repository(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match parts {
            ["pulls", rest @ ..] => self.pulls(cx, asked, rest).await,
            ["issues", rest @ ..] => self.issues(cx, asked, rest).await,
            ["git", "commits", sha] => {
                let commits = self.0.commits().expect("it has commits");
                Ok(Answered::json(200, commit(&commits.of_commit(cx, &CommitId::parse(sha)?).await?)))
            }
            ["commits", sha, "pull"] => {
                let query = RequestQuery::OfCommit(CommitId::parse(sha)?);
                let found = self.0.change_requests(cx, &query).await?;
                let merged = found.iter().find(|request| request.state == RequestState::Merged);
                merged.map(|merged| Answered::json(200, request(merged))).ok_or_else(missing)
            }
            ["commits", sha, "status"] => {
                let found = self.0.statuses(cx, &CommitId::parse(sha)?).await?;
                let found = found.iter().map(status).collect();
                Ok(LINKED.of(
                    asked,
                    found,
                    |page| json!({"state": "", "sha": sha, "statuses": nullable(page)}),
                ))
            }
            ["statuses", sha] => {
                let status = read_status(&asked.json())?;
                match self.0.set_status(cx, &CommitId::parse(sha)?, &status).await {
                    Err(error) if error.is_not_found() => {
                        let message =
                            format!("GetCommit[{sha}]: object does not exist [id: {sha}, rel_path: ]");
                        Ok(Answered::json(500, json!({"message": message})))
                    }
                    set => set.map(|()| Answered::json(201, self::status(&status))),
                }
            }
            ["collaborators", login, "permission"] => self.permission(login),
            _ => Err(missing()),
        }
    }

    async fn pulls(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let is_recent = asked.query.get("sort").is_some_and(|by| by == "recentupdate");
                let all = RequestQuery::ChangedSince(Time::from_micros(0));
                let query = if is_recent { all } else { RequestQuery::Open };
                let mut found = self.0.change_requests(cx, &query).await?;
                if is_recent {
                    found.sort_by_key(|request| std::cmp::Reverse(request.updated));
                }
                Ok(LINKED.of(asked, found.iter().map(request).collect(), Value::from))
            }
            (Method::POST, []) => {
                let body = asked.json();
                let new = NewRequest::new(text(&body, "head"), text(&body, "base"), text(&body, "title"));
                Ok(Answered::json(201, request(&self.0.open(cx, &new).await?)))
            }
            (Method::GET, [index]) => {
                Ok(Answered::json(200, request(&self.0.change_request(cx, number(index)?).await?)))
            }
            (Method::PATCH, [index]) if asked.json()["state"] == "closed" => {
                let number = number(index)?;
                self.0.closing().expect("it closes requests").close(cx, number).await?;
                Ok(Answered::json(201, request(&self.0.change_request(cx, number).await?)))
            }
            (Method::POST, [index, "merge"]) => self.merge(cx, asked, number(index)?).await,
            (Method::GET, [index, "commits"]) => {
                let commits = self.0.commits().expect("it has commits");
                let found = commits.of_request(cx, number(index)?).await?;
                Ok(LINKED.of(asked, found.iter().map(commit).collect(), Value::from))
            }
            (Method::GET, [index, "reviews"]) => {
                let found = self.0.reviews(cx, number(index)?).await?;
                Ok(PAGES.of(asked, found.iter().map(review).collect(), Value::from))
            }
            _ => Err(missing()),
        }
    }

    async fn merge(&self, cx: &Cx, asked: &Asked, number: u64) -> Result<Answered> {
        let state = self.0.change_request(cx, number).await?.state;
        match state {
            RequestState::Merged => Ok(Answered::json(405, json!({"message": "The PR is already merged"}))),
            RequestState::Closed => Err(missing()),
            RequestState::Open => {
                let expected = CommitId::parse(&text(&asked.json(), "head_commit_id"))?;
                self.0.merge(cx, number, &Merge::of(expected)).await?;
                Ok(Answered::empty(200))
            }
        }
    }

    async fn issues(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        let body = asked.json();
        let issues = self.0.issues().expect("it has issues");
        match (asked.method.clone(), parts) {
            (Method::GET, [index, "comments"]) => {
                let since = asked.query.get("since").map(|text| json!(text));
                let since = since.map(|since| serde_json::from_value(since).unwrap());
                let query = since.map(CommentQuery::since).unwrap_or_default();
                let found = self.0.comments(cx, number(index)?, &query).await?;
                let found: Vec<_> = found.iter().map(comment).collect();
                let total = found.len().to_string();
                Ok(Answered::json(200, found).header("x-total-count", total))
            }
            (Method::POST, [index, "comments"]) => {
                self.write_comment(
                    cx,
                    number(index)?,
                    CommentWrite::Create { body: text(&body, "body") },
                    201,
                )
                .await
            }
            (Method::PATCH, ["comments", id]) => {
                let write = CommentWrite::Edit { id: (*id).into(), body: text(&body, "body") };
                self.write_comment(cx, self.request_of(cx, id).await?, write, 200).await
            }
            (Method::DELETE, ["comments", id]) => {
                let write = CommentWrite::Delete { id: (*id).into() };
                self.write_comment(cx, self.request_of(cx, id).await?, write, 204).await
            }
            (Method::GET, ["comments", id, "reactions"]) => {
                let number = self.request_of(cx, id).await?;
                let reactions = self.0.reactions().expect("it has reactions");
                let ups = reactions.thumbs_up(cx, number, id).await?;
                let ups =
                    ups.iter().map(|(by, at)| json!({"user": user(by), "content": "+1", "created_at": at}));
                Ok(Answered::json(200, nullable(ups.collect())))
            }
            (Method::POST, ["comments", id, "reactions"]) => {
                let reaction = match text(&body, "content").as_str() {
                    "eyes" => Reaction::Eyes,
                    "+1" => Reaction::ThumbsUp,
                    "-1" => Reaction::ThumbsDown,
                    "confused" => Reaction::Confused,
                    "rocket" => Reaction::Rocket,
                    _ => return Ok(Answered::empty(403)),
                };
                let number = self.request_of(cx, id).await?;
                self.0.reactions().expect("it has reactions").react(cx, number, id, reaction).await?;
                Ok(Answered::json(201, json!({})))
            }
            (Method::GET, []) => {
                let found = issues.own_open(cx).await?;
                let author = user(self.0.account());
                Ok(LINKED.of(asked, found.iter().map(|found| issue(found, &author)).collect(), Value::from))
            }
            (Method::POST, []) => {
                let write = IssueWrite::Create { title: text(&body, "title"), body: text(&body, "body") };
                self.write_issue(cx, write, 201).await
            }
            (Method::PATCH, [index]) if body["state"] == "closed" => {
                self.write_issue(cx, IssueWrite::Close { number: number(index)? }, 201).await
            }
            (Method::PATCH, [index]) => {
                let (title, body) = (text(&body, "title"), text(&body, "body"));
                self.write_issue(cx, IssueWrite::Edit { number: number(index)?, title, body }, 201).await
            }
            _ => Err(missing()),
        }
    }

    async fn write_comment(
        &self,
        cx: &Cx,
        number: u64,
        write: CommentWrite,
        status: u16,
    ) -> Result<Answered> {
        let written = self.0.write_comment(cx, number, &write).await?;
        Ok(written.map_or(Answered::empty(status), |written| Answered::json(status, comment(&written))))
    }

    async fn write_issue(&self, cx: &Cx, write: IssueWrite, status: u16) -> Result<Answered> {
        let written = self.0.issues().expect("it has issues").write(cx, &write).await?;
        let author = user(self.0.account());
        Ok(Answered::json(status, written.map_or(json!({}), |written| issue(&written, &author))))
    }

    /// The request that a comment is on.
    async fn request_of(&self, cx: &Cx, id: &str) -> Result<u64> {
        for request in 1..500 {
            let found = self.0.comments(cx, request, &CommentQuery::default()).await.unwrap_or_default();
            if found.iter().any(|comment| comment.id == id) {
                return Ok(request);
            }
        }
        Err(missing())
    }

    fn permission(&self, login: &str) -> Result<Answered> {
        let (found, permission) = self.0.account_of(login).ok_or_else(missing)?;
        let word = match permission {
            Permission::None => "none",
            Permission::Read | Permission::Triage => "read",
            Permission::Write => "write",
            Permission::Maintain | Permission::Admin => "admin",
        };
        Ok(Answered::json(200, json!({"permission": word, "role_name": word, "user": user(&found)})))
    }
}

/// The forge writes an empty list so.
fn nullable(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { items.into() }
}

fn user(user: &User) -> Value {
    json!({"id": number::<i64>(&user.id).unwrap(), "login": user.login, "full_name": "", "email": ""})
}

fn branch(branch: &Branch) -> Value {
    let repository = branch.repository.as_ref().map(|path| json!({"full_name": path}));
    json!({"label": branch.name, "ref": branch.name, "sha": branch.commit, "repo": repository})
}

fn request(request: &ChangeRequest) -> Value {
    json!({
        "number": request.number, "title": request.title, "user": user(&request.author),
        "state": if request.state == RequestState::Open { "open" } else { "closed" },
        "draft": request.is_draft, "mergeable": request.mergeable == Mergeable::Yes,
        "merged": request.state == RequestState::Merged, "merged_at": request.merged, "merge_commit_sha": request.merge_commit,
        "merged_by": request.merged_by.as_ref().map(user),
        "base": branch(&request.base), "head": branch(&request.head), "updated_at": request.updated,
        "html_url": request.web_url,
    })
}

fn comment(comment: &Comment) -> Value {
    json!({
        "id": number::<i64>(&comment.id).unwrap(), "user": user(&comment.author), "body": comment.body,
        "created_at": comment.created, "updated_at": comment.updated,
    })
}

fn issue(issue: &Issue, author: &Value) -> Value {
    json!({"number": issue.number, "title": issue.title, "body": issue.body, "user": author})
}

fn review(review: &Review) -> Value {
    let state = match review.state {
        ReviewState::Approved => "APPROVED",
        ReviewState::ChangesRequested => "REQUEST_CHANGES",
        _ => "COMMENT",
    };
    json!({
        "id": number::<i64>(&review.id).unwrap(), "user": user(&review.author), "state": state,
        "commit_id": review.commit, "dismissed": review.is_dismissed, "submitted_at": review.submitted,
        "stale": false, "official": true,
    })
}

fn status(status: &CommitStatus) -> Value {
    let word = match status.state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        _ => "error",
    };
    json!({
        "status": word, "context": status.context, "description": status.description,
        "target_url": status.target_url.as_deref().unwrap_or_default(),
    })
}

fn read_status(body: &Value) -> Result<CommitStatus> {
    let state = match text(body, "state").as_str() {
        "pending" => StatusState::Pending,
        "success" => StatusState::Success,
        "failure" => StatusState::Failure,
        "error" => StatusState::Error,
        _ => return Err(Error::new(ErrorKind::Invalid, "no such state")),
    };
    let status = CommitStatus::new(text(body, "context"), state, &text(body, "description"));
    Ok(match body["target_url"].as_str() {
        Some(url) => status.target_url(url),
        None => status,
    })
}
