use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result};
use smol_str::SmolStr;

use super::subject::{Fault, ForgeSubject, Others, Person};
use crate::forge::Forge;
use crate::memory::{Failure, MemoryForge};
use crate::value::{CommentWrite, CommitId, Permission, ReviewState, User};

/// What others do on a [`MemoryForge`]; also behind a server that stands in for a forge.
#[derive(Clone)]
pub struct MemoryOthers {
    forge: MemoryForge,
    people: BTreeMap<Person, User>,
    branches: Arc<std::sync::atomic::AtomicU64>,
}

impl MemoryOthers {
    /// A fresh forge in memory to be checked.
    pub fn subject() -> ForgeSubject {
        let others = Self::new();
        ForgeSubject::new(Arc::new(others.forge.clone()), Arc::new(others))
    }

    /// Four people and a team on a fresh forge.
    pub fn new() -> Self {
        let forge = MemoryForge::new("platform/site", "gitops");
        let people = BTreeMap::from([
            (Person::Author, forge.join("alice", Permission::Write)),
            (Person::Reviewer, forge.join("bob", Permission::Write)),
            (Person::Maintainer, forge.join("carol", Permission::Maintain)),
            (Person::Outsider, forge.join("dave", Permission::Read)),
        ]);
        forge.team(
            "platform/reviewers",
            &[people[&Person::Reviewer].clone(), people[&Person::Maintainer].clone()],
        );
        Self { forge, people, branches: Arc::default() }
    }

    /// The forge, as our own account sees it.
    pub fn forge(&self) -> &MemoryForge {
        &self.forge
    }

    fn acting(&self, person: Person) -> MemoryForge {
        self.forge.acting_as(&self.people[&person])
    }
}

impl Default for MemoryOthers {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Others for MemoryOthers {
    fn user(&self, person: Person) -> User {
        self.people[&person].clone()
    }

    async fn open(&self, cx: &Cx, by: Person, from_fork: bool) -> Result<u64> {
        let number = self.branches.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(self.acting(by).propose(cx, "More replicas", &format!("change-{number}"), from_fork).number)
    }

    async fn push(&self, cx: &Cx, number: u64) -> Result<CommitId> {
        self.forge.push(cx, number)
    }

    async fn branch(&self, _: &Cx, name: &str) -> Result<()> {
        self.forge.branch(name);
        Ok(())
    }

    async fn comment(&self, cx: &Cx, by: Person, number: u64, body: &str) -> Result<SmolStr> {
        let create = CommentWrite::Create { body: body.to_owned() };
        let made = self.acting(by).write_comment(cx, number, &create).await?;
        Ok(made.map(|comment| comment.id).unwrap_or_default())
    }

    async fn review(&self, cx: &Cx, by: Person, number: u64, state: ReviewState) -> Result<()> {
        self.acting(by).review(cx, number, state).map(drop)
    }

    async fn dismiss(&self, cx: &Cx, by: Person, number: u64) -> Result<()> {
        let reviews = self.forge.reviews(cx, number).await?;
        let last = reviews.iter().rfind(|review| review.author.is(&self.people[&by]));
        let missing = || Error::new(ErrorKind::NotFound, "the person gave no review");
        self.forge.dismiss(number, &last.ok_or_else(missing)?.id)
    }

    async fn close(&self, _: &Cx, number: u64) -> Result<()> {
        self.forge.close(number)
    }

    fn team(&self) -> Option<String> {
        Some("platform/reviewers".to_owned())
    }

    fn writes(&self) -> Option<u64> {
        Some(self.forge.writes())
    }

    fn fail_next(&self, fault: Fault, is_write: bool) -> Result<()> {
        let failure = match fault {
            Fault::LoseAnswer | Fault::Half if is_write => Failure::LoseAnswer,
            Fault::LoseRequest if is_write => Failure::LoseRequest,
            Fault::Patience(seconds) if is_write => Failure::Patience(seconds),
            _ => return Err(Error::new(ErrorKind::Unsupported, "a forge in memory has no such fault")),
        };
        self.forge.fail_next_write(failure);
        Ok(())
    }
}
