//! Applications of one repository, each with limits of its own.

use gitops_core::*;
use gitops_git::GitLimits;

use crate::support::Repo;

fn near() -> GitLimits {
    let mut limits = GitLimits::default();
    limits.history = 4;
    limits
}

/// Two teams shared a mirror: when one of them had fetched what is far ahead, the other one could not find its own commit.
#[tokio::test]
async fn what_another_application_follows_is_in_nobodys_way_however_far_ahead_it_is() {
    let repo = Repo::with(&[("a", "1\n")]);
    let (cx, first) = (Cx::system(), repo.revision("HEAD"));
    let source = |limits: GitLimits| repo.source().limits(limits).build().unwrap();
    source(near()).fetch(&cx, &first).await.unwrap();
    let commits: Vec<_> = (0..20).map(|n| repo.commit(&[("b", &format!("{n}\n"))])).collect();
    let last = commits.last().unwrap();
    source(GitLimits::default()).fetch(&cx, last).await.unwrap();
    for _ in 0..2 {
        let next_process = source(near());
        let found = next_process.fetch(&cx, &first).await.unwrap();
        assert_eq!(found.revision, first);
        // How far apart they are is beyond the one, and not beyond the other.
        let error = next_process.relation(&cx, &first, last).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Limit && error.to_string().contains("history = 4"), "{error:?}");
        let other = source(GitLimits::default());
        assert_eq!(other.relation(&cx, &first, last).await.unwrap(), Relation::Newer);
        other.fetch(&cx, last).await.unwrap();
    }
}

/// A plan named a thousand commits at most, and nobody could have it otherwise.
#[tokio::test]
async fn as_many_commits_are_named_as_the_limit_says() {
    let repo = Repo::with(&[("a", "1\n")]);
    let (cx, first) = (Cx::system(), repo.revision("HEAD"));
    let commits: Vec<_> = (0..5).map(|n| repo.commit(&[("b", &format!("{n}\n"))])).collect();
    for (limit, named) in [(0, 0), (3, 3), (5, 5), (9, 5)] {
        let mut limits = GitLimits::default();
        limits.commits = limit;
        let source = repo.source().limits(limits).build().unwrap();
        let history = Source::history(&source).unwrap();
        let found = Commits::find(history, &cx, &first, &commits[4]).await.unwrap();
        assert_eq!((found.list.len(), found.more), (named, named < 5), "with a limit of {limit}");
    }
}
