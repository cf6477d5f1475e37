//! What people write into requests and about them.

use gitops_core::Digest;
use gitops_core::review::owners::{CodeOwners, Dialect};
use gitops_core::review::window::{Window, WindowKind};
use gitops_core::review::{Command, Marker};

use crate::{texts, with_text};

pub fn owners(bytes: &[u8]) {
    with_text(bytes, |text| {
        for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Gitea] {
            match CodeOwners::parse(text, dialect) {
                Ok(owners) => {
                    for path in ["a", "docs/a", "apps/github/x.js", "a b/c"] {
                        let needed = owners.requirements(&[path.to_owned()]);
                        assert!(needed.iter().all(|group| !group.owners.is_empty() && group.needed > 0));
                    }
                }
                Err(error) => assert!(error.faults().len() <= 20 && !error.to_string().is_empty()),
            }
        }
    });
}

pub fn owner_files() -> Vec<Vec<u8>> {
    texts(&[
        "* @acme/platform\n/docs/ @alice docs@example.org # words\n*.js @js\n/apps/github\n",
        ".*\\\\.go @a @b/c # words\n!docs/(x|y)/.* @d\na\\ b e\n",
        "[Docs][2] @writers\ndocs/\n!docs/generated/\n^[Optional]\na\\ b/ @x\n",
    ])
}

pub fn commands(bytes: &[u8]) {
    with_text(bytes, |text| assert!(Command::read(text).len() <= 11));
}

pub fn comments() -> Vec<Vec<u8>> {
    texts(&[
        "/plan\n/approve 0123456789ab\n> /apply\n```\n/apply\n```\n/gitops rollback shop 4a1b2c3\n",
        "/why deployment/web\n/unlock shop\n~~~\n/plan\n",
    ])
}

pub fn marker(bytes: &[u8]) {
    with_text(bytes, |text| {
        if let Some(marker) = Marker::read(text) {
            assert_eq!(Marker::read(&marker.to_string()), Some(marker));
        }
    });
}

pub fn markers() -> Vec<Vec<u8>> {
    let marker = Marker::new("github.com/acme/shop#12", Digest::of(b"effect"));
    vec![format!("{marker}\n## GitOps: ready\n").into_bytes()]
}

/// Zone, day, beginning and end, or beginning and end, in lines.
pub fn window(bytes: &[u8]) {
    with_text(bytes, |text| {
        let words: Vec<&str> = text.lines().collect();
        let made = match words[..] {
            [zone, day, from, to] => Window::weekly("w", WindowKind::Deny, zone, &[day], from, to),
            [zone, from, to] => Window::once("w", WindowKind::Allow, zone, from, to),
            _ => return,
        };
        if let Ok(window) = made {
            let windows = gitops_core::review::window::Windows::new([window]).expect("one is not too many");
            let _ = windows.at("prod", gitops_core::Time::from_micros(1_800_000_000_000_000));
        }
    });
}

pub fn windows() -> Vec<Vec<u8>> {
    texts(&["Europe/Berlin\nsat\n22:00\n06:00", "UTC\n2026-12-23T18:00\n2027-01-02T06:00"])
}
