//! The error codes: what each means and what to do about it.

mod config;
mod core;
mod git;
mod kinds;
mod manifests;
mod terraform;

use gitops_core::ErrorKind;
use serde::Serialize;

/// What there is to know about an error code.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Page {
    /// The code: `GO` and four digits.
    pub code: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Something that brings it about.
    pub example: &'static str,
    /// How it comes about.
    pub cause: &'static str,
    /// The way out.
    pub fix: &'static str,
}

/// The code of a wrong command line.
pub const USAGE: &str = "GO0001";

/// All pages, in the order of their codes.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    kinds::PAGES
        .iter()
        .chain(&config::PAGES)
        .chain(&git::PAGES)
        .chain(&core::PAGES)
        .chain(&manifests::PAGES)
        .chain(&terraform::PAGES)
}

/// The page of a code.
pub fn page(code: &str) -> Option<&'static Page> {
    pages().find(|page| page.code == code)
}

/// The code of an error that has no place in a file: it stands for the kind.
pub const fn of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "GO0002",
        ErrorKind::Conflict => "GO0003",
        ErrorKind::NotOwned => "GO0004",
        ErrorKind::Unauthenticated => "GO0005",
        ErrorKind::Forbidden => "GO0006",
        ErrorKind::Denied => "GO0007",
        ErrorKind::NeedsApproval => "GO0008",
        ErrorKind::Invalid => "GO0009",
        ErrorKind::Limit => "GO0010",
        ErrorKind::Unavailable => "GO0011",
        ErrorKind::Timeout => "GO0012",
        ErrorKind::Cancelled => "GO0013",
        ErrorKind::Stale => "GO0014",
        ErrorKind::Corrupt => "GO0015",
        ErrorKind::Locked => "GO0016",
        ErrorKind::Storage => "GO0017",
        ErrorKind::Unsupported => "GO0018",
        _ => "GO0019",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The codes in quotes in all Rust files below a folder.
    fn used(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("gitops-app/src/codes") {
                continue;
            }
            if path.is_dir() {
                used(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let codes = text.split('"').filter(|word| is_code(word)).map(str::to_owned);
                found.extend(codes);
            }
        }
    }

    fn is_code(word: &str) -> bool {
        word.len() == 6 && word.starts_with("GO") && word[2..].bytes().all(|byte| byte.is_ascii_digit())
    }

    #[test]
    fn every_code_of_the_workspace_has_a_page_and_every_page_a_code() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::new();
        for krate in [
            "gitops-core",
            "gitops-git",
            "gitops-forge",
            "gitops-k8s",
            "gitops-terraform",
            "gitops-app",
            "gitops-server",
            "examples/gitops",
            "examples/controller",
        ] {
            used(&workspace.join(krate).join("src"), &mut found);
        }
        let pages: BTreeSet<String> = pages().map(|page| page.code.to_owned()).collect();
        assert_eq!(found, pages);
    }

    #[test]
    fn the_codes_are_in_order_and_each_is_there_once() {
        let codes: Vec<&str> = pages().map(|page| page.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    }
}
