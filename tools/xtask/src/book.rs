//! The book: its pages by mdBook, and every link in them.

mod links;
mod snippets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::{cargo_tool, process, workspace};

const VERSION: &str = "0.5.4";

/// Builds the book into the target folder, and fails with every link that leads nowhere and every page whose examples nobody
/// compiles.
pub fn run() -> Result<()> {
    // Of what it can do besides, only the search is wanted.
    let tool = cargo_tool::installed("mdbook", VERSION, &["--no-default-features", "--features", "search"])?;
    let book = workspace::target()?.join("book");
    process::run(Command::new(tool).arg("build").arg(docs()).arg("--dest-dir").arg(&book))?;
    let pages = files(&book, "html")?;
    let mut faults = links::broken(&book, &pages)?;
    faults.extend(snippets::not_compiled()?);
    faults.extend(unlisted()?);
    match faults.is_empty() {
        true => {
            eprintln!("{} pages in {}", pages.len(), book.display());
            Ok(())
        }
        false => Err(Failure::new(format!("{} faults of the book\n{}", faults.len(), faults.join("\n")))),
    }
}

/// A line for each page of `docs/` that is no part of the book.
fn unlisted() -> Result<Vec<String>> {
    let summary = docs().join("SUMMARY.md");
    let listed = fs::read_to_string(&summary).at(&summary)?;
    let files = workspace::tracked_files()?;
    let pages = files.iter().filter_map(|file| file.strip_prefix("docs/"));
    let pages = pages.filter(|page| Path::new(page).extension().is_some_and(|is| is == "md"));
    let missing = pages.filter(|page| *page != "SUMMARY.md" && !listed.contains(&format!("({page})")));
    Ok(missing.map(|page| format!("  docs/{page}: it is not in docs/SUMMARY.md")).collect())
}

fn docs() -> PathBuf {
    workspace::root().join("docs")
}

/// All files of an extension in a folder and below it, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        match path.is_dir() {
            true => found.extend(files(&path, extension)?),
            false if path.extension().is_some_and(|is| is == extension) => found.push(path),
            false => {}
        }
    }
    found.sort();
    Ok(found)
}
