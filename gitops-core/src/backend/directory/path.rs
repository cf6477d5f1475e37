//! Where the file of a key lies: every check of a name, in one place.

use crate::value::{Error, ErrorKind, GroupKind, Key, Result};

/// The longest name of a file that leaves room for the names of its side files, in bytes.
const MAX_FILE_NAME: usize = MAX_NAME - ".".len() - PENDING.len();
const MAX_NAME: usize = 255;
const MAX_PATH: usize = 4096;
const MAX_DEPTH: usize = 128;

const MARK: &str = ".gitops";
const PENDING: &str = ".gitops-new";
const TEMP: &str = ".gitops-tmp";

/// The kind of a file object.
pub fn file_kind() -> GroupKind {
    GroupKind::new("", "File")
}

/// The place of one file below the root, and of the side files that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    folders: Vec<String>,
    name: String,
}

impl Place {
    /// Checks a key and splits its name.
    ///
    /// # Errors
    /// `Invalid` or `Limit` for everything that could lie outside the root, that no file system takes, or that
    /// is the name of a side file.
    pub(super) fn of(key: &Key) -> Result<Self> {
        if *key.kind() != file_kind() || !key.namespace().is_empty() {
            return Err(refused("a directory holds objects of kind `File` without a namespace"));
        }
        if key.name().len() > MAX_PATH {
            return Err(limit("the path is too long", key.name().len(), MAX_PATH));
        }
        let mut folders: Vec<String> = key.name().split('/').map(str::to_owned).collect();
        folders.iter().try_for_each(|part| check(part))?;
        let name = folders.pop().unwrap_or_default();
        if name.len() > MAX_FILE_NAME {
            return Err(limit("the file's name is too long", name.len(), MAX_FILE_NAME));
        }
        if folders.len() >= MAX_DEPTH {
            return Err(limit("the path has too many folders", folders.len(), MAX_DEPTH - 1));
        }
        Ok(Self { folders, name })
    }

    /// The file's path below the root.
    pub(super) fn path(&self) -> String {
        self.folders.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// The folders from the root down.
    pub(super) fn folders(&self) -> &[String] {
        &self.folders
    }

    /// The file.
    pub(super) fn file(&self) -> &str {
        &self.name
    }

    /// The owner label beside it: whose it is.
    pub(super) fn owner_label(&self) -> String {
        format!(".{}{MARK}", self.name)
    }

    /// The owner label of a creation under way.
    pub(super) fn pending(&self) -> String {
        format!(".{}{PENDING}", self.name)
    }

    /// What is being written; also the lock of the key.
    pub(super) fn temp(&self) -> String {
        format!(".{}{TEMP}", self.name)
    }
}

/// The file that a side file belongs to; `None` if it is no side file.
pub(super) fn file_of_side(name: &str) -> Option<&str> {
    let hidden = name.strip_prefix('.')?;
    [MARK, PENDING, TEMP]
        .iter()
        .find_map(|suffix| hidden.strip_suffix(suffix))
        .filter(|file| !file.is_empty())
}

/// Whether a name is that of something being written, which concerns nobody else.
#[cfg(feature = "watch")]
pub(super) fn is_temp(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMP)
}

fn check(part: &str) -> Result<()> {
    match part {
        "" => Err(refused("the path is absolute or has an empty part")),
        "." | ".." => Err(refused("the path has a part `.` or `..`")),
        part if part.contains('\0') => Err(refused("the path holds a NUL")),
        part if part.len() > MAX_NAME => Err(limit("a part of the path is too long", part.len(), MAX_NAME)),
        part if file_of_side(part).is_some() => {
            Err(refused("the path holds a name that is kept for owner labels: `.NAME.gitops`"))
        }
        _ => Ok(()),
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
        .help("name the file by its path below the root, as in `conf/app.toml`")
}

fn limit(message: &str, bytes: usize, limit: usize) -> Error {
    Error::new(ErrorKind::Limit, message)
        .with("length", bytes)
        .with("limit", limit)
        .help("use a shorter path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(name: &str) -> Result<Place> {
        Place::of(&Key::new("dir", file_kind(), "", name))
    }

    #[test]
    fn names_that_leave_the_root_or_belong_to_us_are_refused() {
        let names = [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "a\0b",
            "\0",
            ".a.gitops",
            "x/.a.gitops-tmp",
            ".a.gitops-new/b",
        ];
        for name in names {
            assert_eq!(place(name).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
    }

    #[test]
    fn limits_are_named_and_exact() {
        assert!(place(&"n".repeat(243)).is_ok() && place(&format!("{}/n", "n".repeat(255))).is_ok());
        let deep = |folders| format!("{}n", "d/".repeat(folders));
        assert!(place(&deep(127)).is_ok());
        for name in ["n".repeat(244), format!("{}/n", "n".repeat(256)), "n/".repeat(2100), deep(128)] {
            let error = place(&name).unwrap_err();
            assert!(error.kind() == ErrorKind::Limit && error.to_string().contains("limit: "), "{error}");
        }
    }

    #[test]
    fn only_files_without_a_namespace_are_held() {
        for key in ["dir:Folder/-/a", "dir:File/shop/a", "dir:File.v1/-/a"] {
            assert!(Place::of(&key.parse().unwrap()).is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_below_the_root(name in "[./a\\\\\u{0}]{0,12}|.{0,40}") {
            if let Ok(place) = place(&name) {
                let parts = place.folders().iter().map(String::as_str).chain([place.file()]);
                prop_assert_eq!(parts.clone().collect::<Vec<_>>().join("/"), name);
                for part in parts {
                    prop_assert!(!part.is_empty() && part != "." && part != ".." && !part.contains(['/', '\0']));
                }
            }
        }

        #[test]
        fn side_files_lead_back_to_their_file(name in "[a-z.]{1,12}") {
            if let Ok(place) = place(&name) {
                for side in [place.owner_label(), place.pending(), place.temp()] {
                    prop_assert!(file_of_side(&side) == Some(place.file()) && side.len() <= MAX_NAME);
                }
            }
        }
    }
}
