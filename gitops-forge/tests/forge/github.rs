//! The adapter of GitHub, against a server that stands in for it.

mod app;

use std::sync::Arc;

use gitops_core::{Cx, ErrorKind, Result};
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers, Others, Person};
use gitops_forge::{Connection, Forge, GitHub, MergeMethod, RepositoryPath, ReviewState};
use serde_json::{Value, json};

use crate::support::{
    Answered, Described, Description, GitHubDialect, Handler, Server, StoodIn, TOKEN, Trouble, needed, secret,
};

async fn subject(handler: impl FnOnce(GitHubDialect) -> Arc<dyn Handler>) -> Result<ForgeSubject> {
    let memory = MemoryOthers::new();
    let server = Server::start(handler(GitHubDialect::new(memory.forge().clone()))).await;
    let repository = RepositoryPath::parse("platform/site")?;
    let forge = GitHub::new(Connection::to(server.url()), repository, &secret(TOKEN))?;
    Ok(ForgeSubject::new(Arc::new(forge), Arc::new(StoodIn::new(memory, server))))
}

#[tokio::test]
async fn a_stood_in_github_keeps_the_contract() {
    let report = conformance::forge(|| subject(|dialect| Arc::new(dialect))).run().await;
    report.assert_passed();
    assert_eq!(report.skipped(), [""; 0]);
}

/// Every call of the kit is one that GitHub publishes, and every answer is one that it publishes too: its own example with
/// the values of the kit in it.
#[tokio::test]
async fn every_call_and_every_answer_is_as_github_describes_them() {
    let description = Arc::new(Description::read(&needed("GITOPS_GITHUB_DESCRIPTION"), &["api", "v3"]));
    let described = description.clone();
    let report = conformance::forge(move || {
        let description = described.clone();
        subject(move |dialect| Arc::new(Described::new(dialect, description)))
    })
    .run()
    .await;
    assert!(description.violations().is_empty(), "{}", description.violations().join("\n"));
    report.assert_passed();
    assert!(description.seen() >= 20, "only {} operations were used", description.seen());
}

async fn of_commits(commits: Vec<Value>) -> Result<Vec<gitops_forge::RequestCommit>> {
    let memory = MemoryOthers::new();
    let server = Server::start(Arc::new(GitHubDialect::new(memory.forge().clone()))).await;
    let forge =
        GitHub::new(Connection::to(server.url()), RepositoryPath::parse("platform/site")?, &secret(TOKEN))?;
    let number = memory.open(&Cx::system(), Person::Author, false).await?;
    for page in commits.chunks(100) {
        server.plan(Trouble::Answer(Answered::json(200, page.to_vec())), false);
    }
    forge.commits().unwrap().of_request(&Cx::system(), number).await
}

fn commit(nth: usize, account: Option<&Value>) -> Value {
    let said = json!({"name": "Somebody", "email": "somebody@example.org"});
    json!({
        "sha": format!("{nth:040x}"), "author": account, "committer": account,
        "commit": {"author": said, "committer": said},
    })
}

#[tokio::test]
async fn an_address_that_is_nobodys_has_no_account() {
    let nobody = [None, Some(json!({}))];
    for account in &nobody {
        let found = of_commits(vec![commit(1, account.as_ref())]).await.unwrap();
        let people = &found[0].people;
        assert!(people.iter().all(|person| person.account.is_none()), "{people:?}");
        assert!(people.iter().all(|person| person.email == "somebody@example.org"), "{people:?}");
    }
    let bot = json!({"id": 7, "login": "dependabot[bot]", "type": "Bot"});
    let found = of_commits(vec![commit(1, Some(&bot))]).await.unwrap();
    assert!(found[0].people[0].account.as_ref().unwrap().is_bot);
}

/// GitHub lists 250 commits and says nothing of the rest, of which one may be of whoever approves.
#[tokio::test]
async fn a_request_whose_commits_are_not_all_listed_is_refused() {
    let all = |n| (0..n).map(|nth| commit(nth, None)).collect::<Vec<_>>();
    assert_eq!(of_commits(all(249)).await.unwrap().len(), 249);
    let error = of_commits(all(250)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.with_help().contains("squash"), "{error}");
}

#[tokio::test]
async fn a_repository_says_how_it_is_merged_to_who_may_write_and_to_others_nothing() {
    let server = Server::start(Arc::new(GitHubDialect::new(MemoryOthers::new().forge().clone()))).await;
    let repository = RepositoryPath::parse("platform/site").unwrap();
    let forge = GitHub::new(Connection::to(server.url()), repository, &secret(TOKEN)).unwrap();
    let (merge, squash, rebase) = (MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase);
    let told =
        json!({"id": 1, "allow_merge_commit": false, "allow_squash_merge": true, "allow_rebase_merge": true});
    for (answer, methods) in [(told, &[squash, rebase][..]), (json!({"id": 1}), &[merge, squash, rebase])] {
        server.plan(Trouble::Answer(Answered::json(200, answer)), false);
        assert_eq!(forge.merge_methods(&Cx::system()).await.unwrap(), methods);
    }
}

/// GitHub shows the approval as it was, and beside it who is asked.
#[tokio::test]
async fn whoever_is_asked_again_has_not_approved_and_has_not_withdrawn_a_no() {
    let (memory, cx) = (MemoryOthers::new(), Cx::system());
    let dialect = Arc::new(GitHubDialect::new(memory.forge().clone()));
    let server = Server::start(dialect.clone()).await;
    let repository = RepositoryPath::parse("platform/site").unwrap();
    let forge = GitHub::new(Connection::to(server.url()), repository, &secret(TOKEN)).unwrap();
    let number = memory.open(&cx, Person::Author, false).await.unwrap();
    for (person, state) in [
        (Person::Reviewer, ReviewState::Approved),
        (Person::Maintainer, ReviewState::ChangesRequested),
        (Person::Author, ReviewState::Approved),
    ] {
        memory.review(&cx, person, number, state).await.unwrap();
    }
    let counts = async || {
        let found = forge.reviews(&cx, number).await.unwrap();
        found.into_iter().filter(|review| !review.is_dismissed).map(|review| review.state).collect::<Vec<_>>()
    };
    let (yes, no) = (ReviewState::Approved, ReviewState::ChangesRequested);
    assert_eq!(counts().await, [yes, no, yes]);
    for person in [Person::Reviewer, Person::Maintainer] {
        let login = memory.user(person).login;
        dialect.ask_for_review(&login);
    }
    assert_eq!(counts().await, [no, yes]);
}
