//! Texts that people write.

use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;

use gitops_core::{Digest, Key, Number};

use crate::{texts, with_text};
use gitops::config::{Config, parse_duration};

/// Each fault of a configuration has a place in the text and a message.
pub fn config(bytes: &[u8]) {
    with_text(bytes, |text| {
        let Err(error) = Config::parse(Path::new("gitops.yaml"), text) else { return };
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
    ])
}

/// What can be read and written is the same when it is read again.
fn comes_back<T>(bytes: &[u8])
where
    T: FromStr + Display + PartialEq + Debug,
    T::Err: Debug,
{
    with_text(bytes, |text| {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string().parse::<T>().expect("what was written can be read"), value);
        }
    });
}

pub fn key(bytes: &[u8]) {
    comes_back::<Key>(bytes);
}

pub fn keys() -> Vec<Vec<u8>> {
    texts(&["k8s:Deployment.apps/shop/web", "dir:File/-/conf/app.toml"])
}

pub fn number(bytes: &[u8]) {
    comes_back::<Number>(bytes);
}

pub fn numbers() -> Vec<Vec<u8>> {
    texts(&["0", "-12", "3.25", "1e400", "-0.0", "18446744073709551616"])
}

pub fn digest(bytes: &[u8]) {
    comes_back::<Digest>(bytes);
}

pub fn digests() -> Vec<Vec<u8>> {
    vec![Digest::of(b"example").to_string().into_bytes()]
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
