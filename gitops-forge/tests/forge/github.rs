//! The adapter of GitHub, against a server that stands in for it.

mod app;

use std::sync::Arc;

use gitops_core::Result;
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers};
use gitops_forge::{Connection, GitHub, RepositoryPath};

use crate::support::{
    Described, Description, GitHubDialect, Handler, Server, StoodIn, TOKEN, needed, secret,
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
