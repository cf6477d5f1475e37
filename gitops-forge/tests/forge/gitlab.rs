//! The adapter of GitLab, against a server that stands in for it.

use std::path::Path;
use std::sync::Arc;

use gitops_core::{Cx, ErrorKind, Result};
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers, Others, Person};
use gitops_forge::{
    CommitStatus, Connection, Forge, ForgeExt, GitLab, Merge, MergeMethod, RepositoryPath, ReviewState,
    StatusState,
};
use serde_json::json;

use crate::support::{
    Answered, Described, Description, GitLabDialect, Server, StoodIn, TOKEN, Trouble, secret,
};

fn adapter(server: &Server) -> GitLab {
    let project = RepositoryPath::parse("platform/site").unwrap();
    GitLab::new(Connection::to(server.url()), project, &secret(TOKEN)).unwrap()
}

async fn subject(description: Arc<Description>) -> Result<ForgeSubject> {
    let memory = MemoryOthers::new();
    let dialect = GitLabDialect::new(memory.forge().clone());
    let server = Server::start(Arc::new(Described::new(dialect, description))).await;
    let forge = adapter(&server);
    Ok(ForgeSubject::new(Arc::new(forge), Arc::new(StoodIn::new(memory, server))))
}

/// The description is the project's own, from what GitLab's documentation says of the calls that are made.
fn description() -> Description {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge/gitlab-api.json");
    Description::read(&file, &["api", "v4"])
}

#[tokio::test]
async fn a_stood_in_gitlab_keeps_the_contract_with_the_calls_and_answers_of_its_documentation() {
    let description = Arc::new(description());
    let described = description.clone();
    let report = conformance::forge(move || subject(described.clone())).run().await;
    assert_eq!(description.violations(), [""; 0]);
    report.assert_passed();
    assert_eq!(report.skipped(), [""; 0]);
    assert!(description.seen() >= 20, "only {} operations were used", description.seen());
}

async fn stood_in() -> (Server, MemoryOthers, GitLab, u64) {
    let memory = MemoryOthers::new();
    let server = Server::start(Arc::new(GitLabDialect::new(memory.forge().clone()))).await;
    let forge = adapter(&server);
    let number = memory.open(&Cx::system(), Person::Author, false).await.unwrap();
    (server, memory, forge, number)
}

#[tokio::test]
async fn an_approval_whose_time_is_not_told_proves_nothing_about_a_commit() {
    let (server, memory, forge, number) = stood_in().await;
    memory.review(&Cx::system(), Person::Reviewer, number, ReviewState::Approved).await.unwrap();
    let user = json!({"id": 3, "username": "bob"});
    server.plan(Trouble::Answer(Answered::json(200, json!({"approved_by": [{"user": user}]}))), false);
    let found = forge.reviews(&Cx::system(), number).await.unwrap();
    assert_eq!((found.len(), found[0].commit.clone(), found[0].submitted), (1, None, None));
}

#[tokio::test]
async fn a_status_that_stays_pending_takes_another_text() {
    let (_server, _, forge, number) = stood_in().await;
    let cx = Cx::system();
    let commit = forge.change_request(&cx, number).await.unwrap().head.commit;
    for text in ["1 of 3 planned", "2 of 3 planned"] {
        let status = CommitStatus::new("gitops/plan", StatusState::Pending, text);
        forge.ensure_status(&cx, &commit, &status).await.unwrap();
        assert_eq!(forge.statuses(&cx, &commit).await.unwrap(), [status]);
    }
}

#[tokio::test]
async fn who_may_not_merge_is_told_so_and_a_rebase_is_the_projects_setting() {
    let (server, _, forge, number) = stood_in().await;
    let cx = Cx::system();
    let merge = Merge::of(forge.change_request(&cx, number).await.unwrap().head.commit);
    server.plan(Trouble::Answer(Answered::json(401, json!({"message": "401 Unauthorized"}))), true);
    assert_eq!(forge.merge(&cx, number, &merge).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let rebase = merge.method(MergeMethod::Rebase);
    assert_eq!(forge.merge(&cx, number, &rebase).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
