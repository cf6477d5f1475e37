//! The tool: how it is run, and what it says.

pub(crate) mod address;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod process;
pub(crate) mod shown;

use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::{Cx, Digest, Error, ErrorKind, Hasher, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::disk;
use crate::tool::process::{Call, Environment, Program};

/// What to install: the oldest versions that somebody saw working.
pub(crate) const NEEDED: &str = "install OpenTofu 1.9 or newer, or Terraform 1.11 or newer";

/// Which of the two tools it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Dialect {
    /// Terraform.
    Terraform,
    /// OpenTofu.
    OpenTofu,
}

/// A tool: which, and of what version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolInfo {
    /// Which of the two.
    pub dialect: Dialect,
    /// The version, as in `1.12.6`.
    pub version: String,
}

impl fmt::Display for ToolInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.dialect == Dialect::OpenTofu { "OpenTofu" } else { "Terraform" };
        write!(f, "{name} {}", self.version)
    }
}

impl ToolInfo {
    /// Reads what `version` prints: the program's file name says nothing about which tool it is.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.lines().next()?.split_whitespace();
        let dialect = match words.next()? {
            "OpenTofu" => Dialect::OpenTofu,
            "Terraform" => Dialect::Terraform,
            _ => return None,
        };
        let version = words.next()?.strip_prefix('v')?.to_owned();
        Some(Self { dialect, version })
    }

    /// Terraform before 1.11 is not refused: nobody saw it fail, and nobody saw it work.
    fn is_too_old(&self) -> bool {
        self.release() < (1, 9)
    }

    /// Whether an apply of a saved plan takes variables, and compares them with those in the plan. Older tools refuse them:
    /// all that they need is in the plan.
    pub(crate) fn takes_variables_with_a_plan(&self) -> bool {
        self.release() >= if self.dialect == Dialect::OpenTofu { (1, 11) } else { (1, 10) }
    }

    /// The first two numbers of the version.
    fn release(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map_while(|number| number.parse::<u32>().ok());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

/// The tool of a target: its program, and what is known of it.
#[derive(Debug)]
pub(crate) struct Tool {
    pub program: Arc<Program>,
    /// Where what was learned is kept, so that a later process need not ask again.
    notes: PathBuf,
    digest: OnceCell<Digest>,
    info: OnceCell<ToolInfo>,
}

/// What is noted of the program's file, as long as the file is the same.
#[derive(Serialize, Deserialize, PartialEq)]
struct Notes {
    file: PathBuf,
    stamp: (u64, u64, u64, i64, i64),
    digest: Digest,
    info: Option<ToolInfo>,
}

impl Tool {
    pub fn new(program: Program, work: &Path) -> Self {
        let notes = work.join("tool.json");
        Self { program: Arc::new(program), notes, digest: OnceCell::new(), info: OnceCell::new() }
    }

    /// The digest of the program itself: another program is another tool, whatever version it says to be. Starts no
    /// process.
    pub async fn digest(&self) -> Result<Digest> {
        let read = || async {
            let (program, notes) = (self.program.clone(), self.notes.clone());
            disk::blocking(move || Ok(noted(&program, &notes)?.digest)).await
        };
        self.digest.get_or_try_init(read).await.copied()
    }

    /// Which tool it is, and of what version.
    ///
    /// # Errors
    /// `Unsupported` if it can't be started, is neither of the two, or is too old.
    pub async fn info(&self, cx: &Cx) -> Result<&ToolInfo> {
        self.info.get_or_try_init(|| self.ask(cx)).await
    }

    async fn ask(&self, cx: &Cx) -> Result<ToolInfo> {
        let (program, path) = (self.program.clone(), self.notes.clone());
        let mut notes = disk::blocking(move || noted(&program, &path)).await?;
        if let Some(info) = notes.info {
            return Ok(info);
        }
        let folder = self.notes.parent().unwrap_or(Path::new("/"));
        let call = Call::new(&self.program, folder, Environment::new([])).args(["version"]);
        let ended = call.run(cx).await?;
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        let info = ToolInfo::read(&text).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("`{}` is neither OpenTofu nor Terraform", self.program.path().display()),
            )
            .help("name the path of `tofu` or `terraform`")
        })?;
        if info.is_too_old() {
            return Err(Error::new(ErrorKind::Unsupported, format!("{info} is too old")).help(NEEDED));
        }
        notes.info = Some(info.clone());
        disk::replace(&self.notes, &serde_json::to_vec(&notes)?, false)?;
        Ok(info)
    }
}

/// What is known of the program's file: as noted if the file is still the same, else read anew.
fn noted(program: &Program, path: &Path) -> Result<Notes> {
    let file = program.file().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("there is no program `{}`", program.path().display()))
            .help(format!("{NEEDED}, or name the program's path"))
    })?;
    let metadata = std::fs::metadata(&file).map_err(|error| disk::failed("read", &file, error))?;
    let stamp = (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    let noted = disk::read(path, 1 << 16)?.and_then(|bytes| serde_json::from_slice::<Notes>(&bytes).ok());
    if let Some(notes) = noted.filter(|notes| notes.file == file && notes.stamp == stamp) {
        return Ok(notes);
    }
    let fresh = Notes { digest: digest(&file)?, file, stamp, info: None };
    disk::replace(path, &serde_json::to_vec(&fresh)?, false)?;
    Ok(fresh)
}

fn digest(file: &Path) -> Result<Digest> {
    let read = || -> std::io::Result<Digest> {
        let (mut hasher, mut buffer) = (Hasher::new("gitops tool"), vec![0; 1 << 20]);
        let mut file = std::fs::File::open(file)?;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish()),
                count => hasher.field(&buffer[..count]),
            };
        }
    };
    read().map_err(|error| disk::failed("read", file, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_known_by_what_it_says() {
        let tofu = ToolInfo::read("OpenTofu v1.12.6\non linux_amd64\n").unwrap();
        assert_eq!((tofu.dialect, tofu.to_string().as_str()), (Dialect::OpenTofu, "OpenTofu 1.12.6"));
        assert!(ToolInfo::read("Terraform v1.5.7\n").unwrap().is_too_old());
        assert!(!ToolInfo::read("Terraform v1.15.0-alpha1\n").unwrap().is_too_old());
        assert_eq!(ToolInfo::read("GNU bash, version 5"), None);
    }
}
