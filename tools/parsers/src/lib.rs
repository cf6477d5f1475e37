//! Every parser of the workspace as a property of any bytes.
//!
//! A parser gets bytes from outside and gives a value or an error: it does not panic, hang or take memory without
//! bound. Where what was read can be written, reading it again gives the same. [`PARSERS`] is the one table of them: a
//! test feeds them with damaged examples, and the fuzzer with whatever reaches more of their code.
mod backends;
mod command;
mod git;
mod review;
mod state;
mod words;

/// A parser: a property of all bytes, and examples that it accepts.
pub struct Parser {
    /// What a person types to choose it.
    pub name: &'static str,
    /// Panics if the property does not hold.
    pub check: fn(&[u8]),
    /// Bytes that are accepted, from which others are made by damage.
    pub examples: fn() -> Vec<Vec<u8>>,
}

/// All parsers. To add one, add a line.
pub const PARSERS: &[Parser] = &[
    Parser { name: "config", check: command::config, examples: command::configs },
    Parser { name: "key", check: words::key, examples: words::keys },
    Parser { name: "number", check: words::number, examples: words::numbers },
    Parser { name: "digest", check: words::digest, examples: words::digests },
    Parser { name: "duration", check: command::duration, examples: command::durations },
    Parser { name: "journal", check: state::journal, examples: state::journals },
    Parser { name: "inventory", check: state::inventory, examples: state::inventories },
    Parser { name: "store", check: state::store, examples: state::stores },
    Parser { name: "plan", check: state::plan, examples: state::plans },
    Parser { name: "audit", check: state::audit, examples: state::audits },
    Parser { name: "git-url", check: git::url, examples: git::urls },
    Parser { name: "git-ref", check: git::reference, examples: git::references },
    Parser { name: "git-pattern", check: git::pattern, examples: git::patterns },
    Parser { name: "git-answer", check: git::answer, examples: git::answers },
    Parser { name: "git-list", check: git::list, examples: git::lists },
    Parser { name: "git-tree", check: git::tree, examples: git::trees },
    Parser { name: "codeowners", check: review::owners, examples: review::owner_files },
    Parser { name: "comment-commands", check: review::commands, examples: review::comments },
    Parser { name: "comment-marker", check: review::marker, examples: review::markers },
    Parser { name: "change-window", check: review::window, examples: review::windows },
    Parser { name: "yaml", check: backends::yaml, examples: backends::manifests },
    Parser { name: "terraform-state", check: backends::state, examples: backends::states },
    Parser { name: "terraform-plan", check: backends::plan, examples: backends::plans },
    Parser { name: "terraform-events", check: backends::told, examples: backends::tellings },
];

/// The parser of a name.
pub fn named(name: &str) -> Option<&'static Parser> {
    PARSERS.iter().find(|parser| parser.name == name)
}

/// Owned copies of texts.
fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Runs a check with the bytes as text, if they are one.
fn with_text(bytes: &[u8], check: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
}
