//! The main job from clone to rollback, in one command: `cargo run -p quickstart [URL]`.
//!
//! It makes a Git repository of the files in `site/` (or clones the one at the URL), applies it to a folder, takes a new
//! commit, repairs drift, rolls back and returns, and says what it does. All of it happens in a temporary folder.

mod repository;
mod story;

use std::process::ExitCode;

use gitops_core::{Error, Result};

use repository::Repository;
use story::Story;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match arguments.as_slice() {
        [] => tell(None).await,
        [url] if !url.starts_with('-') => tell(Some(url)).await,
        _ => {
            eprintln!(
                "usage: cargo run -p quickstart [URL]\n\nURL: a Git repository to use instead of the built-in one"
            );
            return ExitCode::from(64);
        }
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &Error) {
    eprintln!("error: {error:#}");
    error.diagnostics().iter().take(10).for_each(|diagnostic| eprintln!("  {diagnostic}"));
    if let Some(help) = error.help_text() {
        eprintln!("  = help: {help}");
    }
}

async fn tell(url: Option<&str>) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("gitops-quickstart-").tempdir()?;
    let repository = match url {
        None => Repository::of_site(folder.path())?,
        Some(url) => Repository::cloned(folder.path(), url)?,
    };
    let mut story = Story::begin(folder.path(), repository).await?;
    story.first_apply().await?;
    story.new_commit().await?;
    story.drift().await?;
    story.rollback().await?;
    story.end().await
}
