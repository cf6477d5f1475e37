use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_core::{Error, ErrorKind, Result};

/// A bare repository and a clone to commit from, made with the real `git`.
pub struct Repository {
    bare: PathBuf,
    clone: PathBuf,
}

impl Repository {
    /// A repository of the files in this example's `site/`.
    pub fn of_site(folder: &Path) -> Result<Self> {
        let repository = Self::in_folder(folder);
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "site.git"])?;
        git(folder, &["clone", "--quiet", "site.git", "clone"])?;
        git(&repository.clone, &["switch", "--quiet", "--orphan", "main"])?;
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("site"), &repository.clone)?;
        repository.commit("Declare the site")?;
        Ok(repository)
    }

    /// A copy of the repository at a URL.
    pub fn cloned(folder: &Path, url: &str) -> Result<Self> {
        println!("Cloning {url}");
        git(folder, &["clone", "--quiet", "--bare", "--", url, "site.git"])?;
        git(folder, &["clone", "--quiet", "site.git", "clone"])?;
        Ok(Self::in_folder(folder))
    }

    fn in_folder(folder: &Path) -> Self {
        Self { bare: folder.join("site.git"), clone: folder.join("clone") }
    }

    /// Where the bare repository is.
    pub fn url(&self) -> String {
        self.bare.display().to_string()
    }

    /// The name of its branch.
    pub fn branch(&self) -> Result<String> {
        git(&self.bare, &["symbolic-ref", "--short", "HEAD"])
    }

    /// The id of the newest commit.
    pub fn head(&self) -> Result<String> {
        git(&self.bare, &["rev-parse", "HEAD"])
    }

    /// Adds a file, changes another, and pushes that as one commit.
    pub fn change(&self, changed: &str) -> Result<()> {
        let path = self.clone.join(changed);
        let mut content = std::fs::read(&path)?;
        content.extend_from_slice(b"# changed by the quickstart\n");
        std::fs::write(&path, content)?;
        std::fs::write(self.clone.join("quickstart-note.txt"), "Added by the second commit.\n")?;
        self.commit("Change a file and add another")
    }

    fn commit(&self, message: &str) -> Result<()> {
        git(&self.clone, &["add", "--all"])?;
        git(&self.clone, &["commit", "--quiet", "--message", message])?;
        git(&self.clone, &["push", "--quiet", "origin", "HEAD"]).map(|_| ())
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let identity = [
        "-c",
        "user.name=Quickstart",
        "-c",
        "user.email=quickstart@example.org",
        "-c",
        "commit.gpgSign=false",
    ];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output();
    let output = output.map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("can't run git: {error}"))
            .help("install Git, and see that it is on PATH")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(Error::new(ErrorKind::Unavailable, format!("git {}: {said}", arguments[0])))
}

/// Copies a folder, with the permissions of its files.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
