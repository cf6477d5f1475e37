//! The source: a Git repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::auth::{self, Auth};
use super::node::{Node, Place, Shape};
use super::reader::{Reader, Written};

/// A Git repository and what of it is followed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GitConfig {
    /// The URL or path.
    pub url: String,
    /// The folder from which a relative path starts: that of the file in which it is written.
    pub base: PathBuf,
    /// What is followed.
    pub reference: GitRef,
    /// The folder below the repository's root; empty for all of it.
    pub path: String,
    /// Which files to take, and where that is written: globs; empty for all.
    pub include: Vec<(String, Written)>,
    /// Which files to leave out, and where that is written: globs.
    pub ignore: Vec<(String, Written)>,
    /// How to log in.
    pub auth: Auth,
    /// The file with the certificates of the server's authorities.
    pub ca_file: Option<PathBuf>,
    /// The list of people and the keys with which they sign commits, and where that is written.
    pub signers: Option<(PathBuf, Written)>,
    /// Faults of format that `git fsck` finds in its history, and that are taken.
    pub tolerate: Vec<String>,
    /// Bounds that are not the default ones, by their names; the time in seconds.
    pub limits: BTreeMap<&'static str, u64>,
    /// Where its parts are described, for errors that only the source itself can find.
    pub places: Places,
}

/// Where the parts of a source are described.
#[derive(Clone, Debug)]
pub struct Places {
    /// All of it.
    pub git: Written,
    /// What is followed.
    pub reference: Written,
    /// How to log in.
    pub auth: Written,
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

impl GitRef {
    /// Whether it follows the branch of this name.
    ///
    /// ```
    /// use gitops_app::config::GitRef;
    ///
    /// assert!(GitRef::Branch("main".to_owned()).is_branch("main"));
    /// assert!(!GitRef::Tag("main".to_owned()).is_branch("main"));
    /// ```
    pub fn is_branch(&self, name: &str) -> bool {
        matches!(self, Self::Branch(branch) if branch == name)
    }
}

const KEYS: [&str; 9] = ["url", "ref", "path", "include", "ignore", "auth", "signers", "tolerate", "limits"];
const REFS: [&str; 4] = ["branch", "tag", "semver", "commit"];

/// Reads `source:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<GitConfig> {
    let (_, place, node) = super::one_kind(reader, node, "`source`", owner, &["git"], &[])?;
    let fields = reader.fields(node, "`git`", place, &KEYS)?;
    let url = fields
        .require("url", "url: ./site.git")
        .and_then(|(_, node)| Some((url(reader, node)?, reader.base(node.place))));
    let followed = fields.require("ref", "ref: { branch: main }");
    let reference = followed.and_then(|(place, node)| reference(reader, node, place));
    let globs = |found: Option<(Place, &Node)>, name: &str| {
        found.map(|(_, node)| reader.placed_texts(node, name)).unwrap_or_default()
    };
    let include = globs(fields.limit("include"), "`include`");
    let ignore = globs(fields.get("ignore"), "`ignore`");
    let path = fields.get("path").and_then(|(_, node)| folder(reader, node));
    let login = fields.get("auth");
    let auth = login.map_or(Some((Auth::None, None)), |(place, node)| auth::read(reader, node, place));
    let signers = fields
        .get("signers")
        .and_then(|(place, node)| Some((reader.path(node, "`signers`")?, reader.written(place))));
    let tolerate = fields.get("tolerate").map(|(_, node)| reader.texts(node, "`tolerate`"));
    let limits = fields.get("limits").map(|(place, node)| limits(reader, node, place));
    let written = |part: Option<(Place, &Node)>| reader.written(part.map_or(place, |(place, _)| place));
    let ((auth, ca_file), (url, base)) = (auth?, url?);
    Some(GitConfig {
        url,
        base: base.to_owned(),
        reference: reference?,
        path: path.unwrap_or_default(),
        include,
        ignore,
        auth,
        ca_file,
        signers,
        tolerate: tolerate.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        places: Places { git: reader.written(place), reference: written(followed), auth: written(login) },
    })
}

/// The bounds that can be set, as the source names them; the time in seconds.
pub(crate) const LIMITS: [&str; 12] = [
    "file_bytes",
    "folder_entries",
    "tree_entries",
    "depth",
    "path_bytes",
    "pack_bytes",
    "refs",
    "kept_revisions",
    "history",
    "commits",
    "memory",
    "time",
];

fn limits(reader: &Reader, node: &Node, owner: Place) -> BTreeMap<&'static str, u64> {
    let Some(fields) = reader.fields(node, "`limits`", owner, &LIMITS) else { return BTreeMap::new() };
    let amount = |name: &'static str| {
        let (_, node) = fields.get(name)?;
        Some(match name {
            "time" => (name, super::duration_of(reader, &fields, name)?.as_secs()),
            _ => (name, reader.amount(node, &format!("`{name}`"))?),
        })
    };
    LIMITS.iter().filter_map(|name| amount(name)).collect()
}

/// A URL that holds no secret.
pub fn url(reader: &Reader, node: &Node) -> Option<String> {
    let url = reader.text(node, "`url`")?;
    if holds_secret(&url) {
        let help =
            "take it out of the URL and name an environment variable: `auth: { token: { env: NAME } }`";
        reader.fault_in_secret("GO0114", node.place, "`url` holds a password or a token", help);
        return None;
    }
    Some(url)
}

/// Whoever stands before the `@` of an http URL may be a token, and so may all behind a `?`. Over ssh only a user can stand
/// there.
fn holds_secret(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let is_http = ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| is_http || user.contains(':')) || (is_http && rest.contains(['?', '#']))
}

fn reference(reader: &Reader, node: &Node, owner: Place) -> Option<GitRef> {
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
pub fn folder(reader: &Reader, node: &Node) -> Option<String> {
    if matches!(&node.shape, Shape::Text(text) if text.is_empty()) {
        reader.fault("GO0110", node.place, "`path` is empty", "write `.` if all of it is meant");
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
    fn a_user_of_ssh_is_no_secret() {
        for url in [
            "https://me:hunter2@example.org/x",
            "https://glpat-0123@example.org/x",
            "https://example.org/x?private_token=hunter2",
            "HTTP://x@example.org",
            "me:hunter2@example.org:x",
            "ssh://me:hunter2@example.org/x",
        ] {
            assert!(holds_secret(url), "{url}");
        }
        for url in ["git@example.org:x", "ssh://git@example.org/x", "https://example.org/x", "./a@b"] {
            assert!(!holds_secret(url), "{url}");
        }
    }
}
