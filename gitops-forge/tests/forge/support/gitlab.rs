// Long because it is all of one forge that the tests talk to, route by route.
//! A forge in memory that speaks as GitLab does.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Time};
use gitops_forge::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, CommitId, CommitStatus, Forge, Issue, IssueWrite,
    MemoryForge, Merge, NewRequest, Permission, QueuedCommit, Reaction, RequestQuery, RequestState, Review,
    ReviewState, StatusState, User,
};
use http::Method;
use serde_json::{Value, json};

use super::dialect::{Pages, answered, number, text};
use super::{Answered, Asked, Handler, TOKEN};

/// Speaks for a forge in memory.
pub struct GitLabDialect {
    forge: MemoryForge,
    deployments: Mutex<Vec<Value>>,
}

const PAGES: Pages = Pages { parameter: "per_page", most: 100, has_total: false, has_links: true };

/// When the first version of every merge request was made; each later one comes a minute after the one before.
const FIRST: Time = Time::from_micros(1_790_000_000_123_000);

/// How many commits are given at once.
const COMMITS: usize = 1;

const MINUTE: Duration = Duration::from_secs(60);

impl GitLabDialect {
    pub fn new(forge: MemoryForge) -> Self {
        Self { forge, deployments: Mutex::default() }
    }
}

#[async_trait]
impl Handler for GitLabDialect {
    async fn answer(&self, asked: &Asked) -> Answered {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return Answered::json(401, json!({"message": "401 Unauthorized"}));
        }
        let cx = Cx::system();
        answered(async {
            match asked.parts().as_slice() {
                ["api", "v4", "projects", "platform/site", rest @ ..] => {
                    self.of_project(&cx, asked, rest).await
                }
                ["api", "graphql"] => self.commits(&cx, &asked.json()).await,
                ["api", "v4", "user"] => Ok(Answered::json(200, user(self.forge.account()))),
                ["api", "v4", "groups", "platform/reviewers", "members", "all"] => {
                    let teams = self.forge.teams().unwrap();
                    let members = teams.members(&cx, "platform/reviewers").await?;
                    let mut members: Vec<_> =
                        members.iter().map(|found| member(found, 30, "active")).collect();
                    members.push(member(&User::new("777", "gone"), 40, "blocked"));
                    Ok(PAGES.of(asked, members, Value::from))
                }
                _ => Err(missing()),
            }
        })
        .await
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "404 Not Found")
}

impl GitLabDialect {
    async fn of_project(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match (asked.method.clone(), parts) {
            (_, ["merge_requests", index, "notes", rest @ ..]) => {
                self.notes(cx, asked, number(index)?, rest).await
            }
            (_, ["merge_requests", rest @ ..]) => self.requests(cx, asked, rest).await,
            (_, ["issues", rest @ ..]) => self.issues(cx, asked, rest).await,
            (Method::GET, ["repository", "branches", branch]) => {
                let commit = self.forge.newest(branch).ok_or_else(missing)?;
                Ok(Answered::json(200, json!({"name": branch, "commit": {"id": commit}})))
            }
            (Method::GET, ["repository", "commits", sha, "merge_requests"]) => {
                let query = RequestQuery::OfCommit(CommitId::parse(sha)?);
                let found = self.forge.change_requests(cx, &query).await?;
                if found.is_empty() {
                    return Err(Error::new(ErrorKind::NotFound, "404 Commit Not Found"));
                }
                Ok(PAGES.of(asked, found.iter().map(listed).collect(), Value::from))
            }
            (Method::GET, ["repository", "commits", sha, "statuses"]) => {
                let found = self.forge.statuses(cx, &CommitId::parse(sha)?).await?;
                Ok(PAGES.of(asked, found.iter().map(status).collect(), Value::from))
            }
            (Method::POST, ["statuses", sha]) => self.set_status(cx, asked, &CommitId::parse(sha)?).await,
            (Method::GET, ["members", "all", id]) => {
                let found = self.forge.account_of_id(id).ok_or_else(missing)?;
                let level = match found.1 {
                    // Of a public project, nobody is a member who only reads.
                    Permission::None | Permission::Read => return Err(missing()),
                    Permission::Triage => 20,
                    Permission::Write => 30,
                    Permission::Maintain => 40,
                    Permission::Admin => 50,
                };
                Ok(Answered::json(200, member(&found.0, level, "active")))
            }
            (_, ["deployments", rest @ ..]) => self.deployments(asked, rest),
            (Method::GET, ["merge_trains"]) if asked.query["scope"] == "active" => {
                let waiting = self.forge.merge_queue().unwrap().waiting(cx).await?;
                Ok(PAGES.of(asked, waiting.iter().enumerate().map(car).collect(), Value::from))
            }
            _ => Err(missing()),
        }
    }

    async fn requests(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let mut found = self.forge.change_requests(cx, &listed_by(asked)).await?;
                found.retain(|request| {
                    let is =
                        |name: &str, value: &str| asked.query.get(name).is_none_or(|asked| asked == value);
                    is("source_branch", &request.head.name) && is("target_branch", &request.base.name)
                });
                Ok(PAGES.of(asked, found.iter().map(listed).collect(), Value::from))
            }
            (Method::POST, []) => {
                let body = asked.json();
                let (source, target) = (text(&body, "source_branch"), text(&body, "target_branch"));
                let new = NewRequest::new(source, target, text(&body, "title"));
                match self.forge.open(cx, &new).await {
                    Err(error) if error.is_conflict() => {
                        let why = "Another open merge request already exists for this source branch: !1";
                        Ok(Answered::json(409, json!({"message": [why]})))
                    }
                    // It is not made ready yet, so its commits are not told but for the head.
                    opened => Ok(Answered::json(201, listed(&opened?))),
                }
            }
            (Method::GET, [index]) => {
                Ok(Answered::json(200, single(&self.forge.change_request(cx, number(index)?).await?)))
            }
            (Method::PUT, [index]) if asked.json()["state_event"] == "close" => {
                let number = number(index)?;
                self.forge.closing().expect("it closes requests").close(cx, number).await?;
                Ok(Answered::json(200, single(&self.forge.change_request(cx, number).await?)))
            }
            (Method::PUT, [index, "merge"]) => {
                let number = number(index)?;
                if self.forge.change_request(cx, number).await?.state != RequestState::Open {
                    return Ok(Answered::json(405, json!({"message": "405 Method Not Allowed"})));
                }
                let expected = CommitId::parse(&text(&asked.json(), "sha"))?;
                self.forge.merge(cx, number, &Merge::of(expected)).await?;
                Ok(Answered::json(200, single(&self.forge.change_request(cx, number).await?)))
            }
            (Method::GET, [index, "approvals"]) => {
                let latest = self.latest_reviews(cx, number(index)?).await?;
                let approved = latest.iter().filter(|(review, _)| review.state == ReviewState::Approved);
                let approved =
                    approved.map(|(review, at)| json!({"user": user(&review.author), "approved_at": at}));
                Ok(Answered::json(200, json!({"approved_by": approved.collect::<Vec<_>>()})))
            }
            (Method::GET, [index, "reviewers"]) => {
                let latest = self.latest_reviews(cx, number(index)?).await?;
                let words = latest.iter().map(|(review, _)| {
                    let state =
                        if review.state == ReviewState::Approved { "approved" } else { "requested_changes" };
                    json!({"user": user(&review.author), "state": state})
                });
                Ok(PAGES.of(asked, words.collect(), Value::from))
            }
            (Method::GET, [index, "versions"]) => {
                let heads = self.forge.heads_of(number(index)?)?;
                let versions = heads.iter().enumerate().rev().map(
                    |(at, head)| json!({"id": at, "head_commit_sha": head, "created_at": version_time(at)}),
                );
                Ok(PAGES.of(asked, versions.collect(), Value::from))
            }
            _ => Err(missing()),
        }
    }

    /// A page of the commits of a request, with those fields that were asked for.
    async fn commits(&self, cx: &Cx, asked: &Value) -> Result<Answered> {
        let query = text(asked, "query");
        let variables = &asked["variables"];
        assert_eq!(variables["project"], "platform/site");
        let after: usize = variables["after"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let found = self.forge.commits().unwrap();
        let Ok(found) = found.of_request(cx, number(&text(variables, "iid"))?).await else {
            return Ok(Answered::json(200, json!({"data": {"project": {"mergeRequest": null}}})));
        };
        let account =
            |user: &User| json!({"id": format!("gid://gitlab/User/{}", user.id), "username": user.login});
        let nodes = found.iter().skip(after).take(COMMITS).map(|commit| {
            let person = &commit.people[0];
            let all = json!({
                "sha": commit.commit, "authorEmail": person.email, "committerEmail": person.email,
                "author": person.account.as_ref().map(account), "signature": null,
            });
            let asked_for = |(name, _): &(&String, &Value)| query.contains(name.as_str());
            let kept = all.as_object().unwrap().iter().filter(asked_for);
            kept.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>()
        });
        let nodes: Vec<_> = nodes.collect();
        let end = after + nodes.len();
        let mut committers: Vec<_> = found
            .iter()
            .flat_map(|commit| &commit.people)
            .filter_map(|person| person.account.clone())
            .collect();
        committers.sort();
        committers.dedup();
        let committers: Vec<_> = committers.iter().map(account).collect();
        let request = json!({
            "commitCount": found.len(),
            "committers": {"nodes": committers, "pageInfo": {"hasNextPage": false}},
            "commits": {
                "nodes": nodes,
                "pageInfo": {"hasNextPage": end < found.len(), "endCursor": end.to_string()},
            },
        });
        Ok(Answered::json(200, json!({"data": {"project": {"mergeRequest": request}}})))
    }

    /// What each person said last, and when; the forge does not keep what was said before.
    async fn latest_reviews(&self, cx: &Cx, number: u64) -> Result<Vec<(Review, Time)>> {
        let heads = self.forge.heads_of(number)?;
        let reviews = self.forge.reviews(cx, number).await?;
        let mut latest: Vec<(Review, Time)> = Vec::new();
        for (at, review) in
            reviews.into_iter().enumerate().filter(|(_, review)| review.state != ReviewState::Commented)
        {
            latest.retain(|(before, _)| !before.author.is(&review.author));
            let version = heads.iter().position(|head| Some(head) == review.commit.as_ref()).unwrap();
            let time = version_time(version).after(Duration::from_secs(1 + at as u64));
            if !review.is_dismissed {
                latest.push((review, time));
            }
        }
        Ok(latest)
    }

    async fn notes(&self, cx: &Cx, asked: &Asked, index: u64, parts: &[&str]) -> Result<Answered> {
        let body = asked.json();
        let (written, status) = match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let found = self.forge.comments(cx, index, &CommentQuery::default()).await?;
                let mut found: Vec<_> = found.iter().map(note).collect();
                if let Some(first) = found.first().cloned() {
                    let mut system = first.clone();
                    (system["id"], system["system"], system["body"]) =
                        (json!(1), json!(true), json!("added 1 commit"));
                    let mut on_a_line = first;
                    (on_a_line["id"], on_a_line["type"]) = (json!(2), json!("DiffNote"));
                    found.extend([system, on_a_line]);
                }
                return Ok(PAGES.of(asked, found, Value::from));
            }
            (Method::POST, []) => (CommentWrite::Create { body: text(&body, "body") }, 201),
            (Method::PUT, [id]) => (CommentWrite::Edit { id: (*id).into(), body: text(&body, "body") }, 200),
            (Method::DELETE, [id]) => (CommentWrite::Delete { id: (*id).into() }, 204),
            (Method::POST, [id, "award_emoji"]) => {
                return self.react(cx, index, id, &text(&body, "name")).await;
            }
            _ => return Err(missing()),
        };
        let written = self.forge.write_comment(cx, index, &written).await?;
        Ok(written.map_or(Answered::empty(status), |written| Answered::json(status, note(&written))))
    }

    async fn react(&self, cx: &Cx, index: u64, id: &str, name: &str) -> Result<Answered> {
        let reaction = match name {
            "eyes" => Reaction::Eyes,
            "thumbsup" => Reaction::ThumbsUp,
            "thumbsdown" => Reaction::ThumbsDown,
            "confused" => Reaction::Confused,
            "rocket" => Reaction::Rocket,
            _ => return Err(missing()),
        };
        let ours = (self.forge.account().login.clone(), reaction);
        if self.forge.reactions_of(id).contains(&ours) {
            let why = "404 Award Emoji Name has already been taken Not Found";
            return Ok(Answered::json(404, json!({"message": why})));
        }
        self.forge.reactions().unwrap().react(cx, index, id, reaction).await?;
        Ok(Answered::json(201, json!({"name": name})))
    }

    /// A status that is pending can't become pending; its texts are taken over all the same.
    async fn set_status(&self, cx: &Cx, asked: &Asked, commit: &CommitId) -> Result<Answered> {
        let wanted = read_status(&asked.json())?;
        let unknown = |_| Error::new(ErrorKind::NotFound, "404 Commit Not Found");
        let before = self.forge.statuses(cx, commit).await.map_err(unknown)?;
        self.forge.set_status(cx, commit, &wanted).await?;
        let is_pending =
            |found: &CommitStatus| found.context == wanted.context && found.state == StatusState::Pending;
        match wanted.state == StatusState::Pending && before.iter().any(is_pending) {
            true => {
                let why = "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")";
                Ok(Answered::json(400, json!({"message": why})))
            }
            false => Ok(Answered::json(201, status(&wanted))),
        }
    }

    async fn issues(&self, cx: &Cx, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        let body = asked.json();
        let author = user(self.forge.account());
        let (title, description) = (text(&body, "title"), text(&body, "description"));
        let (write, status) = match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let found = self.forge.issues().unwrap().own_open(cx).await?;
                let found = found.iter().map(|found| issue(found, &author)).collect();
                return Ok(PAGES.of(asked, found, Value::from));
            }
            (Method::POST, []) => (IssueWrite::Create { title, body: description }, 201),
            (Method::PUT, [index]) if body["state_event"] == "close" => {
                (IssueWrite::Close { number: number(index)? }, 200)
            }
            (Method::PUT, [index]) => {
                (IssueWrite::Edit { number: number(index)?, title, body: description }, 200)
            }
            _ => return Err(missing()),
        };
        let written = self.forge.issues().unwrap().write(cx, &write).await?;
        let gone = || json!({"iid": 1, "title": "closed", "description": null, "author": author});
        Ok(Answered::json(status, written.map_or_else(gone, |written| issue(&written, &author))))
    }

    fn deployments(&self, asked: &Asked, parts: &[&str]) -> Result<Answered> {
        let mut records = self.deployments.lock().unwrap();
        let body = asked.json();
        match (asked.method.clone(), parts) {
            (Method::GET, []) => {
                let environment = &asked.query["environment"];
                let found =
                    records.iter().rev().filter(|found| found["environment"]["name"] == **environment);
                Ok(PAGES.of(asked, found.cloned().collect(), Value::from))
            }
            (Method::POST, []) => {
                let record = json!({
                    "id": records.len(), "sha": body["sha"], "ref": body["ref"], "status": body["status"],
                    "environment": {"name": body["environment"]},
                });
                records.push(record.clone());
                Ok(Answered::json(201, record))
            }
            (Method::PUT, [id]) => {
                let record = records.get_mut(number::<usize>(id)?).ok_or_else(missing)?;
                record["status"] = body["status"].clone();
                Ok(Answered::json(200, record.clone()))
            }
            _ => Err(missing()),
        }
    }
}

fn version_time(at: usize) -> Time {
    FIRST.after(MINUTE * u32::try_from(at).unwrap())
}

fn user(user: &User) -> Value {
    json!({"id": number::<u64>(&user.id).unwrap(), "username": user.login, "name": user.login, "state": "active"})
}

fn member(found: &User, level: u32, state: &str) -> Value {
    let mut member = user(found);
    (member["access_level"], member["state"]) = (json!(level), json!(state));
    member
}

/// A merge request as a list has it.
fn listed(request: &ChangeRequest) -> Value {
    let state = match request.state {
        RequestState::Open => "opened",
        RequestState::Merged => "merged",
        RequestState::Closed => "closed",
    };
    json!({
        "iid": request.number, "title": request.title, "author": user(&request.author), "state": state,
        "draft": request.is_draft, "source_branch": request.head.name, "target_branch": request.base.name,
        "source_project_id": if request.is_fork() { 9 } else { 4 }, "target_project_id": 4,
        "sha": request.head.commit, "merge_commit_sha": request.merge_commit, "squash_commit_sha": null,
        "merged_at": request.merged,
        "merge_user": request.merged_by.as_ref().map(user),
        "detailed_merge_status": "mergeable", "updated_at": request.updated, "web_url": request.web_url,
    })
}

fn single(request: &ChangeRequest) -> Value {
    let mut json = listed(request);
    json["diff_refs"] = json!({
        "base_sha": request.base.commit, "start_sha": request.base.commit, "head_sha": request.head.commit,
    });
    json
}

fn note(comment: &Comment) -> Value {
    json!({
        "id": number::<u64>(&comment.id).unwrap(), "author": user(&comment.author), "body": comment.body,
        "created_at": comment.created, "updated_at": comment.updated, "system": false, "type": null,
    })
}

fn issue(issue: &Issue, author: &Value) -> Value {
    json!({"iid": issue.number, "title": issue.title, "description": issue.body, "author": author})
}

fn status(status: &CommitStatus) -> Value {
    let word = match status.state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failed",
        _ => "canceled",
    };
    json!({
        "status": word, "name": status.context, "description": status.description,
        "target_url": status.target_url,
    })
}

fn read_status(body: &Value) -> Result<CommitStatus> {
    let state = match text(body, "state").as_str() {
        "pending" => StatusState::Pending,
        "success" => StatusState::Success,
        "failed" => StatusState::Failure,
        "canceled" => StatusState::Error,
        _ => return Err(Error::new(ErrorKind::Invalid, "no such state")),
    };
    let status = CommitStatus::new(text(body, "name"), state, &text(body, "description"));
    Ok(match body["target_url"].as_str() {
        Some(url) => status.target_url(url),
        None => status,
    })
}

/// A merge request on a train. Every fourth one has no pipeline yet, and another one is that of the merge request alone.
fn car((at, queued): (usize, &QueuedCommit)) -> Value {
    let reference = if at % 4 == 2 { "head" } else { "train" };
    let pipeline = json!({
        "id": at, "sha": queued.commit, "ref": format!("refs/merge-requests/{at}/{reference}"), "status": "running",
    });
    json!({
        "id": at, "merge_request": {"iid": at}, "target_branch": queued.branch, "status": "fresh",
        "pipeline": if at % 4 == 3 { Value::Null } else { pipeline },
    })
}

/// Which requests a list has.
fn listed_by(asked: &Asked) -> RequestQuery {
    match asked.query.get("updated_after").map(|since| since.parse::<jiff::Timestamp>().unwrap()) {
        Some(since) => RequestQuery::ChangedSince(Time::from_micros(since.as_microsecond())),
        None => RequestQuery::Open,
    }
}
