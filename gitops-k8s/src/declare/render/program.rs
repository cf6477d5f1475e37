use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::{Cx, Diagnostic, Digest, Error, ErrorKind, Hasher, Part, Result};

use super::cache::RenderCache;
use super::failure::Failure;
use super::jail::{Jail, Printed};
use super::masked::Texts;
use super::network;

/// How long a program may take, unless that is said.
const WALL: Duration = Duration::from_secs(60);

/// A program that makes manifests, and which version it is.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub path: PathBuf,
    /// How long it may take.
    pub wall: Duration,
    pub version: String,
    /// Where what it printed is kept.
    pub cache: Option<RenderCache>,
}

impl Program {
    /// Takes a program, if the version behind a word of its answer is new enough.
    ///
    /// # Errors
    /// `Unsupported` if it can't be run or is too old; `Cancelled` if asked to stop meanwhile.
    pub fn at<A: AsRef<OsStr>>(cx: &Cx, path: &Path, ask: &[A], oldest: (u32, u32)) -> Result<Self> {
        let answer = Jail::new().and_then(|jail| jail.run(cx, path, ask, WALL, &str::to_owned));
        cx.check()?;
        let answer = answer.map_err(|failure| unusable(path, failure))?;
        let answer = String::from_utf8_lossy(&answer.answer);
        let found = answer.split_whitespace().rev().find_map(version);
        match found {
            Some((number, text)) if number >= oldest => {
                Ok(Self { path: path.into(), wall: WALL, version: text, cache: None })
            }
            _ => {
                let message =
                    format!("{} is not of version {}.{} or newer", path.display(), oldest.0, oldest.1);
                Err(Error::new(ErrorKind::Unsupported, message)
                    .help("install a newer one, or name another path"))
            }
        }
    }

    /// Runs it in a jail for a part. What it warned of becomes a warning of the part. Nothing of the texts that may be secret is in
    /// what is told of it.
    ///
    /// # Errors
    /// It failed, took too long or printed too much.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        cx: &Cx,
        part: &Part<'_>,
        jail: &Jail,
        arguments: &[A],
        secrets: &dyn Fn() -> Texts,
    ) -> Result<Vec<u8>, Failure> {
        if network::closed().is_none() {
            part.warning(self.open_network(part));
        }
        let hide = |told: &str| secrets().hide(told);
        let printed = self.printed(cx, jail, arguments, &hide)?;
        warnings(&printed.aside).for_each(|line| part.warning(self.warning(part, &hide(line))));
        Ok(printed.answer)
    }

    /// What it prints, or printed when it was given the same.
    fn printed<A: AsRef<OsStr>>(
        &self,
        cx: &Cx,
        jail: &Jail,
        arguments: &[A],
        hide: &dyn Fn(&str) -> String,
    ) -> Result<Printed, Failure> {
        let Some(cache) = &self.cache else { return jail.run(cx, &self.path, arguments, self.wall, hide) };
        let key = self.key(jail, arguments);
        if let Some(printed) = cache.get(&key) {
            return Ok(printed);
        }
        let printed = jail.run(cx, &self.path, arguments, self.wall, hide)?;
        cache.put(&key, &printed);
        Ok(printed)
    }

    /// All that decides what it prints: which program it is, its arguments, and the files in the jail.
    fn key<A: AsRef<OsStr>>(&self, jail: &Jail, arguments: &[A]) -> Digest {
        let mut hasher = Hasher::new("gitops render by a program 1");
        hasher.field(self.path.as_os_str().as_encoded_bytes()).field(&self.version);
        if let Ok(file) = self.path.metadata() {
            hasher.field(file.len().to_le_bytes()).field(file.mtime().to_le_bytes());
        }
        for argument in arguments {
            hasher.field("argument").field(argument.as_ref().as_encoded_bytes());
        }
        jail.stand_for(&mut hasher);
        hasher.finish()
    }

    fn open_network(&self, part: &Part<'_>) -> Diagnostic {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let message = format!("`{name}` ran within reach of the network");
        Diagnostic::warning("GO0421", part.path(), message).help(
            "what it would load from there was refused before; to be sure, run where `unshare --net` is installed and allowed",
        )
    }

    fn warning(&self, part: &Part<'_>, line: &str) -> Diagnostic {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Diagnostic::warning("GO0418", part.path(), format!("`{name}` warns: {line}"))
    }

    /// The path of a program among the folders of `PATH`.
    pub fn find(name: &str) -> Option<PathBuf> {
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}

fn unusable(path: &Path, failure: Failure) -> Error {
    let message = format!("{} can't be used: {}", path.display(), failure.message);
    Error::new(ErrorKind::Unsupported, message).help(failure.help)
}

/// How many warnings of a program are told.
const WARNINGS: usize = 10;

/// The lines that a program printed besides its answer; of a line of a log only the message, and nothing from the first
/// bracket on: `helm` prints values there, which may be secrets.
fn warnings(aside: &str) -> impl Iterator<Item = &str> {
    let message = |line| match str::split_once(line, "msg=\"") {
        Some((_, message)) => message.split('"').next().unwrap_or_default(),
        None => line,
    };
    let lines = aside.lines().map(message);
    let lines = lines.map(|line| line.split(['(', '{', '[']).next().unwrap_or_default());
    let lines = lines.map(|line| line.trim_start_matches(['#', ' ']).trim_end());
    lines.filter(|line| !line.is_empty()).take(WARNINGS)
}

/// Major and minor number of a word such as `v5.5.0` or `{v5.5.0`.
fn version(word: &str) -> Option<((u32, u32), String)> {
    let text = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-' && c != '+');
    let mut numbers = text.strip_prefix('v')?.split('.');
    let number = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some((number, text.to_owned()))
}
