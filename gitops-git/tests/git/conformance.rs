//! The contract of a source, proven on a repository of this machine, over ssh and on a forge.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gitops_core::conformance::{self, Publisher, SourceSubject};
use gitops_core::{Result, async_trait};

use crate::support::{Fault, Gitea, Proxy, Repo, Sshd, gitea};

/// At how many awaits calls over a network are dropped: each costs a commit, a push and several processes.
const AWAITS: usize = 6;

/// Commits what is published, and nothing else stays.
fn commit(repo: &Repo, files: &[(&str, &str)]) {
    for entry in fs::read_dir(repo.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with(".git") {
            fs::remove_dir_all(entry).unwrap();
        } else if entry.is_file() {
            fs::remove_file(entry).unwrap();
        }
    }
    repo.commit(files);
}

#[async_trait]
impl Publisher for Repo {
    async fn publish(&self, files: &[(&str, &str)]) -> Result<()> {
        commit(self, files);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_this_machine_keeps_the_contract() {
    let source = || async {
        let repo = Arc::new(Repo::empty());
        Ok(SourceSubject::new(Arc::new(repo.source().build()?), repo))
    };
    conformance::source(source).run().await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_over_ssh_keeps_the_contract() {
    let source = || async {
        let repo = Arc::new(Repo::empty());
        let sshd = Sshd::start(repo.home());
        let source = repo.source_of(sshd.url(&repo.path())).credentials(sshd.credentials()).build()?;
        Ok(SourceSubject::new(Arc::new(source), repo).awaits(AWAITS))
    };
    conformance::source(source).run().await.assert_passed();
}

/// Pushes what is published to a forge, behind a proxy.
struct Pushed {
    repo: Repo,
    gitea: Arc<Gitea>,
    proxy: Proxy,
    name: String,
}

#[async_trait]
impl Publisher for Pushed {
    async fn publish(&self, files: &[(&str, &str)]) -> Result<()> {
        commit(&self.repo, files);
        self.gitea.push(&self.proxy, &self.repo, &self.name);
        Ok(())
    }

    async fn cut_off(&self) -> Result<()> {
        self.proxy.set(Fault::CutAfter(0));
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.proxy.set(Fault::None);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_a_forge_keeps_the_contract() {
    let used = Arc::new(AtomicU32::new(0));
    let source = move || {
        let name = format!("conformance-{}", used.fetch_add(1, Ordering::Relaxed));
        async move {
            let (gitea, repo) = (gitea(), Repo::with(&[("README", "0")]));
            let proxy = gitea.proxy();
            let url = gitea.push(&proxy, &repo, &name);
            let source = repo.source_of(&url).credentials(gitea.bot()).build()?;
            Ok(SourceSubject::new(Arc::new(source), Arc::new(Pushed { repo, gitea, proxy, name }))
                .awaits(AWAITS))
        }
    };
    conformance::source(source).run().await.assert_passed();
}
