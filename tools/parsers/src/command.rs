//! The file of the `gitops` command.

use std::path::Path;

use gitops_app::Backends;
use gitops_app::config::{Applications, parse_duration};

use crate::{texts, with_text};

/// Each fault of a configuration has a place in the text and a message.
pub fn config(bytes: &[u8]) {
    with_text(bytes, |text| {
        let parsed = Applications::parse(Path::new("gitops.yaml"), text, &Backends::new());
        let Err(error) = parsed else { return };
        assert!(!error.diagnostics().is_empty(), "a fault without a place: {error}");
        for fault in error.diagnostics() {
            assert!(!fault.message.is_empty() && fault.help.is_some(), "{fault:?}");
        }
    });
}

pub fn configs() -> Vec<Vec<u8>> {
    texts(&[
        "name: site\nsource:\n  git: { url: ./site.git, ref: { branch: main }, path: site }\ntarget:\n  \
         directory: { root: ./live }\nsync: { prune: true, drift: correct, interval: 60s }\nstate: ./.gitops\n",
        "name: s\nsource:\n  git:\n    url: https://host/x\n    ref: { semver: '>=1, <2' }\n    ignore: ['*.md']\n    \
         auth: { user: a, token: { env: TOKEN } }\ntarget: { directory: { root: x } }\n",
        "source: { git: { url: x, ref: { branch: main } } }\napplications:\n- name: a\n  target: { directory: { root: x } }\n\
         - { name: b, labels: { a: b }, targets: { t: { path: p, directory: { root: y } } } }\n",
    ])
}

/// A duration is at least a second.
pub fn duration(bytes: &[u8]) {
    with_text(bytes, |text| {
        if let Ok(duration) = parse_duration(text) {
            assert!(duration.as_secs() >= 1, "{text:?} is {duration:?}");
        }
    });
}

pub fn durations() -> Vec<Vec<u8>> {
    texts(&["60s", "1h 30m", "2 days", "PT5M"])
}
