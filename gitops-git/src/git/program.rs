use std::path::{Path, PathBuf};

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::Call;
use crate::fault::shown;

/// The oldest version that has every setting that a fetch relies on.
const OLDEST: (u32, u32) = (2, 36);

/// The `git` program: found and known to be new enough.
#[derive(Debug)]
pub(crate) struct GitProgram {
    path: PathBuf,
}

impl GitProgram {
    /// Checks the named program, or the first `git` of `PATH`.
    pub async fn find(cx: &Cx, named: Option<&Path>) -> Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => on_path().ok_or_else(missing)?,
        };
        let output = Call::new(&path).args(["version"]).run(cx).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        match version(&text) {
            Some(found) if found >= OLDEST => Ok(Self { path }),
            _ => Err(too_old(&path, &text)),
        }
    }

    /// A call of it.
    pub fn call(&self) -> Call {
        Call::new(&self.path)
    }
}

fn on_path() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("git"))
        .find(|path| path.is_file())
}

/// Major and minor number of `git version 2.39.5 (Apple Git-154)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let number = text.strip_prefix("git version ")?.split_whitespace().next()?;
    let digits =
        |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().and_then(|part| part.parse().ok());
    let mut parts = number.split('.').map(digits);
    Some((parts.next()??, parts.next()??))
}

fn missing() -> Error {
    let message = "there is no `git` program on PATH, which every fetch needs";
    Error::new(ErrorKind::Unsupported, message).help("install git 2.36 or newer")
}

fn too_old(path: &Path, text: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{} is not git 2.36 or newer", path.display()))
        .with("version", shown(text.trim(), 80))
        .help("install git 2.36 or newer")
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_as_all_vendors_print_them() {
        assert_eq!(version("git version 2.39.5\n"), Some((2, 39)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)\n"), Some((2, 39)));
        assert_eq!(version("git version 2.45.1.windows.1"), Some((2, 45)));
        assert_eq!(version("git version 3.0-rc1"), Some((3, 0)));
        assert_eq!(version("gti version 2.39.5"), None);
    }
}
