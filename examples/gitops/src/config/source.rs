//! The source: a Git repository.

use std::path::Path;

use gitops_core::Span;

use super::auth::{self, Auth};
use super::node::{Node, Place, Shape};
use super::reader::Reader;

/// A Git repository and what of it is followed.
#[derive(Debug)]
pub struct GitConfig {
    /// The URL or path; a path is relative to the configuration's folder.
    pub url: String,
    /// What is followed.
    pub reference: GitRef,
    /// The folder below the repository's root; empty for all of it.
    pub path: String,
    /// Which files to take, and where that is written: globs; empty for all.
    pub include: Vec<(String, Span)>,
    /// Which files to leave out, and where that is written: globs.
    pub ignore: Vec<(String, Span)>,
    /// How to log in.
    pub auth: Auth,
    /// Where its parts are described, for errors that only the source itself can find.
    pub places: Places,
}

/// Where the parts of a source are described.
#[derive(Debug)]
pub struct Places {
    /// All of it.
    pub git: Span,
    /// What is followed.
    pub reference: Span,
    /// How to log in.
    pub auth: Span,
}

/// What of a repository is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitRef {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest version tag in a range.
    Semver(String),
    /// One commit.
    Commit(String),
}

const KEYS: [&str; 6] = ["url", "ref", "path", "include", "ignore", "auth"];
const REFS: [&str; 4] = ["branch", "tag", "semver", "commit"];

/// Reads `source:`.
pub fn read(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<GitConfig> {
    let (_, place, node) = super::one_kind(reader, node, "`source`", owner, &["git"], &[])?;
    let fields = reader.fields(node, "`git`", place, &KEYS)?;
    let url = fields.require("url", "url: ./site.git").and_then(|(_, node)| url(reader, node));
    let followed = fields.require("ref", "ref: { branch: main }");
    let reference = followed.and_then(|(place, node)| reference(reader, node, place));
    let globs =
        |name: &str| fields.get(name).map(|(_, node)| reader.placed_texts(node, &format!("`{name}`")));
    let (include, ignore) = (globs("include").unwrap_or_default(), globs("ignore").unwrap_or_default());
    let path = fields.get("path").and_then(|(_, node)| folder(reader, node));
    let login = fields.get("auth");
    let auth = login.map_or(Some(Auth::None), |(place, node)| auth::read(reader, node, place, base));
    let span = |part: Option<(Place, &Node)>| reader.span(part.map_or(place, |(place, _)| place));
    Some(GitConfig {
        url: url?,
        reference: reference?,
        path: path.unwrap_or_default(),
        include,
        ignore,
        auth: auth?,
        places: Places { git: reader.span(place), reference: span(followed), auth: span(login) },
    })
}

fn url(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let url = reader.text(node, "`url`")?;
    if holds_password(&url) {
        let help =
            "take it out of the URL and name an environment variable: `auth: { token: { env: NAME } }`";
        reader.fault_in_secret("GO0114", node.place, "`url` holds a password", help);
        return None;
    }
    Some(url)
}

fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':'))
}

fn reference(reader: &Reader<'_>, node: &Node, owner: Place) -> Option<GitRef> {
    let fields = reader.fields(node, "`ref`", owner, &REFS)?;
    let (kind, node) = fields.exactly_one(&REFS, "branch: main")?;
    let text = reader.text(node, &format!("`{kind}`"))?;
    Some(match kind {
        "branch" => GitRef::Branch(text),
        "tag" => GitRef::Tag(text),
        "semver" => GitRef::Semver(text),
        _ => GitRef::Commit(text),
    })
}

/// A folder below the root; `.` and `/` at its ends mean nothing.
pub fn folder(reader: &Reader<'_>, node: &Node) -> Option<String> {
    if matches!(&node.shape, Shape::Text(text) if text.is_empty()) {
        return None;
    }
    let text = reader.text(node, "`path`")?;
    let path = text.trim_start_matches("./").trim_end_matches('/');
    let leaves = |part: &str| matches!(part, "" | "." | "..");
    match path {
        "." | "" => None,
        path if path.split('/').any(leaves) => {
            let message = format!("`path` must stay below the root of the source, not `{text}`");
            reader.fault("GO0110", node.place, message, "write it as `folder/folder`");
            None
        }
        path => Some(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_no_password() {
        assert!(holds_password("https://me:hunter2@example.org/x"));
        assert!(!holds_password("https://me@example.org/x"));
        assert!(!holds_password("git@example.org:x"));
    }
}
