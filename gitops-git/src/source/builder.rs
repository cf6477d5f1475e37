use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use gitops_core::Result;
use tokio::sync::OnceCell;

use super::{GitSource, Inner};
use crate::credentials::Credentials;
use crate::fault::{invalid, shown};
use crate::limits::GitLimits;
use crate::mirror::Mirror;
use crate::pattern::Pattern;
use crate::reference::GitRef;
use crate::rules::Rules;
use crate::signature::Signers;
use crate::tree::Survey;
use crate::url::{GitUrl, Transport};

/// What a [`GitSource`] is made from.
#[derive(Clone, Debug)]
#[must_use]
pub struct GitSourceBuilder {
    url: String,
    base: PathBuf,
    follows: Option<GitRef>,
    path: String,
    include: Vec<Pattern>,
    ignore: Vec<Pattern>,
    mirrors: PathBuf,
    credentials: Credentials,
    limits: GitLimits,
    tolerated: Vec<String>,
    authorities: Option<PathBuf>,
    signers: Option<Signers>,
    author: (String, String),
    program: Option<PathBuf>,
}

impl GitSourceBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            base: PathBuf::new(),
            follows: None,
            path: String::new(),
            include: Vec::new(),
            ignore: Vec::new(),
            mirrors: ".gitops/mirrors".into(),
            credentials: Credentials::None,
            limits: GitLimits::default(),
            tolerated: Vec::new(),
            authorities: None,
            signers: None,
            author: ("gitops".into(), "gitops@localhost".into()),
            program: None,
        }
    }

    /// The folder from which all relative paths start; otherwise the current one.
    pub fn base(mut self, folder: impl Into<PathBuf>) -> Self {
        self.base = folder.into();
        self
    }

    /// What is followed; otherwise the branch `main`.
    pub fn reference(mut self, reference: GitRef) -> Self {
        self.follows = Some(reference);
        self
    }

    /// The folder below the repository's root whose files count; otherwise the root.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Lets only files through that fit this pattern or another that was given so.
    ///
    /// Patterns are written as in a `.gitignore`, from the followed folder: `*.yaml` fits in any folder, `/apps/` only that
    /// folder and all in it. Whoever renders never sees a file that was not let through. Other patterns give folders
    /// other ids, so a change of them is noticed without a new commit.
    pub fn include(mut self, pattern: impl Into<Pattern>) -> Self {
        self.include.push(pattern.into());
        self
    }

    /// Holds back what fits this pattern: files, folders with all in them, and links and submodules, which would be errors
    /// otherwise. The last pattern that fits decides; one that begins with `!` takes back what an earlier one ignored.
    pub fn ignore(mut self, pattern: impl Into<Pattern>) -> Self {
        self.ignore.push(pattern.into());
        self
    }

    /// The folder of all mirrors, to be shared by all sources that can; otherwise `.gitops/mirrors`.
    pub fn mirrors(mut self, folder: impl Into<PathBuf>) -> Self {
        self.mirrors = folder.into();
        self
    }

    /// Who we are to the server.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// The file with the certificates of the authorities that sign the server's, in PEM; the system's do not count then. For
    /// https only.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities = Some(path.into());
        self
    }

    /// Takes a history in which `git fsck` finds this fault of format, by the name that it prints, such as
    /// `zeroPaddedFilemode` or `badTimezone`: old programs wrote such. Only faults that can't deceive anybody may be named.
    pub fn tolerate(mut self, fault: impl Into<String>) -> Self {
        self.tolerated.push(fault.into());
        self
    }

    /// Other limits than the default ones.
    pub fn limits(mut self, limits: GitLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The people whose signatures of commits are verified, and named with the commits; nobody's are otherwise.
    ///
    /// A signature that can't be verified is none: rules that want one must say so.
    pub fn signers(mut self, signers: Signers) -> Self {
        self.signers = Some(signers);
        self
    }

    /// Who makes the commits of [`GitSource::revert`].
    pub fn author(mut self, name: impl Into<String>, email: impl Into<String>) -> Self {
        self.author = (name.into(), email.into());
        self
    }

    /// The `git` program; otherwise the first on `PATH`, looked up once.
    pub fn git_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Makes the source. Nothing is read or written yet but the current folder's name.
    ///
    /// # Errors
    /// `Invalid` for a URL, path, pattern or name that can't be used, and for credentials that do not fit the URL;
    /// `Unsupported` for a scheme that is not supported.
    pub fn build(self) -> Result<GitSource> {
        let base =
            std::path::absolute(if self.base.as_os_str().is_empty() { Path::new(".") } else { &self.base })?;
        let url = GitUrl::parse(&self.url)?.relative_to(&base)?;
        let credentials = self.credentials.relative_to(&base);
        credentials.check(&url)?;
        check_authorities(&url, self.authorities.as_deref())?;
        self.tolerated.iter().try_for_each(|fault| check_tolerated(fault))?;
        let author = author(self.author)?;
        let inner = Inner {
            mirror: Mirror::new(&base.join(&self.mirrors), &url, &self.tolerated),
            url,
            follows: self.follows.map_or_else(|| GitRef::branch("main"), Ok)?,
            path: folder(&self.path)?,
            rules: Arc::new(Rules::new(&self.include, &self.ignore)?),
            limits: Arc::new(self.limits),
            credentials,
            tolerated: self.tolerated,
            authorities: self.authorities.map(|path| base.join(path)),
            signers: self.signers,
            author: author.clone(),
            program: self.program.map(|program| base.join(program)),
            git: OnceCell::new(),
            is_old: AtomicBool::new(false),
            survey: Mutex::new(Survey::default()),
            watch: OnceLock::new(),
        };
        Ok(GitSource(Arc::new(inner), author))
    }
}

/// What `git fsck` may find that is wrong in form and says nothing else than what it should.
const OF_FORMAT: [&str; 12] = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

fn check_tolerated(fault: &str) -> Result<()> {
    match OF_FORMAT.contains(&fault) {
        true => Ok(()),
        false => Err(invalid(format!("`{}` is no fault that can be tolerated", shown(fault, 60)))
            .help(format!("these can: {}", OF_FORMAT.join(", ")))),
    }
}

fn check_authorities(url: &GitUrl, file: Option<&Path>) -> Result<()> {
    match (file, url.transport()) {
        (None, _) | (_, Transport::Http { secure: true, .. }) => Ok(()),
        _ => Err(invalid("a file of certificates is for https URLs only")
            .help("take it away, or use the https URL")),
    }
}

/// The parts of a path with one slash between them.
fn folder(path: &str) -> Result<String> {
    let relative = path.trim_end_matches('/');
    let parts: Vec<_> = relative.split('/').filter(|part| *part != ".").collect();
    let is_odd = |part: &&str| part.is_empty() || *part == ".." || part.contains(char::is_control);
    match relative.is_empty() && !path.starts_with('/') || !parts.iter().any(is_odd) {
        true => Ok(parts.join("/")),
        false => Err(invalid(format!("`{}` is not a path below the repository's root", shown(path, 120)))
            .help("write it without a slash at its beginning and without `..`")),
    }
}

pub(super) fn author((name, email): (String, String)) -> Result<(String, String)> {
    let is_odd =
        |text: &String| text.is_empty() || text.contains(|c: char| c.is_control() || c == '<' || c == '>');
    match is_odd(&name) || is_odd(&email) {
        true => {
            Err(invalid("the author's name or address is empty or holds `<`, `>` or a control character")
                .help("give a name such as `gitops` and an address such as `gitops@example.org`"))
        }
        false => Ok((name, email)),
    }
}
