//! The adapter of Gitea, against a server that stands in for it.

use std::sync::Arc;

use gitops_core::Result;
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers};
use gitops_forge::{Connection, Gitea, RepositoryPath};

use crate::support::{GiteaDialect, Server, StoodIn, TOKEN, secret};

async fn subject() -> Result<ForgeSubject> {
    let memory = MemoryOthers::new();
    let server = Server::start(Arc::new(GiteaDialect(memory.forge().clone()))).await;
    let repository = RepositoryPath::parse("platform/site")?;
    let forge = Gitea::new(Connection::to(server.url()), repository, &secret(TOKEN))?;
    Ok(ForgeSubject::new(Arc::new(forge), Arc::new(StoodIn::new(memory, server))))
}

#[tokio::test]
async fn a_stood_in_gitea_keeps_the_contract() {
    let report = conformance::forge(subject).run().await;
    report.assert_passed();
    assert_eq!(report.skipped(), [""; 0]);
}
