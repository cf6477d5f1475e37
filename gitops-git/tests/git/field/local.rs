//! Repositories of this machine that are damaged, or kept in another way.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use gitops_core::{Cx, ErrorKind, History, Source};

use crate::support::{Repo, expect, newest, told};

/// People met it after a loss of power: an empty file of a branch.
#[tokio::test]
async fn a_bad_reference_is_in_the_way_only_of_who_follows_it() {
    let repo = Repo::with(&[("a", "1")]);
    fs::write(repo.path().join(".git/refs/heads/other"), "").unwrap();
    fs::write(repo.path().join(".git/refs/tags/odd"), format!("{}\n", "1".repeat(40))).unwrap();
    assert_eq!(newest(&repo.source().build().unwrap()).await.unwrap(), expect(&[("a", "1")]));
    let main = repo.path().join(".git/refs/heads/main");
    let good = fs::read(&main).unwrap();
    fs::write(&main, "").unwrap();
    let source = repo.source().build().unwrap();
    let error = source.resolve(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    assert!(told(&error).contains("the branch `main` of the repository can't be read"), "{error:?}");
    fs::write(&main, good).unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]), "it is mended");
}

/// People met it as a `rollback` that no revision could be named for.
#[tokio::test]
async fn a_tag_that_is_no_text_is_in_nobodys_way() {
    let repo = Repo::with(&[("a", "1")]);
    let id = repo.revision("HEAD");
    let name = std::ffi::OsStr::from_bytes(b".git/refs/tags/caf\xe9");
    fs::write(repo.path().join(name), format!("{}\n", id.id())).unwrap();
    let source = repo.source().build().unwrap();
    assert_eq!(source.find(&Cx::system(), "main").await.unwrap().id(), id.id());
}

#[tokio::test]
async fn a_repository_that_is_kept_in_another_way_is_told_from_a_damaged_one() {
    for (setting, message) in [
        ("[extensions]\n\trefStorage = reftable\n", "reftable"),
        ("[extensions]\n\tpartialClone = origin\n", "partial clone"),
    ] {
        let repo = Repo::with(&[("a", "1")]);
        let config = repo.path().join(".git/config");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}{setting}")).unwrap();
        let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.message().contains(message) && error.help_text().is_some(), "{error:?}");
    }
}
