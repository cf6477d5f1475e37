// Long because it is all of one forge that the tests talk to, route by route.
//! A forge in memory that speaks as GitHub does.

use std::sync::Mutex;

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
pub struct GitHubDialect {
    forge: MemoryForge,
    deployments: Mutex<Vec<Record>>,
    /// The tokens that are good now.
    tokens: Mutex<Vec<String>>,
    /// Who is asked for reviews.
    asked: Mutex<Vec<User>>,
}

/// A deployment and its statuses, the newest last.
struct Record {
    environment: String,
    commit: String,
    statuses: Vec<Value>,
}

const PAGES: Pages = Pages { parameter: "per_page", most: 100, has_total: false, has_links: true };

impl GitHubDialect {
    pub fn new(forge: MemoryForge) -> Self {
        Self {
            forge,
            deployments: Mutex::default(),
            tokens: Mutex::new(vec![TOKEN.to_owned()]),
            asked: Mutex::default(),
        }
    }

    /// Asks somebody for a review.
    pub fn ask_for_review(&self, login: &str) {
        let (user, _) = self.forge.account_of(login).unwrap();
        self.asked.lock().unwrap().push(user);
    }

    /// From now on these tokens are good.
    pub fn set_tokens(&self, tokens: &[&str]) {
        *self.tokens.lock().unwrap() = tokens.iter().map(|token| (*token).to_owned()).collect();
    }
}

#[async_trait]
impl Handler for GitHubDialect {
    async fn answer(&self, asked: &Asked) -> Answered {
        let token = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if !self.tokens.lock().unwrap().iter().any(|good| good == token) {
            return Answered::json(401, json!({"message": "Bad credentials"}));
        }
        assert_eq!(asked.header("x-github-api-version"), "2022-11-28");
        assert!(
            asked.header("user-agent").starts_with("gitops-forge/"),
            "GitHub refuses a client without a name"
        );
        let cx = Cx::system();
        answered(async {
            match asked.parts().as_slice() {
                ["api", "v3", "repos", "platform", "site", rest @ ..] => {
                    self.of_repository(&cx, asked, rest).await
                }
                ["api", "v3", "user"] => Ok(Answered::json(200, user(self.forge.account()))),
                ["api", "v3", "users", login] => {
                    let (found, _) = self.forge.account_of(login).ok_or_else(missing)?;
                    Ok(Answered::json(200, user(&found)))
                }
                ["api", "v3", "orgs", "platform", "teams", "reviewers", "members"] => {
                    let teams = self.forge.teams().unwrap();
                    let members = teams.members(&cx, "platform/reviewers").await?;
                    Ok(PAGES.of(asked, members.iter().map(user).collect(), Value::from))
                }
                _ => Err(missing()),
            }
        })
        .await
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "Not Found")
}

impl GitHubDialect {
    async fn of_repository(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match parts {
            [] => Ok(Answered::json(
                200,
                json!({
                    "allow_merge_commit": true, "allow_squash_merge": false, "allow_rebase_merge": true,
                    "language": null, "source": {"language": null},
                }),
            )),
            ["pulls", rest @ ..] => self.pulls(cx, asked, rest).await,
            ["issues", rest @ ..] => self.issues(cx, asked, rest).await,
            ["commits", sha] => {
                let found = self.forge.commits().unwrap().of_commit(cx, &CommitId::parse(sha)?).await?;
                // What GitHub publishes as an example has files that are not as it describes them.
                let mut commit = commit(&found);
                commit["files"] = json!([]);
                Ok(Answered::json(200, commit))
            }
            ["commits", sha, "pulls"] => {
                let found =
                    self.forge.change_requests(cx, &RequestQuery::OfCommit(CommitId::parse(sha)?)).await?;
                Ok(PAGES.of(asked, found.iter().map(request).collect(), Value::from))
            }
            ["commits", sha, "status"] => {
                let found = self.forge.statuses(cx, &CommitId::parse(sha)?).await?;
                let total = found.len();
                Ok(PAGES.of(
                    asked,
                    found.iter().map(status).collect(),
                    |page| json!({"sha": sha, "total_count": total, "statuses": page}),
                ))
            }
            ["statuses", sha] => {
                let status = read_status(&asked.json())?;
                let commit = CommitId::parse(sha)?;
                let done = self.forge.set_status(cx, &commit, &status).await;
                let unknown = |_| Error::new(ErrorKind::Invalid, format!("No commit found for SHA: {sha}"));
                done.map_err(unknown)?;
                Ok(Answered::json(201, self::status(&status)))
            }
            ["collaborators", login, "permission"] => self.permission(login),
            ["deployments", rest @ ..] => self.deployments(asked, rest),
            _ => Err(missing()),
        }
    }

    async fn pulls(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let mut found = self.forge.change_requests(cx, &listed_by(asked)).await?;
                if asked.query.get("sort").is_some_and(|by| by == "updated") {
                    found.sort_by_key(|request| std::cmp::Reverse(request.updated));
                }
                found.retain(|request| {
                    let head = format!("platform:{}", request.head.name);
                    let is =
                        |name: &str, value: &str| asked.query.get(name).is_none_or(|asked| asked == value);
                    is("head", &head) && is("base", &request.base.name)
                });
                Ok(PAGES.of(asked, found.iter().map(request).collect(), Value::from))
            }
            (Method::POST, []) => {
                let body = asked.json();
                let new = NewRequest::new(text(&body, "head"), text(&body, "base"), text(&body, "title"));
                match self.forge.open(cx, &new).await {
                    Err(error) if error.is_conflict() => {
                        let why = format!("A pull request already exists for platform:{}.", new.head);
                        let errors = json!([{"resource": "PullRequest", "code": "custom", "message": why}]);
                        Ok(Answered::json(
                            422,
                            json!({"message": "Validation Failed", "errors": errors, "documentation_url": ""}),
                        ))
                    }
                    opened => Ok(Answered::json(201, request(&opened?))),
                }
            }
            (Method::GET, [index]) => {
                let mut found = request(&self.forge.change_request(cx, number(index)?).await?);
                found["requested_reviewers"] = self.asked.lock().unwrap().iter().map(user).collect();
                Ok(Answered::json(200, found))
            }
            (Method::PATCH, [index]) if asked.json()["state"] == "closed" => {
                let number = number(index)?;
                self.forge.closing().expect("it closes requests").close(cx, number).await?;
                Ok(Answered::json(200, request(&self.forge.change_request(cx, number).await?)))
            }
            (Method::PUT, [index, "merge"]) => {
                let number = number(index)?;
                if self.forge.change_request(cx, number).await?.state != RequestState::Open {
                    return Ok(Answered::json(405, json!({"message": "Pull Request is not mergeable"})));
                }
                let expected = CommitId::parse(&text(&asked.json(), "sha"))?;
                let merged = self.forge.merge(cx, number, &Merge::of(expected)).await?;
                Ok(Answered::json(200, json!({"sha": merged.commit, "merged": true, "message": "merged"})))
            }
            (Method::GET, [index, "commits"]) => {
                let found = self.forge.commits().unwrap().of_request(cx, number(index)?).await?;
                Ok(PAGES.of(asked, found.iter().map(commit).collect(), Value::from))
            }
            (Method::GET, [index, "reviews"]) => {
                let found = self.forge.reviews(cx, number(index)?).await?;
                Ok(PAGES.of(asked, found.iter().map(review).collect(), Value::from))
            }
            _ => Err(missing()),
        }
    }

    async fn issues(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        let body = asked.json();
        match (asked.method.clone(), parts) {
            (Method::GET, [index, "comments"]) => {
                let since = asked.query.get("since").map(|text| json!(text));
                let since = since.map(|since| serde_json::from_value(since).unwrap());
                let query = since.map(CommentQuery::since).unwrap_or_default();
                let found = self.forge.comments(cx, number(index)?, &query).await?;
                Ok(PAGES.of(asked, found.iter().map(comment).collect(), Value::from))
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
                let ups = self.forge.reactions().unwrap().thumbs_up(cx, number, id).await?;
                Ok(PAGES.of(asked, ups.iter().map(thumb_up).collect(), Value::from))
            }
            (Method::POST, ["comments", id, "reactions"]) => {
                let reaction = match text(&body, "content").as_str() {
                    "eyes" => Reaction::Eyes,
                    "+1" => Reaction::ThumbsUp,
                    "-1" => Reaction::ThumbsDown,
                    "confused" => Reaction::Confused,
                    "rocket" => Reaction::Rocket,
                    _ => return Ok(Answered::empty(422)),
                };
                let number = self.request_of(cx, id).await?;
                self.forge.reactions().unwrap().react(cx, number, id, reaction).await?;
                Ok(Answered::json(201, json!({"content": text(&body, "content")})))
            }
            (Method::GET, []) => {
                let author = user(self.forge.account());
                let mut found: Vec<_> = self.forge.issues().unwrap().own_open(cx).await?;
                // A pull request is an issue, also one whose text begins with our marker.
                found.insert(0, Issue::new(999, "A pull request", "<!-- gitops: kit/drift -->"));
                let found = found.iter().map(|found| {
                    let mut json = issue(found, &author);
                    if found.number == 999 {
                        let url = "https://api.github.com/repos/platform/site/pulls/999";
                        json["pull_request"] =
                            json!({"url": url, "html_url": url, "diff_url": url, "patch_url": url});
                    }
                    json
                });
                Ok(PAGES.of(asked, found.collect(), Value::from))
            }
            (Method::POST, []) => {
                let write = IssueWrite::Create { title: text(&body, "title"), body: text(&body, "body") };
                self.write_issue(cx, write, 201).await
            }
            (Method::PATCH, [index]) if body["state"] == "closed" => {
                self.write_issue(cx, IssueWrite::Close { number: number(index)? }, 200).await
            }
            (Method::PATCH, [index]) => {
                let (title, body) = (text(&body, "title"), text(&body, "body"));
                self.write_issue(cx, IssueWrite::Edit { number: number(index)?, title, body }, 200).await
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
        let written = self.forge.write_comment(cx, number, &write).await?;
        Ok(written.map_or(Answered::empty(status), |written| Answered::json(status, comment(&written))))
    }

    async fn write_issue(&self, cx: &Cx, write: IssueWrite, status: u16) -> Result<Answered> {
        let written = self.forge.issues().unwrap().write(cx, &write).await?;
        let author = user(self.forge.account());
        Ok(Answered::json(
            status,
            written.map_or(json!({"state": "closed"}), |written| issue(&written, &author)),
        ))
    }

    /// The request that a comment is on.
    async fn request_of(&self, cx: &Cx, id: &str) -> Result<u64> {
        for request in 1..500 {
            let found = self.forge.comments(cx, request, &CommentQuery::default()).await.unwrap_or_default();
            if found.iter().any(|comment| comment.id == id) {
                return Ok(request);
            }
        }
        Err(missing())
    }

    fn permission(&self, login: &str) -> Result<Answered> {
        let (found, permission) = self.forge.account_of(login).ok_or_else(missing)?;
        let (word, role) = match permission {
            Permission::None => ("none", ""),
            Permission::Read => ("read", "read"),
            Permission::Triage => ("read", "triage"),
            Permission::Write => ("write", "write"),
            Permission::Maintain => ("write", "maintain"),
            Permission::Admin => ("admin", "admin"),
        };
        // The published example of the account lacks its role.
        let mut user = user(&found);
        user["role_name"] = json!(role);
        Ok(Answered::json(200, json!({"permission": word, "role_name": role, "user": user})))
    }

    fn deployments(&self, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        let mut records = self.deployments.lock().unwrap();
        let body = asked.json();
        match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let environment = &asked.query["environment"];
                let found =
                    records.iter().enumerate().rev().filter(|(_, found)| found.environment == *environment);
                Ok(PAGES.of(asked, found.map(|(id, found)| deployment(id, found)).collect(), Value::from))
            }
            (Method::POST, []) => {
                assert!(body["auto_merge"] == false && body["required_contexts"] == json!([]));
                let (environment, commit) = (text(&body, "environment"), text(&body, "ref"));
                records.push(Record { environment, commit, statuses: Vec::new() });
                let id = records.len() - 1;
                Ok(Answered::json(201, deployment(id, &records[id])))
            }
            (method, [id, "statuses"]) => {
                let record = records.get_mut(number::<usize>(id)?).ok_or_else(missing)?;
                if method == Method::GET {
                    let newest = record.statuses.iter().rev().cloned().collect();
                    return Ok(PAGES.of(asked, newest, Value::from));
                }
                let status = json!({"state": body["state"], "description": body["description"]});
                record.statuses.push(status.clone());
                Ok(Answered::json(201, status))
            }
            _ => Err(missing()),
        }
    }
}

fn user(user: &User) -> Value {
    let kind = if user.is_bot { "Bot" } else { "User" };
    json!({"id": number::<u64>(&user.id).unwrap(), "login": user.login, "type": kind})
}

fn thumb_up((by, at): &(User, Time)) -> Value {
    json!({"user": user(by), "content": "+1", "created_at": at})
}

fn commit(commit: &RequestCommit) -> Value {
    let person = &commit.people[0];
    // For an address that nobody has, the forge gives nothing, or an object without anything.
    let account = person.account.as_ref().map(user);
    let said = json!({"name": "", "email": person.email, "date": "2026-01-01T00:00:00Z"});
    json!({
        "sha": commit.commit, "author": account.clone(), "committer": account.unwrap_or_else(|| json!({})),
        "commit": {"author": said, "committer": said},
    })
}

fn branch(branch: &Branch) -> Value {
    let repository = branch.repository.as_ref().map(|path| json!({"full_name": path}));
    json!({"label": branch.name, "ref": branch.name, "sha": branch.commit, "repo": repository})
}

fn request(request: &ChangeRequest) -> Value {
    // Of an open one, the commit is that of a trial merge.
    let commit = request.merge_commit.clone().unwrap_or_else(|| request.head.commit.clone());
    let merged = request.state == RequestState::Merged;
    json!({
        "number": request.number, "title": request.title, "user": user(&request.author),
        "state": if request.state == RequestState::Open { "open" } else { "closed" },
        "draft": request.is_draft, "mergeable": request.mergeable == Mergeable::Yes, "merged": merged,
        "merged_at": request.merged, "merge_commit_sha": commit,
        "merged_by": request.merged_by.as_ref().map(user),
        "base": branch(&request.base), "head": branch(&request.head), "updated_at": request.updated,
        "html_url": request.web_url,
        // The published example of a team lacks its type.
        "requested_teams": [],
        "requested_reviewers": [],
    })
}

fn comment(comment: &Comment) -> Value {
    json!({
        "id": number::<u64>(&comment.id).unwrap(), "user": user(&comment.author), "body": comment.body,
        "created_at": comment.created, "updated_at": comment.updated,
    })
}

fn issue(issue: &Issue, author: &Value) -> Value {
    json!({"number": issue.number, "title": issue.title, "body": issue.body, "user": author})
}

fn review(review: &Review) -> Value {
    let state = match review.state {
        _ if review.is_dismissed => "DISMISSED",
        ReviewState::Approved => "APPROVED",
        ReviewState::ChangesRequested => "CHANGES_REQUESTED",
        _ => "COMMENTED",
    };
    json!({
        "id": number::<u64>(&review.id).unwrap(), "user": user(&review.author), "state": state,
        "commit_id": review.commit, "submitted_at": review.submitted, "body": "",
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
        "state": word, "context": status.context, "description": status.description,
        "target_url": status.target_url,
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

/// Which requests a list has.
fn listed_by(asked: &Asked) -> RequestQuery {
    match asked.query.get("state").is_some_and(|state| state == "all") {
        true => RequestQuery::ChangedSince(Time::from_micros(0)),
        false => RequestQuery::Open,
    }
}

fn deployment(id: usize, record: &Record) -> Value {
    json!({
        "id": id, "sha": record.commit, "ref": record.commit, "environment": record.environment,
        "description": null,
    })
}
