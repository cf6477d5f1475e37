//! Words that are not the field's, in what users read: the pages of `docs/`, the READMEs, and the texts of the code.

use std::ffi::OsStr;
use std::path::Path;

/// Each with what to say instead. Of phrases, for one word alone is often the plain English one.
const OLD: [(&str, &str); 17] = [
    ("on its way", "progressing, under way"),
    ("on their way", "progressing, outstanding"),
    ("left alone", "blocked, not touched, ignored"),
    ("taken back", "withdrawn, rolled back, ownership reclaimed"),
    ("foretell", "preview, dry run"),
    ("foretold", "previewed"),
    ("strangers", "files that are no manifests"),
    ("passed over", "skipped"),
    ("settled", "ready, confirmed, at rest"),
    ("behind our back", "outside of Git"),
    ("others' hands", "outside of Git"),
    ("not yet made", "new"),
    ("left something behind", "tainted"),
    ("will not work without", "failed, Degraded"),
    ("not who we say", "authentication failed"),
    ("somebody else was there first", "conflict: the object changed since the plan"),
    ("graver", "stricter"),
];

/// A line for each old word that users would read in a file.
pub fn offences_in(file: &str, text: &str) -> Vec<String> {
    match reader_of(file) {
        Reader::Page => found(file, text, str::to_owned),
        Reader::Code => found(file, text, texts),
        Reader::Nobody => Vec::new(),
    }
}

enum Reader {
    /// All of it is read.
    Page,
    /// The texts in it are read.
    Code,
    Nobody,
}

fn reader_of(file: &str) -> Reader {
    let is_of_a_library = file.starts_with("gitops-") || file.starts_with("examples/");
    let is_a_test = ["/tests/", "/tests.rs", "/simulate/"].iter().any(|part| file.contains(part));
    let ending = Path::new(file).extension().and_then(OsStr::to_str).unwrap_or_default();
    match file {
        _ if file.starts_with("docs/decisions/") => Reader::Nobody,
        _ if file.starts_with("docs/") && ending == "md" => Reader::Page,
        _ if file == "README.md" || (is_of_a_library && file.ends_with("/README.md")) => Reader::Page,
        _ if is_of_a_library && file.contains("/src/") && ending == "rs" && !is_a_test => Reader::Code,
        _ => Reader::Nobody,
    }
}

/// The texts on a line of code; nothing of a comment.
fn texts(line: &str) -> String {
    match line.trim_start().starts_with("//") {
        true => String::new(),
        false => line.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" "),
    }
}

fn found(file: &str, text: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, read(line).to_lowercase()));
    let of_line = |(number, line): (usize, String)| {
        let old = OLD.iter().filter(move |(old, _)| holds(&line, old));
        old.map(move |(old, new)| format!("  {file}:{number}: \"{old}\": say {new}")).collect::<Vec<_>>()
    };
    lines.flat_map(of_line).collect()
}

/// Whether a line holds a phrase as words of their own.
fn holds(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(at, _)| {
        let is_part = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + phrase.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::offences_in;

    #[test]
    fn an_old_word_is_found_in_a_page_and_in_a_text_and_not_in_a_comment() {
        let page = offences_in("docs/a.md", "fine\nA Job is on its way.");
        assert_eq!(page, ["  docs/a.md:2: \"on its way\": say progressing, under way"]);
        let text = "// on its way\nlet a = 1; // b\nsay(\"it is Left alone\");\nleft_alone(\"x\");";
        let code = offences_in("gitops-core/src/a.rs", text);
        assert_eq!(code, ["  gitops-core/src/a.rs:3: \"left alone\": say blocked, not touched, ignored"]);
        let unread = [
            "docs/decisions/0001.md",
            "gitops-core/src/a/tests.rs",
            "CHANGELOG.md",
            "tools/xtask/src/words.rs",
        ];
        assert!(unread.iter().all(|file| offences_in(file, "\"on its way\"").is_empty()));
        assert!(offences_in("docs/a.md", "unsettled, settledness").is_empty(), "a part of a word is no word");
    }
}
