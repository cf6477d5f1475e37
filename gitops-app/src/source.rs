//! Puts the Git source together from the configuration.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use gitops_core::{Cx, Diagnostic, Error, ErrorKind, Result, Secret, SecretKey};
use gitops_git::{Credentials, GitLimits, GitSource, GitSourceBuilder, Pattern, Signers};

use crate::config::{Auth, Config, GitConfig, GitRef, SecretPlace, Written};

/// The source, with its mirror where the configuration has it.
///
/// # Errors
/// `Invalid` with a diagnostic for what only the source can tell: a reference, URL or pattern that can't be used,
/// credentials that do not fit, a secret that is not there.
pub fn open(cx: &Cx, config: &Config) -> Result<GitSource> {
    let git = &config.source;
    let at = |place: &Written| {
        let place = place.clone();
        move |error| placed(place, error)
    };
    let builder = GitSource::builder(&git.url)
        .base(&git.base)
        .reference(reference(&git.reference).map_err(at(&git.places.reference))?)
        .path(&git.path)
        .mirrors(std::path::absolute(&config.mirrors)?)
        .credentials(credentials(cx, git)?);
    let builder = git.ca_file.iter().fold(builder, GitSourceBuilder::ca_file);
    let builder = match &git.signers {
        Some((path, written)) => builder.signers(signers(path).map_err(at(written))?),
        None => builder,
    };
    let builder = git.tolerate.iter().fold(builder, |builder, fault| builder.tolerate(fault.as_str()));
    let builder = builder.limits(limits(&git.limits));
    let pattern = |(text, at): &(String, Written)| {
        Pattern::from(text.as_str()).written_at(at.path.clone(), at.span.clone())
    };
    let builder = git.include.iter().map(pattern).fold(builder, GitSourceBuilder::include);
    let builder = git.ignore.iter().map(pattern).fold(builder, GitSourceBuilder::ignore);
    let source = builder.build().map_err(at(&git.places.git))?;
    make_private(&config.mirrors)?;
    Ok(source)
}

/// How much of a list of signers is read.
const SIGNERS_BYTES: u64 = 1 << 20;

/// Reads who may sign commits, with which keys.
fn signers(path: &Path) -> Result<Signers> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let message = format!("the list of signers {} can't be read: {error}", path.display());
        Error::new(ErrorKind::Invalid, message)
            .help("name a file as `ssh-keygen` reads it: `NAME KIND KEY` on each line")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
    file.take(SIGNERS_BYTES + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    match text.len() as u64 > SIGNERS_BYTES {
        true => Err(unreadable(&format!("it has more than {SIGNERS_BYTES} bytes"))),
        false => Signers::parse(&text).map_err(|error| error.with("signers", path.display())),
    }
}

/// The default bounds with those that are written down.
fn limits(written: &BTreeMap<&'static str, u64>) -> GitLimits {
    let mut limits = GitLimits::default();
    for (name, amount) in written {
        let count = usize::try_from(*amount).unwrap_or(usize::MAX);
        match *name {
            "file_bytes" => limits.file_bytes = *amount,
            "folder_entries" => limits.folder_entries = count,
            "tree_entries" => limits.tree_entries = *amount,
            "depth" => limits.depth = count,
            "path_bytes" => limits.path_bytes = count,
            "pack_bytes" => limits.pack_bytes = *amount,
            "refs" => limits.refs = count,
            "kept_revisions" => limits.kept_revisions = count,
            "history" => limits.history = count,
            "commits" => limits.commits = count,
            "memory" => limits.memory = *amount,
            "time" => limits.time = Duration::from_secs(*amount),
            _ => {}
        }
    }
    limits
}

/// Makes the folder of mirrors, as private as a state. One that is there stays as it is.
fn make_private(folder: &Path) -> Result<()> {
    match folder.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(_) => gitops_core::process::fs::create_private_dir(folder).map_err(|error| {
            let help = "see that the folder that it is in can be written";
            Error::from(error).with("mirrors", folder.display()).help(help)
        }),
    }
}

fn reference(reference: &GitRef) -> Result<gitops_git::GitRef> {
    match reference {
        GitRef::Branch(name) => gitops_git::GitRef::branch(name),
        GitRef::Tag(name) => gitops_git::GitRef::tag(name),
        GitRef::Semver(range) => gitops_git::GitRef::semver(range),
        GitRef::Commit(id) => gitops_git::GitRef::commit(id),
    }
}

/// An error of what was written down, with its place; any other stays as it is.
fn placed(place: Written, error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) {
        return error;
    }
    refuse("GO0110", place, error.to_string(), error.help_text().unwrap_or("write another value"))
}

fn refuse(code: &'static str, place: Written, message: String, help: &str) -> Error {
    let fault = Diagnostic::error(code, place.path, message).at(place.span).help(help);
    Error::invalid("the configuration can't be used", vec![fault])
}

fn credentials(cx: &Cx, git: &GitConfig) -> Result<Credentials> {
    Ok(match &git.auth {
        Auth::None => Credentials::None,
        Auth::Ssh { key, known_hosts } => {
            Credentials::SshKey { path: absolute(key)?, known_hosts: absolute(known_hosts)? }
        }
        Auth::Token { user, secret } => {
            // Any user will do beside a token; this one is the most widely taken.
            let user = user.clone().unwrap_or_else(|| "git".to_owned());
            Credentials::Token { user, secret: self::secret(cx, secret, Some(&git.places.auth))? }
        }
    })
}

fn absolute(path: &Path) -> Result<std::path::PathBuf> {
    Ok(std::path::absolute(path)?)
}

/// The secret at a place, for one who compares it with no other.
///
/// # Errors
/// `Invalid` where it is not there, with a diagnostic if its place was written down.
pub(crate) fn secret(cx: &Cx, place: &SecretPlace, written: Option<&Written>) -> Result<Secret> {
    let text = read(place).map_err(|message| match written {
        Some(written) => refuse("GO0115", written.clone(), message, SET),
        None => Error::new(ErrorKind::Invalid, message).help(SET),
    })?;
    Ok(Secret::new(text, &SecretKey::new(cx.random_bytes())))
}

const SET: &str = "set it where the command runs";

/// The text of a secret without white space around it, or why there is none.
fn read(place: &SecretPlace) -> std::result::Result<String, String> {
    let (name, text) = match place {
        SecretPlace::Env(name) => {
            let text =
                std::env::var(name).map_err(|_| format!("the environment variable `{name}` is not set"))?;
            (format!("the environment variable `{name}`"), text)
        }
        SecretPlace::File(path) => {
            let name = format!("the file `{}`", path.display());
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{name} can't be read: {error}"))?;
            (name, text)
        }
    };
    match text.trim() {
        "" => Err(format!("{name} is empty")),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::LIMITS;

    #[test]
    fn every_limit_that_can_be_written_is_a_limit_of_the_source() {
        for name in LIMITS {
            let written = BTreeMap::from([(name, 7)]);
            assert_ne!(limits(&written), GitLimits::default(), "`{name}` goes nowhere");
        }
        assert_eq!(limits(&BTreeMap::new()), GitLimits::default());
    }
}
