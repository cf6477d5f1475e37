use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A bare Git repository with as many files as are asked for, a hundred to a folder, made by the real `git`.
#[derive(Debug)]
pub struct Repository {
    folder: tempfile::TempDir,
    layout: Layout,
    commits: usize,
}

/// How the folders of files lie to each other.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    /// All in the root folder: 1,000 of them for 100,000 files.
    Flat,
    /// At most ten in a folder, as far down as it takes.
    Deep,
}

impl Layout {
    fn path(self, file: usize) -> String {
        let folder = file / 100;
        match self {
            Self::Flat => format!("folder-{folder:04}/file-{file:06}.yaml"),
            Self::Deep => {
                let (unit, team, area) = (folder % 10, folder / 10 % 10, folder / 100);
                format!("area-{area}/team-{team}/unit-{unit}/file-{file:06}.yaml")
            }
        }
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flat => "all folders in one",
            Self::Deep => "ten folders in each",
        })
    }
}

impl Repository {
    /// A repository whose first commit has so many files, each of about 200 bytes.
    pub fn with_files(count: usize, layout: Layout) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let repository = Self { folder, layout, commits: 1 };
        git(repository.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "."], None);
        let mut stream =
            b"commit refs/heads/main\ncommitter b <b@example.org> 1700000000 +0000\ndata 5\nfirst\n".to_vec();
        for index in 0..count {
            write_file(&mut stream, &layout.path(index), index, "first");
        }
        git(repository.path(), &["fast-import", "--quiet"], Some(&stream));
        repository
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets the real `git` send a commit to nobody, as to one who has another commit.
    pub fn send(&self, have: &str, want: &str) {
        let request = [
            line("command=fetch"),
            line("object-format=sha1"),
            "0001".to_owned(),
            line("ofs-delta"),
            line("no-progress"),
            line(&format!("want {want}")),
            line(&format!("have {have}")),
            line("done"),
            "0000".to_owned(),
        ];
        let mut child = Command::new("git")
            .args(["upload-pack", "."])
            .current_dir(self.path())
            .env("GIT_PROTOCOL", "version=2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git is installed");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(request.concat().as_bytes()).expect("git reads its input");
        drop(stdin);
        let output = child.wait_with_output().expect("git ends");
        assert!(output.stdout.windows(4).any(|bytes| bytes == b"PACK"), "no pack was sent");
    }

    /// Commits a change of one file.
    pub fn change(&mut self, index: usize) {
        self.change_on("main", index);
    }

    /// Commits a change of one file on a branch that starts from `main` each time; gives the commit.
    pub fn propose(&mut self, branch: &str, index: usize) -> String {
        self.change_on(branch, index);
        read(self.path(), &["rev-parse", branch])
    }

    /// Moves `main` to a branch.
    pub fn merge(&self, branch: &str) {
        git(self.path(), &["update-ref", "refs/heads/main", branch], None);
    }

    /// The commit of `main`.
    pub fn newest(&self) -> String {
        read(self.path(), &["rev-parse", "main"])
    }

    fn change_on(&mut self, branch: &str, index: usize) {
        let time = 1_700_000_000 + self.commits;
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter b <b@example.org> {time} +0000\ndata 6\nchange\nfrom refs/heads/main^0\n"
        )
        .into_bytes();
        write_file(&mut stream, &self.layout.path(index), index, &format!("change {}", self.commits));
        self.commits += 1;
        git(self.path(), &["fast-import", "--quiet", "--force"], Some(&stream));
    }
}

/// One line of Git's protocol.
fn line(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

fn write_file(stream: &mut Vec<u8>, path: &str, index: usize, text: &str) {
    let content = format!("file: {index:06}\ntext: {text}\nnote: {}\n", "x".repeat(160));
    let header = format!("M 100644 inline {path}\ndata {}\n", content.len());
    stream.extend_from_slice(header.as_bytes());
    stream.extend_from_slice(content.as_bytes());
    stream.push(b'\n');
}

fn git(folder: &Path, arguments: &[&str], input: Option<&[u8]>) {
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .spawn()
        .expect("git is installed");
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input).expect("git reads its input");
    }
    assert!(child.wait().expect("git ends").success(), "git {arguments:?} failed");
}

fn read(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(folder).args(arguments).output().expect("git is installed");
    assert!(output.status.success(), "git {arguments:?} failed");
    String::from_utf8(output.stdout).expect("git writes text").trim().to_owned()
}
