//! Promotion: what one application declares of versions is copied to another one of the same repository.
//!
//! Only what is proven to be the version of the same thing is touched: the image of the same container of the same object, of
//! the same repository; an image of a kustomization; a dependency of a chart; a `tag` or `digest` beside an equal `repository`
//! in values; the version of a module of Terraform with the same source; and whole files that somebody names. In a file only the
//! words of the value change: comments, order and quotes stay. Everything else that differs is told of.

mod compare;
mod edit;
mod ended;
mod files;
mod hcl;
mod keep;
mod version;

pub use ended::end;
pub use keep::{Kept, Proposed};

use std::collections::BTreeMap;

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};
use gitops_forge::{ChangeRequest, Forge, NewRequest};
use serde::Serialize;

use crate::config::{Config, GitRef, PromoteConfig};
use crate::rollback;
use crate::session::Session;

/// What a promotion changes, and what else differs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Promotion {
    /// The application whose versions are taken.
    pub from: String,
    /// The application that gets them.
    pub to: String,
    /// The revision at which both were read.
    pub revision: Revision,
    /// What changes.
    pub changes: Vec<VersionChange>,
    /// What looks like a version and is not touched.
    pub left: Vec<LeftVersion>,
    /// The files that differ besides.
    pub others: Vec<OtherFile>,
    /// Patterns of files to be copied that fit no file of the application whose versions are taken.
    #[serde(skip)]
    pub unmatched: Vec<String>,
    /// The new content of files, from the root of the repository.
    #[serde(skip)]
    files: BTreeMap<String, Vec<u8>>,
    /// The branch into which it is to be merged.
    #[serde(skip)]
    target: String,
    /// Whether it is what a rule of the configuration promotes by itself.
    #[serde(skip)]
    is_by_rule: bool,
}

/// A version that changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct VersionChange {
    /// The file, from the root of the repository.
    pub file: String,
    /// The line, from 1; 0 for a whole file.
    pub line: u32,
    /// What it is the version of.
    pub what: String,
    /// The version that it had.
    pub before: String,
    /// The version that it gets.
    pub after: String,
    /// Whether the version is a name that can move, such as a tag: what runs may then be another thing than what ran.
    pub can_move: bool,
}

/// What looks like a version and is not touched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct LeftVersion {
    /// The file, from the root of the repository.
    pub file: String,
    /// The line, from 1; 0 for a whole file.
    pub line: u32,
    /// What it is.
    pub what: String,
    /// Why it is left.
    pub why: String,
}

/// A file that differs besides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct OtherFile {
    /// Its name below both folders.
    pub path: String,
    /// How it differs.
    pub how: How,
}

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// Both have it, with another content.
    Differs,
    /// Only the application has it whose versions are taken.
    OnlyFrom,
    /// Only the application has it that gets them.
    OnlyTo,
}

impl Promotion {
    /// Compares two applications of one repository at the newest revision of the branch that the second one follows. `whole` are
    /// patterns of files, named from the applications' folders, that are copied as they are.
    ///
    /// # Errors
    /// `Invalid` if they are not of one repository, or have one folder, or a pattern is none; `Unsupported` if it is not a branch that
    /// the second one follows; `Limit` for too much to compare; what keeps the source from being read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn between(cx: &Cx, from: &Session, to: &Session, whole: &[String]) -> Result<Self> {
        let revision = to.engine.source().resolve(cx).await?;
        Self::at(cx, (from, &revision), (to, &revision), whole).await
    }

    /// The same where the first application is held to another revision: what it declares there.
    ///
    /// # Errors
    /// Those of [`between`](Self::between).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn between_held(
        cx: &Cx,
        from: &Session,
        held: &Revision,
        to: &Session,
        whole: &[String],
    ) -> Result<Self> {
        let revision = to.engine.source().resolve(cx).await?;
        Self::at(cx, (from, held), (to, &revision), whole).await
    }

    async fn at(
        cx: &Cx,
        (from, held): (&Session, &Revision),
        (to, revision): (&Session, &Revision),
        whole: &[String],
    ) -> Result<Self> {
        let target = check(&from.config, &to.config)?;
        let ours = from.engine.source().fetch(cx, held).await?;
        let theirs = to.engine.source().fetch(cx, revision).await?;
        let (folder, patterns) = (to.config.source.path.clone(), whole.to_vec());
        let is_by_rule = |rule: &PromoteConfig| rule.from == from.config.name && rule.files == whole;
        let is_by_rule = to.config.promote.as_ref().is_some_and(is_by_rule);
        let found = cx.off_thread(move |_| {
            let [ours, theirs] = [&ours, &theirs].map(files::all);
            compare::compare(&ours?, &theirs?, &folder, &patterns)
        });
        let compare::Compared { changes, left, others, files, unmatched } = found.await??;
        let (from, to) = (from.config.name.clone(), to.config.name.clone());
        let revision = held.clone();
        Ok(Self { from, to, revision, changes, left, others, unmatched, files, target, is_by_rule })
    }

    /// Whether there is nothing to promote.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Makes the commit, pushes it to a branch of its own, and opens the request. The same promotion has the same commit, branch and
    /// request, however often it is opened. What a rule of the configuration promotes too has the one request of the rule, which
    /// gets these versions.
    ///
    /// # Errors
    /// `Conflict` if somebody else pushed to the branch of the rule. `Forbidden` if we may not push or open a request; those of the forge.
    ///
    /// # Cancel safety
    /// If the future is dropped, some of it was done; make the call again.
    pub async fn open(&self, cx: &Cx, to: &Session, forge: &dyn Forge) -> Result<ChangeRequest> {
        if self.is_by_rule {
            let open = self.open_request(cx, forge).await?;
            return self.bring(cx, to, forge, open, false).await;
        }
        let title = self.title();
        let message = format!("{title}\n\n{}\n", self.lines().join("\n"));
        let git = rollback::proposing(cx, &to.git, forge).await?;
        let commit = git.edited(cx, &self.revision, self.files.clone(), &message).await?;
        let branch = format!("gitops/promote-{}-to-{}-{}", self.from, self.to, commit.short());
        to.git.push_to_branch(cx, &commit, &branch).await?;
        let new = NewRequest::new(branch, &self.target, title).body(self.body());
        rollback::opened(cx, forge, &new).await
    }

    fn title(&self) -> String {
        keep::title(&self.from, &self.to)
    }

    fn lines(&self) -> Vec<String> {
        let line = |change: &VersionChange| {
            format!("{}: {}: {} -> {}", change.file, change.what, change.before, change.after)
        };
        self.changes.iter().map(line).collect()
    }

    /// The text of the request: names and versions are of others, so they stand in a block of code that none of them can end.
    fn body(&self) -> String {
        let moving = self.changes.iter().filter(|change| change.can_move).count();
        let mut text = format!("The versions that `{}` declares at {}.\n\n", self.from, self.revision.id());
        text += &block(self.lines());
        if moving > 0 {
            let note = "of them are names that can move: what runs may be another thing than what ran.";
            text.extend(["\n", &moving.to_string(), " ", note, "\n"]);
        }
        if !self.left.is_empty() {
            text += "\nThese look like versions and are not touched:\n\n";
            text +=
                &block(self.left.iter().map(|left| format!("{}: {}: {}", left.file, left.what, left.why)));
        }
        if !self.others.is_empty() {
            text += "\nThese files differ besides:\n\n";
            text += &block(self.others.iter().map(|other| format!("{} ({})", other.path, other.how)));
        }
        text
    }
}

/// How many lines a block of the request's text has at most.
const LINES: usize = 100;

/// How long a line of it is at most, in characters.
const LINE: usize = 200;

/// Lines as a block of code.
fn block(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().collect();
    let more = lines.len().saturating_sub(LINES);
    let shown =
        lines.iter().take(LINES).map(|line| format!("    {}\n", gitops_core::text::shown(line, LINE)));
    let text: String = shown.collect();
    if more > 0 { format!("{text}    … and {more} more\n") } else { text }
}

impl std::fmt::Display for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Differs => "differs",
            Self::OnlyFrom => "only there",
            Self::OnlyTo => "only here",
        })
    }
}

/// The branch into which a promotion is merged.
fn check(from: &Config, to: &Config) -> Result<String> {
    let invalid = |message: String, help: &str| Err(Error::new(ErrorKind::Invalid, message).help(help));
    if from.source.url != to.source.url {
        let message = format!("`{}` and `{}` are of two repositories", from.name, to.name);
        return invalid(message, "a promotion copies within one repository");
    }
    if from.source.path == to.source.path {
        let message = format!("`{}` and `{}` are declared in one folder", from.name, to.name);
        return invalid(message, "there is nothing to copy; they differ in what the configuration says");
    }
    match &to.source.reference {
        GitRef::Branch(branch) => Ok(branch.clone()),
        _ => Err(Error::new(ErrorKind::Unsupported, "a request is merged into a branch")
            .help(format!("let `{}` follow a branch", to.name))),
    }
}
