//! `gitops init`: writes a commented configuration and makes the state folder.

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
use crate::app::App;
use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, GREEN, paint};

/// Refuses to overwrite anything.
pub fn run(app: &App, args: &InitArgs) -> Ended {
    let text = text(args);
    let config = only(&app.file, &text)?;
    place::check_apart(std::slice::from_ref(&config))?;
    write(&app.file, &text)?;
    let state = StateDir::open(&config.state, &app.cx)?;
    let document = InitDocument { file: app.file.clone(), state: state.path().to_owned() };
    app.screen.answer(&document, || human(&document, &app.command("plan")))?;
    Ok(Exit::Ok)
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
    state: PathBuf,
}

impl Document for InitDocument {
    const KIND: &'static str = "Init";
}

fn human(document: &InitDocument, plan: &str) -> String {
    let InitDocument { file, state } = document;
    let word = paint(GREEN, "Written:");
    format!(
        "{word} {}\n{word} {} (keep it out of the repository)\nLook at what would be done:  {}\n",
        file.display(),
        state.display(),
        paint(BOLD, plan)
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let error = match error.kind() {
            Io::AlreadyExists => {
                Error::new(ErrorKind::Conflict, "the file is there already; it is not overwritten")
                    .help("edit it, or name another with `-f FILE`")
            }
            _ => Error::from(error).help("see that the folder is there and can be written"),
        };
        error.with("path", path.display())
    })?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

/// The configuration with what each part means. Values are written as JSON texts, which are YAML as well.
fn text(args: &InitArgs) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "# What this application is called: part of every plan and audit record.
name: {}

# Where desired state comes from. Paths are relative to this file.
source:
  git:
    url: {}
    ref: {{ branch: {} }}   # or tag: v1.2.3, semver: \">=1, <2\", commit: 40 digits
    path: {}
    # ignore: [\"*.md\"]      # files to leave out; include: [...] takes only some
    # auth: {{ token: {{ env: GIT_TOKEN }} }}

# What is kept equal to it: files below a folder.
target:
  directory: {{ root: {} }}
  # or a cluster:  kubernetes: {{ context: prod, namespace: shop }}
  # or root modules:  terraform: {{ binary: tofu }}

# All optional; these are the defaults.
sync:
  prune: true        # delete what is no longer declared
  drift: correct     # or report: tell of changes made behind our back and leave them
  adopt: false       # take over files that are in the way and belong to nobody
  interval: 60s      # how often `gitops run` looks where nothing tells of news

# Journal, inventory, mirror and audit log. Never lose it, never share it.
state: {}
",
        quoted(&args.name),
        quoted(&args.url),
        quoted(&args.branch),
        quoted(&args.path),
        quoted(&args.root),
        quoted(&format!("./.gitops/{}", args.name)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_app::config::GitRef;

    fn args(name: &str, url: &str, branch: &str) -> InitArgs {
        let text = str::to_owned;
        InitArgs {
            name: text(name),
            url: text(url),
            branch: text(branch),
            path: text("."),
            root: text("./live"),
        }
    }

    #[test]
    fn what_is_written_reads_back_as_it_was_meant() {
        let url = "https://example.org/a b: c.git";
        let config = only(Path::new("gitops.yaml"), &text(&args("site", url, "true"))).unwrap();
        assert_eq!((config.name.as_str(), config.source.url.as_str()), ("site", url));
        assert_eq!(config.source.reference, GitRef::Branch("true".to_owned()));
    }
}
