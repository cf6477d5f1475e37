//! URLs, references and paths as people write them.

use std::process::Command;

use gitops_core::ErrorKind;
use gitops_git::{CommitId, GitRef, GitSource, GitUrl, RefName};
use proptest::prelude::*;

#[test]
fn what_could_be_an_option_or_a_command_is_refused() {
    let urls = [
        "",
        "-x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "fd::17",
        "ssh://-oProxyCommand=id/x",
        "-oProxyCommand=id:x",
        "ssh://-x@host/x",
        "git@-host:x",
        "https://user:password@host/x",
        "https://host",
        "https:///x",
        "ftp://host/x",
        "git://host/x",
        "ssh://host:0/x",
        "ssh://host:99999/x",
        "https://ho st/x",
        "https://host/a\nb",
        "https://host/a%0ab",
        "ssh://host/a%00b",
        "file://host/x",
        "file:///a%",
        "a\u{1b}b",
        "host:-x",
        "host:",
        "ssh://host/",
        "https://[::1/x",
    ];
    let accepted: Vec<_> = urls.into_iter().filter(|url| GitUrl::parse(url).is_ok()).collect();
    assert_eq!(accepted, Vec::<&str>::new());
}

#[test]
fn urls_are_written_in_one_way() {
    let pairs = [
        ("HTTPS://Host:443/a/b.git/", "https://host/a/b.git"),
        ("http://127.0.0.1:3000/a", "http://127.0.0.1:3000/a"),
        ("ssh://git@Host:22/a/", "ssh://git@host/a"),
        ("git@Host:a/b.git", "git@host:a/b.git"),
        ("ssh://[::1]:2222/a", "ssh://[::1]:2222/a"),
        ("file:///a%20b/./c", "/a b/c"),
        ("./a", "./a"),
        ("a/b:c", "./a/b:c"),
    ];
    for (written, expected) in pairs {
        assert_eq!(GitUrl::parse(written).unwrap().to_string(), expected, "{written}");
    }
}

#[test]
fn a_password_in_a_url_is_not_repeated_in_the_error() {
    for url in ["https://user:hunter2@host/x", "ssh://u:hunter2@host/x", "gopher://u:hunter2@host/x"] {
        let error = GitUrl::parse(url).unwrap_err();
        assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn paths_below_the_root_only() {
    for path in ["/etc", "..", "a/../b", "a//b", "a\0b", "/"] {
        let error = GitSource::builder("x").path(path).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{path:?}");
    }
    for path in ["", ".", "a", "a/b/", "./a", "a/./b"] {
        assert!(GitSource::builder("x").path(path).build().is_ok(), "{path:?}");
    }
}

#[test]
fn ids_are_whole_and_of_one_kind() {
    assert!(CommitId::parse(&"a".repeat(40)).is_ok());
    assert_eq!(CommitId::parse(&"A".repeat(40)).unwrap(), CommitId::parse(&"a".repeat(40)).unwrap());
    assert_eq!(CommitId::parse(&"a".repeat(64)).unwrap_err().kind(), ErrorKind::Unsupported);
    for text in ["", "abc", &"g".repeat(40), &"a".repeat(39)] {
        assert_eq!(CommitId::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text}");
    }
}

fn git_accepts(name: &str) -> bool {
    let mut git = Command::new("git");
    git.args(["check-ref-format", &format!("refs/heads/{name}")]).status().unwrap().success()
}

/// What is refused although git accepts it.
fn is_refused_on_purpose(name: &str) -> bool {
    name.starts_with('-') || name.starts_with("refs/") || name.len() > 1024
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_are_those_that_git_accepts(name in r"[a-c./@{~^:?*\\ \-lock\x01é]{0,12}|[a-z]{1,3}(/[a-z.]{0,4}(\.lock)?){0,3}") {
        let expected = git_accepts(&name) && !is_refused_on_purpose(&name);
        prop_assert_eq!(RefName::parse(&name).is_ok(), expected);
    }

    #[test]
    fn no_text_makes_a_parser_panic_or_pass_an_option_on(text in any::<String>()) {
        let _ = (GitRef::branch(&text), GitRef::tag(&text), GitRef::semver(&text), GitRef::commit(&text));
        if let Ok(url) = GitUrl::parse(&text) {
            prop_assert!(!url.to_string().starts_with('-'));
            prop_assert!(!url.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn a_url_reads_back_as_it_was_written(url in r"(https|http|ssh)://([a-z]{1,5}@)?[a-zA-Z0-9.-]{1,12}(:[0-9]{1,5})?/[a-zA-Z0-9/._~%-]{0,20}|[a-z]{1,3}@[a-z.-]{1,9}:[a-z/]{0,9}|[a-z./:@ -]{0,20}") {
        if let Ok(first) = GitUrl::parse(&url) {
            prop_assert_eq!(GitUrl::parse(&first.to_string()).unwrap(), first);
        }
    }
}
