use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gitops_core::Revision;
use gitops_git::{GitSource, GitSourceBuilder};
use tempfile::TempDir;

/// A worktree with its repository, made by the real git, and a folder for mirrors beside it.
pub struct Repo {
    home: TempDir,
}

impl Repo {
    /// An empty repository whose branch will be `main`.
    pub fn empty() -> Self {
        let repo = Self { home: TempDir::with_prefix("gitops-git-").unwrap() };
        fs::create_dir(repo.path()).unwrap();
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    /// A repository with one commit of these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::empty();
        repo.commit(files);
        repo
    }

    pub fn path(&self) -> PathBuf {
        self.home.path().join("site")
    }

    pub fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// A folder for what else a test needs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn mirrors(&self) -> PathBuf {
        self.home.path().join("mirrors")
    }

    /// A source of this repository with mirrors of its own.
    pub fn source(&self) -> GitSourceBuilder {
        self.source_of(self.url())
    }

    /// A source of another URL, with this repository's folder of mirrors.
    pub fn source_of(&self, url: impl Into<String>) -> GitSourceBuilder {
        GitSource::builder(url).mirrors(self.mirrors())
    }

    /// Writes files and commits everything.
    pub fn commit(&self, files: &[(&str, &str)]) -> Revision {
        for (path, text) in files {
            let file = self.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.commit_index(&format!("Change {}", files.first().map_or("nothing", |(path, _)| path)))
    }

    /// Commits what is in the index.
    pub fn commit_index(&self, message: &str) -> Revision {
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.revision("HEAD")
    }

    pub fn revision(&self, name: &str) -> Revision {
        Revision::new(self.git(&["rev-parse", name]), name)
    }

    /// Makes the branch point at a commit of the tree that these lines of `git mktree` describe.
    pub fn commit_tree(&self, lines: &[u8]) {
        let tree = self.git_with(&["mktree", "--missing", "-z"], lines);
        let commit = self.git(&["commit-tree", &tree, "-m", "Hostile"]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }

    /// Writes a blob and gives its id.
    pub fn blob(&self, bytes: &[u8]) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], bytes)
    }

    /// What git prints, without the line break at its end.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, b"")
    }

    pub fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.try_git(arguments, input);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn try_git(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = isolated_git(&self.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is on PATH");
        let mut stdin = child.stdin.take().unwrap();
        // A git that wants no input closes the pipe early.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().unwrap()
    }
}

/// The real git, free of the configuration of whoever runs the tests.
fn isolated_git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@example.org"),
        ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z"),
        ("GIT_COMMITTER_NAME", "Ada"),
        ("GIT_COMMITTER_EMAIL", "ada@example.org"),
        ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ] {
        git.env(name, value);
    }
    git
}
