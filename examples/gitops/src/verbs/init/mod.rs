//! `gitops init`: writes a commented configuration, for some targets a first file of the source, and makes the state folder.

mod source;
mod text;

use std::fs::OpenOptions;
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use gitops_app::Backends;
use gitops_app::config::{Applications, Config};
use gitops_app::documents::Document;
use gitops_app::place;
use gitops_core::{Error, ErrorKind, Result, StateDir};
use serde::Serialize;

use super::Ended;
use crate::app::{App, quoted};
use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, GREEN, escape, paint};
use source::Source;
use text::{Kind, configuration};

/// Refuses to overwrite anything.
pub fn run(app: &App, args: &InitArgs) -> Ended {
    let base = app.file.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let source = Source::of(args, base)?;
    let text = configuration(args, &source);
    let config = only(&app.file, &text)?;
    place::check_apart(std::slice::from_ref(&config))?;
    let example = example(args, &source);
    let files = std::iter::once((app.file.clone(), text.as_str())).chain(example);
    let files: Vec<(PathBuf, &str)> = files.collect();
    // All or none, as far as that can be: what is there already is seen before anything is written.
    files.iter().try_for_each(|(path, _)| check_is_free(path))?;
    files.iter().try_for_each(|(path, text)| write(path, text))?;
    let state = StateDir::open(&config.state, &app.cx)?;
    keep_out_of_git(&config.state);
    let document = InitDocument {
        file: app.file.clone(),
        examples: files[1..].iter().map(|(path, _)| shown(path, base)).collect(),
        state: state.path().to_owned(),
        next: next(app, &source, base),
        missing: missing(&source, base),
    };
    app.screen.answer(&document, || human(&document))?;
    Ok(Exit::Ok)
}

/// The first file of the source, where the source is on this machine.
fn example(args: &InitArgs, source: &Source) -> Option<(PathBuf, &'static str)> {
    let (name, text) = Kind::of(args).example?;
    Some((source.folder.as_ref()?.join(name), text))
}

/// The commands to type next.
fn next(app: &App, source: &Source, base: &Path) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(folder) = &source.folder {
        if source.is_new {
            next.push(format!("git init --initial-branch={}", source.branch));
        }
        next.push(format!("git add {}", quoted(&shown(folder, base).to_string_lossy())));
        next.push("git commit --message 'Begin'".to_owned());
    }
    next.extend(["plan", "apply"].map(|verb| app.command(verb)));
    next
}

/// The repository on this machine that the configuration names and that is not there: the next command would fail.
fn missing(source: &Source, base: &Path) -> Option<String> {
    let is_path = !source.url.contains(':');
    let is_there = source.folder.is_some() || base.join(&source.url).exists();
    (is_path && !is_there).then(|| source.url.clone())
}

/// A path as it is typed in the folder of the configuration.
fn shown(path: &Path, base: &Path) -> PathBuf {
    let base = std::path::absolute(base).unwrap_or_default();
    path.strip_prefix(&base).unwrap_or(path).to_owned()
}

/// The one application of a file.
fn only(file: &Path, text: &str) -> Result<Config> {
    let found = Applications::parse(file, text, &Backends::new())?;
    found.all.into_iter().next().ok_or_else(|| Error::new(ErrorKind::Internal, "the file has no application"))
}

/// The document of `init`.
#[derive(Serialize)]
struct InitDocument {
    file: PathBuf,
    examples: Vec<PathBuf>,
    state: PathBuf,
    next: Vec<String>,
    #[serde(skip)]
    missing: Option<String>,
}

impl Document for InitDocument {
    const KIND: &'static str = "Init";
}

fn human(document: &InitDocument) -> String {
    let word = paint(GREEN, "Written:");
    let files = std::iter::once(&document.file).chain(&document.examples);
    let files: String = files
        .flat_map(|file| [word.clone(), " ".to_owned(), escape(&file.to_string_lossy()), "\n".to_owned()])
        .collect();
    let next = document.next.iter().map(|command| format!("  {}\n", paint(BOLD, escape(command))));
    let next: String = next.collect();
    let state = document.state.display();
    let edit = document.missing.as_ref().map_or_else(String::new, |url| {
        let file = escape(&document.file.to_string_lossy());
        format!("  write the URL or path of your repository into {file}: {} is not there\n", escape(url))
    });
    format!("{files}{word} {state} (keep it out of the repository)\nNext:\n{edit}{next}")
}

fn check_is_free(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(_) => Err(is_there(path)),
        Err(_) => Ok(()),
    }
}

fn is_there(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, "the file is there already; it is not overwritten")
        .help("edit it, or name another with `-f FILE`; `--path` names another folder of the source")
        .with("path", path.display())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
            Io::AlreadyExists => is_there(path),
            _ => Error::from(error).help("see that the folder can be written").with("path", path.display()),
        })?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

/// Has Git leave the folder of the states alone. A state that is elsewhere, or a folder that has a say of its own, stays as it is.
fn keep_out_of_git(state: &Path) {
    let Some(states) = state.parent().filter(|states| states.ends_with(".gitops")) else { return };
    let file = OpenOptions::new().write(true).create_new(true).open(states.join(".gitignore"));
    // Without it `git add --all` takes the states in, which the line above warns of.
    let _ = file.and_then(|mut file| file.write_all(b"*\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use gitops_app::config::GitRef;

    fn args(line: &[&str]) -> InitArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: InitArgs,
        }
        Line::try_parse_from([&["init"], line].concat()).unwrap().args
    }

    fn config(line: &[&str]) -> Config {
        let args = args(line);
        let source = Source::of(&args, Path::new(".")).unwrap();
        only(Path::new("gitops.yaml"), &configuration(&args, &source)).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_as_it_was_meant() {
        let url = "https://example.org/a b: c.git";
        let config = config(&["--url", url, "--branch", "true"]);
        assert_eq!((config.name.as_str(), config.source.url.as_str()), ("site", url));
        assert_eq!(config.source.reference, GitRef::Branch("true".to_owned()));
    }

    #[test]
    fn a_repository_above_the_configuration_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("deploy/prod");
        std::fs::create_dir_all(&base).unwrap();
        let args = args(&["--kubernetes"]);
        let new = Source::of(&args, &base).unwrap();
        assert_eq!(
            (new.url.as_str(), new.branch.as_str(), new.path.as_str(), new.is_new),
            (".", "main", "k8s", true)
        );
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join(".git/HEAD"), "ref: refs/heads/trunk\n").unwrap();
        let found = Source::of(&args, &base).unwrap();
        assert_eq!(
            (found.url.as_str(), found.branch.as_str(), found.path.as_str()),
            ("../..", "trunk", "deploy/prod/k8s")
        );
        assert_eq!((found.folder, found.is_new), (Some(base.join("k8s")), false));
    }
}
