use async_trait::async_trait;
use gitops_core::{Cx, Result};
use gitops_forge::conformance::{Fault, MemoryOthers, Others, Person};
use gitops_forge::{CommitId, ReviewState, User};
use smol_str::SmolStr;

use super::Server;

/// What others do on a stood-in forge: it happens in memory, and faults are the server's.
pub struct StoodIn {
    memory: MemoryOthers,
    server: Server,
}

impl StoodIn {
    pub fn new(memory: MemoryOthers, server: Server) -> Self {
        Self { memory, server }
    }
}

#[async_trait]
impl Others for StoodIn {
    fn user(&self, person: Person) -> User {
        self.memory.user(person)
    }
    async fn open(&self, cx: &Cx, by: Person, from_fork: bool) -> Result<u64> {
        self.memory.open(cx, by, from_fork).await
    }
    async fn push(&self, cx: &Cx, number: u64) -> Result<CommitId> {
        self.memory.push(cx, number).await
    }
    async fn branch(&self, cx: &Cx, name: &str) -> Result<()> {
        self.memory.branch(cx, name).await
    }
    async fn comment(&self, cx: &Cx, by: Person, number: u64, body: &str) -> Result<SmolStr> {
        self.memory.comment(cx, by, number, body).await
    }
    async fn review(&self, cx: &Cx, by: Person, number: u64, state: ReviewState) -> Result<()> {
        self.memory.review(cx, by, number, state).await
    }
    async fn dismiss(&self, cx: &Cx, by: Person, number: u64) -> Result<()> {
        self.memory.dismiss(cx, by, number).await
    }
    async fn close(&self, cx: &Cx, number: u64) -> Result<()> {
        self.memory.close(cx, number).await
    }
    fn team(&self) -> Option<String> {
        self.memory.team()
    }
    fn writes(&self) -> Option<u64> {
        Some(self.server.writes())
    }
    fn fail_next(&self, fault: Fault, is_write: bool) -> Result<()> {
        self.server.fail_next(fault, is_write);
        Ok(())
    }
}
