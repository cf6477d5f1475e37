use gix::bstr::ByteSlice;
use gix::validate::path::component;

/// Why a name from a tree can't be used, if it can't: code, fault and way out.
pub(super) fn fault(name: &[u8]) -> Option<(&'static str, &'static str, &'static str)> {
    if std::str::from_utf8(name).is_err() {
        return Some(("GO0202", "the name is not UTF-8", "rename it with `git mv`"));
    }
    // Some systems take what is between backslashes for names of their own.
    let mut parts = name.split(|byte| *byte == b'\\').filter(|part| !part.is_empty());
    let is_unsafe = name.is_empty() || name.contains(&0) || parts.any(is_unsafe_part);
    is_unsafe.then_some((
        "GO0201",
        "the name is empty, `.`, `..`, holds a slash or is a spelling of `.git`",
        "no honest tree has such a name: look at who pushed it, and take it out of the history",
    ))
}

fn is_unsafe_part(part: &[u8]) -> bool {
    let options = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    gix::validate::path::component(part.as_bstr(), None, options).is_err()
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn every_spelling_of_the_repository_folder_is_refused() {
        let spellings = [
            ".git",
            ".GIT",
            ".Git",
            ".git.",
            ".git ",
            ".git. .",
            "git~1",
            "GIT~1",
            ".git::$INDEX_ALLOCATION",
            ".git:stream",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".gi\u{200d}T",
            "a\\.git",
            "..\\a",
            ".git\\hooks",
        ];
        let accepted: Vec<_> =
            spellings.into_iter().filter(|name| fault(name.as_bytes()).is_none()).collect();
        assert_eq!(accepted, Vec::<&str>::new());
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["", ".", "..", "a/b", "/", "a\0b"] {
            assert_eq!(fault(name.as_bytes()).map(|fault| fault.0), Some("GO0201"), "{name:?}");
        }
        assert_eq!(fault(b"caf\xe9").map(|fault| fault.0), Some("GO0202"));
    }

    #[test]
    fn ordinary_names_pass() {
        for name in
            [".gitignore", ".gitattributes", ".github", "git", "a.git", "...", "a b", "Ünïcode", "con", "a:b"]
        {
            assert_eq!(fault(name.as_bytes()), None, "{name}");
        }
    }
}
