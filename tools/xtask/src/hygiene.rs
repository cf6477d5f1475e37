//! What no tracked file may hold. Needles are put together from halves, so that this file passes too.

use std::fs;
use std::path::Path;

use crate::failure::{At, Failure, Result};
use crate::{floors, words, workspace};

const MAX_LINES: usize = 400;
const REASON_TO_BE_LONG: &str = "// Long because ";

/// A text that no file may hold, and what to do about it.
struct Rule {
    needle: &'static str,
    /// The match counts only where the needle begins a word or a path.
    at_start: bool,
    say: &'static str,
}

const fn path(needle: &'static str) -> Rule {
    Rule { needle, at_start: true, say: "a path of one machine; make it relative, or ask for it" }
}

const fn secret(needle: &'static str) -> Rule {
    Rule { needle, at_start: true, say: "looks like a secret; make it at run time" }
}

const fn registry(needle: &'static str) -> Rule {
    Rule { needle, at_start: false, say: "a registry's host; leave the choice to the user's own settings" }
}

const fn unfinished(needle: &'static str) -> Rule {
    Rule { needle, at_start: true, say: "unfinished; finish it, or explain the limit in words" }
}

const RULES: [Rule; 19] = [
    path(concat!("/wo", "rk/")),
    path(concat!("/ro", "ot/")),
    path(concat!("/ho", "me/")),
    path(concat!("/Us", "ers/")),
    secret(concat!("gh", "p_")),
    secret(concat!("github", "_pat_")),
    secret(concat!("gl", "pat-")),
    secret(concat!("AK", "IA")),
    secret(concat!("xo", "xb-")),
    secret(concat!("-----BEGIN", " OPENSSH PRIVATE KEY")),
    secret(concat!("-----BEGIN", " RSA PRIVATE KEY")),
    secret(concat!("-----BEGIN", " PRIVATE KEY")),
    registry(concat!("index.", "crates.io")),
    registry(concat!("static.", "crates.io")),
    registry(concat!("proxy.", "golang.org")),
    registry(concat!("GO", "PROXY")),
    unfinished(concat!("TO", "DO")),
    unfinished(concat!("FIX", "ME")),
    Rule {
        needle: concat!("#[ig", "nore]"),
        at_start: false,
        say: "give the reason, and where the test runs",
    },
];

/// Fails with every offence in every tracked file.
pub fn run() -> Result<()> {
    let mut offences = Vec::new();
    for file in workspace::tracked_files()? {
        let path = workspace::root().join(&file);
        let bytes = fs::read(&path).at(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        offences.extend(offences_in(&file, &text));
    }
    match offences.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("{} offences\n{}", offences.len(), offences.join("\n")))),
    }
}

fn offences_in(file: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.lines().enumerate().flat_map(|(index, line)| offences_at(file, index + 1, line)).collect();
    found.extend(words::offences_in(file, text));
    let lines = text.lines().count();
    let is_rust = Path::new(file).extension().is_some_and(|extension| extension == "rs");
    if is_rust {
        found.extend(floors::offences_in(file, text));
    }
    if is_rust && lines > MAX_LINES && !text.contains(REASON_TO_BE_LONG) {
        found.push(format!("  {file}: {lines} lines; split it, or say `{REASON_TO_BE_LONG}…`"));
    }
    found
}

fn offences_at(file: &str, number: usize, line: &str) -> Vec<String> {
    let broken = RULES.iter().filter(|rule| rule.matches(line));
    broken.map(|rule| format!("  {file}:{number}: `{}`: {}", rule.needle, rule.say)).collect()
}

impl Rule {
    fn matches(&self, line: &str) -> bool {
        let starts =
            |at| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-}>/".contains(before));
        line.match_indices(self.needle).any(|(at, _)| !self.at_start || starts(at))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINES, REASON_TO_BE_LONG, offences_in};

    #[test]
    fn a_machine_path_is_an_offence_and_a_relative_one_is_not() {
        assert_eq!(offences_in("a.md", concat!("see /wo", "rk/x")).len(), 1);
        assert_eq!(offences_in("a.md", concat!("see .github/wo", "rk/x or live/ro", "ot/x")), [""; 0]);
    }

    #[test]
    fn an_offence_names_file_and_line() {
        let found = offences_in("src/a.rs", concat!("fine\n// TO", "DO later"));
        assert!(found[0].contains("src/a.rs:2"), "{found:?}");
    }

    #[test]
    fn a_long_rust_file_needs_a_reason() {
        let long = "\n".repeat(MAX_LINES + 1);
        assert_eq!(offences_in("a.rs", &long).len(), 1);
        assert_eq!(offences_in("a.rs", &format!("{REASON_TO_BE_LONG}it is a table\n{long}")), [""; 0]);
        assert_eq!(offences_in("a.txt", &long), [""; 0]);
    }
}
