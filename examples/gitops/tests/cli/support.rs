//! A folder with a repository, a configuration and whatever the command makes of them.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub const CONFIG: &str = "\
name: site
source:
  git: { url: ./repository, ref: { branch: main }, path: site }
target:
  directory: { root: ./live }
sync: { interval: 1s }
";

/// A world of its own for one test.
pub struct World {
    folder: TempDir,
}

/// What came of a run of the command.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A repository with `index.html` and `conf/app.toml` in its folder `site`, and a configuration.
    pub fn new() -> Self {
        let world = Self::empty();
        world.commit("Begin", &[("index.html", Some("one\ntwo\n")), ("conf/app.toml", Some("size = 1\n"))]);
        world
    }

    /// The same, applied.
    pub fn applied() -> Self {
        let world = Self::new();
        world.gitops(&["apply", "--yes"]).expect(0);
        world
    }

    /// A repository without a commit, and a configuration.
    pub fn empty() -> Self {
        let world = Self { folder: TempDir::new().expect("a temporary folder can be made") };
        world.git(&["init", "-q", "-b", "main", "."]);
        world.configure(CONFIG);
        world
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn configure(&self, text: &str) {
        fs::write(self.path("gitops.yaml"), text).unwrap();
    }

    /// Writes (or removes) files below `site` and commits them; gives the commit's id.
    pub fn commit(&self, message: &str, files: &[(&str, Option<&str>)]) -> String {
        for (name, content) in files {
            let path = self.path("repository/site").join(name);
            match content {
                Some(content) => write(&path, content),
                None => fs::remove_file(path).unwrap(),
            }
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs git in the repository and gives what it said.
    pub fn git(&self, arguments: &[&str]) -> String {
        let repository = self.path("repository");
        fs::create_dir_all(&repository).unwrap();
        let output = Command::new("git")
            .current_dir(repository)
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Alice"), ("GIT_AUTHOR_EMAIL", "alice@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Alice"), ("GIT_COMMITTER_EMAIL", "alice@example.org")])
            .output()
            .expect("these tests need the `git` program: install it");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command, not yet started, in an environment that says nothing about colours or files.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        for name in
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITOPS_FILE", "GITOPS_OUTPUT", "LOGNAME", "USER"]
        {
            command.env_remove(name);
        }
        command.env("GITOPS_ACTOR", "alice").env("HOME", self.folder.path());
        command
    }

    /// Runs the command to its end.
    pub fn gitops(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the command starts").into()
    }

    /// Runs the command with JSON as its answer and gives the document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.gitops(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The id of the plan that would be made now.
    pub fn plan_id(&self) -> String {
        self.json(&["plan"])["plan_id"].as_str().unwrap().to_owned()
    }

    /// A file of the target; nothing if it is not there.
    pub fn live(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path("live").join(name)).ok()
    }

    /// Changes a file of the target behind the command's back.
    pub fn edit_live(&self, name: &str, content: &str) {
        write(&self.path("live").join(name), content);
    }

    /// Every file of the target with its content, owner labels left out.
    pub fn all_live(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        collect(&self.path("live"), "", &mut files);
        files.sort();
        files
    }
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn collect(folder: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if !name.ends_with(".gitops") {
            files.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let code = output.status.code().unwrap_or_else(|| 1000 + output.status.signal().unwrap_or_default());
        let text = |bytes| String::from_utf8(bytes).expect("the command writes UTF-8");
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Checks how it ended, showing everything if it ended otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Checks that standard output has a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{text:?} is not in:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Checks that standard error has a text.
    #[track_caller]
    pub fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in:\n{}\n{}", self.stderr, self.stdout);
        self
    }
}
