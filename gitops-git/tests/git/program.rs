//! The `git` program: found, new enough, and told nothing it need not know.

use gitops_core::ErrorKind;

use crate::support::{Repo, newest, script, told};

#[tokio::test]
async fn a_missing_program_says_what_to_install() {
    let repo = Repo::with(&[("a", "1")]);
    let error = newest(&repo.source().git_program("/nowhere/git").build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    insta::assert_snapshot!(told(&error), @r"
    Unsupported: /nowhere/git could not be started
    help: install git 2.36 or newer
    ");
}

#[tokio::test]
async fn a_program_that_is_too_old_is_not_used() {
    let repo = Repo::with(&[("a", "1")]);
    let old = repo.home().join("old-git");
    script(&old, "echo git version 2.35.9");
    let error = newest(&repo.source().git_program(old).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("2.35.9"), "{error}");
}

#[tokio::test]
async fn nothing_of_the_surroundings_reaches_it() {
    let repo = Repo::with(&[("a", "1")]);
    let (log, git) = (repo.home().join("environment"), repo.home().join("nosy-git"));
    script(&git, &format!("env >> {}\nexec git \"$@\"", log.display()));
    newest(&repo.source().git_program(git).build().unwrap()).await.unwrap();
    let names = std::fs::read_to_string(log).unwrap();
    let allowed = [
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_GLOBAL",
        "GIT_ATTR_NOSYSTEM",
        "GIT_TERMINAL_PROMPT",
        "GIT_ASKPASS",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_SSH_VARIANT",
        "GIT_SSH_COMMAND",
        "GIT_ALLOW_PROTOCOL",
        "GIT_PROTOCOL",
        "GIT_ALLOC_LIMIT",
    ];
    let strange: Vec<_> = names
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("GIT") && !allowed.contains(name) || name.starts_with("CARGO"))
        .collect();
    assert_eq!(strange, Vec::<&str>::new());
    let folders: Vec<_> = names.lines().filter(|line| line.starts_with("PWD=")).collect();
    assert!(!folders.is_empty() && folders.iter().all(|folder| *folder == "PWD=/"), "{folders:?}");
}

#[tokio::test]
async fn a_program_that_prints_without_end_is_stopped() {
    let repo = Repo::with(&[("a", "1")]);
    let git = repo.home().join("endless-git");
    script(&git, "case \"$*\" in *version) echo git version 2.40.0;; *) yes;; esac");
    let source = repo.source_of("https://127.0.0.1:1/x.git").git_program(git).build().unwrap();
    assert_eq!(newest(&source).await.unwrap_err().kind(), ErrorKind::Limit);
}
