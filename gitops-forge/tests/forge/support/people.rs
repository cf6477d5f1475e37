//! What people do on a real Gitea.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_forge::conformance::{ForgeSubject, Others, Person};
use gitops_forge::{Call, CommitId, Connection, Forge, Gitea as Adapter, RepositoryPath, ReviewState, User};
use serde_json::{Value, json};
use smol_str::{SmolStr, ToSmolStr};
use testbed::Gitea;

use super::secret;

const SITE: &str = "/repos/platform/site";

/// A repository `platform/site` on a real Gitea, with four people.
#[derive(Clone)]
pub struct People {
    pub gitea: Arc<Gitea>,
    users: BTreeMap<Person, User>,
    numbers: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

impl People {
    /// Starts a server and makes accounts, repository and team.
    pub async fn start() -> Self {
        let (gitea, admin) = (Gitea::start().await, Gitea::ADMIN);
        gitea.done(admin, "POST", "/orgs", json!({"username": "platform"})).await;
        let repository = json!({"name": "site", "auto_init": true, "default_branch": "main"});
        gitea.done(admin, "POST", "/orgs/platform/repos", repository).await;
        let mut users = BTreeMap::new();
        for (person, login, permission) in [
            (Person::Author, "alice", Some("write")),
            (Person::Reviewer, "bob", Some("write")),
            (Person::Maintainer, "carol", Some("admin")),
            (Person::Outsider, "dave", None),
        ] {
            gitea.join(login).await;
            if let Some(permission) = permission {
                let path = format!("{SITE}/collaborators/{login}");
                gitea.done(admin, "PUT", &path, json!({"permission": permission})).await;
            }
            let id =
                gitea.done(admin, "GET", &format!("/users/{login}"), Value::Null).await["id"].to_string();
            users.insert(person, User::new(id, login));
        }
        let team = json!({"name": "reviewers", "permission": "read", "units": ["repo.code"]});
        let team = gitea.done(admin, "POST", "/orgs/platform/teams", team).await["id"].to_string();
        for login in ["bob", "carol"] {
            gitea.done(admin, "PUT", &format!("/teams/{team}/members/{login}"), Value::Null).await;
        }
        Self { gitea: Arc::new(gitea), users, numbers: Arc::default(), writes: Arc::default() }
    }

    /// The repository as the account of the token sees it; its writes are counted.
    pub fn forge(&self) -> Result<Adapter> {
        let writes = Arc::clone(&self.writes);
        let count = move |call: &Call| {
            writes.fetch_add(u64::from(call.is_write()), Ordering::Relaxed);
        };
        let connection = Connection::to(self.gitea.url()).observer(count);
        Adapter::new(connection, RepositoryPath::parse("platform/site")?, &secret(self.gitea.token()))
    }

    /// The subject of the kit.
    pub fn subject(&self) -> Result<ForgeSubject> {
        let forge: Arc<dyn Forge> = Arc::new(self.forge()?);
        Ok(ForgeSubject::new(forge, Arc::new(self.clone())))
    }

    fn login(&self, person: Person) -> &str {
        &self.users[&person].login
    }

    fn next(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Commits a new file; `from` names the branch that a new one begins at.
    async fn commit(&self, login: &str, repository: &str, branch: &str, is_new: bool) -> Result<CommitId> {
        let name = format!("file-{}.txt", self.next());
        let mut body = json!({"content": STANDARD.encode(&name), "message": format!("Add {name}")});
        body[if is_new { "new_branch" } else { "branch" }] = branch.into();
        let path = format!("/repos/{repository}/contents/{name}");
        let made = self.gitea.done(login, "POST", &path, body).await;
        CommitId::parse(made["commit"]["sha"].as_str().unwrap_or_default())
    }

    async fn request(&self, number: u64) -> Value {
        self.gitea.done(Gitea::ADMIN, "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await
    }

    /// Gitea shows a push a moment after it took it.
    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn shown(&self, number: u64, commit: &CommitId) -> Result<()> {
        for _ in 0..300 {
            if self.request(number).await["head"]["sha"] == commit.as_str() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Error::new(ErrorKind::Timeout, "a push is not shown within half a minute"))
    }
}

#[async_trait]
impl Others for People {
    fn user(&self, person: Person) -> User {
        self.users[&person].clone()
    }

    async fn open(&self, _: &Cx, by: Person, from_fork: bool) -> Result<u64> {
        let (login, branch) = (self.login(by), format!("change-{}", self.next()));
        let fork = format!("{login}/site");
        if from_fork && self.gitea.call(login, "GET", &format!("/repos/{fork}"), Value::Null).await.0 == 404 {
            self.gitea.done(login, "POST", &format!("{SITE}/forks"), json!({})).await;
        }
        let (repository, head) = match from_fork {
            true => (fork.as_str(), format!("{login}:{branch}")),
            false => ("platform/site", branch.clone()),
        };
        self.commit(login, repository, &branch, true).await?;
        let body = json!({"head": head, "base": "main", "title": format!("Take {branch}")});
        let made = self.gitea.done(login, "POST", &format!("{SITE}/pulls"), body).await;
        Ok(made["number"].as_u64().expect("a request has a number"))
    }

    async fn push(&self, _: &Cx, number: u64) -> Result<CommitId> {
        let request = self.request(number).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let head = &request["head"];
        let (repository, branch) = (text(&head["repo"]["full_name"]), text(&head["ref"]));
        let login = text(&request["user"]["login"]);
        let commit = self.commit(&login, &repository, &branch, false).await?;
        self.shown(number, &commit).await?;
        Ok(commit)
    }

    async fn branch(&self, _: &Cx, name: &str) -> Result<()> {
        self.commit(self.login(Person::Author), "platform/site", name, true).await.map(drop)
    }

    async fn comment(&self, _: &Cx, by: Person, number: u64, body: &str) -> Result<SmolStr> {
        let path = format!("{SITE}/issues/{number}/comments");
        let made = self.gitea.done(self.login(by), "POST", &path, json!({"body": body})).await;
        Ok(made["id"].to_smolstr())
    }

    async fn review(&self, _: &Cx, by: Person, number: u64, state: ReviewState) -> Result<()> {
        let event = match state {
            ReviewState::Approved => "APPROVED",
            ReviewState::ChangesRequested => "REQUEST_CHANGES",
            _ => "COMMENT",
        };
        let path = format!("{SITE}/pulls/{number}/reviews");
        self.gitea.done(self.login(by), "POST", &path, json!({"event": event, "body": "Read."})).await;
        Ok(())
    }

    async fn dismiss(&self, _: &Cx, by: Person, number: u64) -> Result<()> {
        let path = format!("{SITE}/pulls/{number}/reviews");
        let found = self.gitea.done(Gitea::ADMIN, "GET", &path, Value::Null).await;
        let of_person = |review: &&Value| review["user"]["login"] == self.login(by);
        let last = found.as_array().into_iter().flatten().rfind(of_person);
        let last = last.ok_or_else(|| Error::new(ErrorKind::NotFound, "the person gave no review"))?;
        let path = format!("{path}/{}/dismissals", last["id"]);
        self.gitea.done(Gitea::ADMIN, "POST", &path, json!({"message": "Taken back."})).await;
        Ok(())
    }

    async fn close(&self, _: &Cx, number: u64) -> Result<()> {
        let path = format!("{SITE}/pulls/{number}");
        self.gitea.done(Gitea::ADMIN, "PATCH", &path, json!({"state": "closed"})).await;
        Ok(())
    }

    fn team(&self) -> Option<String> {
        Some("platform/reviewers".to_owned())
    }

    fn writes(&self) -> Option<u64> {
        Some(self.writes.load(Ordering::Relaxed))
    }
}
