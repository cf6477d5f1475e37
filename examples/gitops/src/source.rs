//! Puts the Git source together from the configuration.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use gitops_core::{Cx, Diagnostic, Error, ErrorKind, Result, Secret, SecretKey, Source, Span};
use gitops_git::{Credentials, GitSource, GitSourceBuilder, Pattern};

use crate::config::{Auth, Config, GitConfig, GitRef, SecretPlace};

/// The source, with its mirror in the state folder.
///
/// # Errors
/// `Invalid` with a diagnostic for what only the source can tell: a reference, URL or pattern that can't be used,
/// credentials that do not fit, a secret that is not there.
pub fn open(cx: &Cx, config: &Config) -> Result<Arc<dyn Source>> {
    let git = &config.source;
    let at = |span: &Span| {
        let span = span.clone();
        move |error| placed(config, span, error)
    };
    let builder = GitSource::builder(&git.url)
        .base(config.base())
        .reference(reference(&git.reference).map_err(at(&git.places.reference))?)
        .path(&git.path)
        .mirrors(std::path::absolute(config.state.join("mirrors"))?)
        .credentials(credentials(cx, config, git)?);
    let pattern = |(text, span): &(String, Span)| {
        Pattern::from(text.as_str()).written_at(config.file.display().to_string(), span.clone())
    };
    let builder = git.include.iter().map(pattern).fold(builder, GitSourceBuilder::include);
    let builder = git.ignore.iter().map(pattern).fold(builder, GitSourceBuilder::ignore);
    let source = builder.build().map_err(at(&git.places.git))?;
    make_private(&config.state)?;
    Ok(Arc::new(source))
}

/// Makes the state folder for the mirror, as private as the state itself will be. One that is there stays as it is.
fn make_private(folder: &Path) -> Result<()> {
    match folder.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(_) => DirBuilder::new().mode(0o700).create(folder).map_err(|error| {
            let help = "see that the folder that it is in exists and can be written";
            Error::from(error).with("state", folder.display()).help(help)
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
fn placed(config: &Config, span: Span, error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) {
        return error;
    }
    refuse(config, "GO0110", span, error.to_string(), error.help_text().unwrap_or("write another value"))
}

fn refuse(config: &Config, code: &'static str, span: Span, message: String, help: &str) -> Error {
    let fault = Diagnostic::error(code, config.file.display().to_string(), message).at(span).help(help);
    Error::invalid("the configuration can't be used", vec![fault])
}

fn credentials(cx: &Cx, config: &Config, git: &GitConfig) -> Result<Credentials> {
    Ok(match &git.auth {
        Auth::None => Credentials::None,
        Auth::Ssh { key, known_hosts } => {
            Credentials::SshKey { path: absolute(key)?, known_hosts: absolute(known_hosts)? }
        }
        Auth::Token { user, secret } => {
            let text = read(secret).map_err(|message| {
                refuse(config, "GO0115", git.places.auth.clone(), message, "set it where the command runs")
            })?;
            // Any user will do beside a token; this one is the most widely taken.
            let user = user.clone().unwrap_or_else(|| "git".to_owned());
            // Nobody compares it with another secret, so its key lives no longer than it.
            Credentials::Token { user, secret: Secret::new(text, &SecretKey::new(cx.random_bytes())) }
        }
    })
}

fn absolute(path: &Path) -> Result<std::path::PathBuf> {
    Ok(std::path::absolute(path)?)
}

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
