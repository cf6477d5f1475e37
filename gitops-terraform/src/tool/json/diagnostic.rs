use std::fmt;

use super::{Reader, Redact};
use crate::tool::address::canonical;

/// An error or a warning of the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// Whether it is an error; else it is a warning.
    pub is_error: bool,
    /// One line.
    pub summary: String,
    /// More lines; may be empty.
    pub detail: String,
    /// The resource that it is about.
    pub address: Option<String>,
    /// The same as it is shown: its key may hold a secret.
    pub about: Option<String>,
    /// The file and the line.
    pub place: Option<(String, u64)>,
}

/// What an error of the tool is about: it has no codes, only words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Somebody else holds the state's lock, or it could not be given back.
    Lock,
    /// The saved plan does not fit the state.
    Stale,
    /// The root is not initialised, or not for this configuration.
    Init,
    /// The lock file of the providers does not fit.
    LockFile,
    /// A provider or a module could not be fetched.
    Download,
    /// A variable or an expression is wrong.
    Input,
    /// A rule of the configuration forbids it: `prevent_destroy`, a precondition.
    Guard,
    /// A provider failed in a way that leaves open what happened.
    Provider,
    /// The state could not be written.
    StateWrite,
    /// The run was asked to stop.
    Cancel,
    /// Anything else.
    Other,
}

const CLASSES: [(&str, Class); 32] = [
    ("error acquiring the state lock", Class::Lock),
    ("error locking state", Class::Lock),
    ("error releasing the state lock", Class::Lock),
    ("saved plan is stale", Class::Stale),
    ("saved plan does not match the given state", Class::Stale),
    ("cannot apply incomplete plan", Class::Stale),
    ("as a plan file", Class::Stale),
    ("backend initialization required", Class::Init),
    ("backend configuration changed", Class::Init),
    ("required plugins are not installed", Class::Init),
    ("module not installed", Class::Init),
    ("module source has changed", Class::Init),
    ("module version requirements have changed", Class::Init),
    ("inconsistent dependency lock file", Class::LockFile),
    ("provider dependency changes detected", Class::LockFile),
    ("failed to query available provider packages", Class::Download),
    ("failed to install provider", Class::Download),
    ("failed to download module", Class::Download),
    ("no value for required variable", Class::Input),
    ("invalid value for", Class::Input),
    ("invalid count argument", Class::Input),
    ("invalid for_each argument", Class::Input),
    ("instance cannot be destroyed", Class::Guard),
    ("resource precondition failed", Class::Guard),
    ("resource postcondition failed", Class::Guard),
    ("provider produced inconsistent", Class::Provider),
    ("provider produced invalid object", Class::Provider),
    ("provider returned invalid result object", Class::Provider),
    // What a call gives whose connection broke depends on who saw the provider die first (`grpc_error.go` of the tool).
    ("plugin did not respond", Class::Provider),
    ("request cancelled", Class::Provider),
    ("plugin error", Class::Provider),
    ("execution halted", Class::Cancel),
];

impl Diagnostic {
    /// Decodes one; what is secret is hidden, and the snippet of the configuration is left out.
    pub(crate) fn read(reader: &Reader<'_>, redact: &Redact) -> Self {
        let text = |name| plain(&redact.text(&reader.optional_text(name).unwrap_or_default()));
        let place = reader.field("range").and_then(|range| {
            let line = range.field("start").and_then(|start| start.number("line"))?;
            Some((range.optional_text("filename")?, line))
        });
        let address = reader.optional_text("address").map(|address| canonical(&address));
        Self {
            is_error: reader.optional_text("severity").is_none_or(|severity| severity == "error"),
            summary: text("summary"),
            detail: text("detail"),
            about: address.as_deref().map(|address| redact.text(address)),
            address,
            place,
        }
    }

    /// The same with its file named from the source's root, for a run in a folder of it.
    pub fn seen_from_root(mut self, folder: &str) -> Self {
        if let Some((file, _)) = &mut self.place
            && let Some(path) = crate::tool::address::resolve(folder, file)
        {
            *file = path;
        }
        self
    }

    /// Whether it says that a `check` of the configuration does not hold.
    pub fn is_failed_check(&self) -> bool {
        !self.is_error && self.summary.to_lowercase().starts_with("check block assertion failed")
    }

    /// Whether it is an error that may be over once the root is initialised.
    pub fn wants_init(&self) -> bool {
        self.is_error && matches!(self.class(), Class::Init | Class::LockFile)
    }

    /// What it is about.
    pub fn class(&self) -> Class {
        let summary = self.summary.to_lowercase();
        let state_write =
            summary.contains("state") && (summary.contains("save") || summary.contains("persist"));
        let found = CLASSES.iter().find(|(words, _)| summary.contains(words)).map(|(_, class)| *class);
        found.unwrap_or(if state_write { Class::StateWrite } else { Class::Other })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.place {
            write!(f, "{file}:{line}: ")?;
        }
        self.about.iter().try_for_each(|address| write!(f, "{address}: "))?;
        f.write_str(&one_line(&self.summary))?;
        match one_line(&self.detail) {
            detail if detail.is_empty() => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}

/// The text without what steers a terminal: sequences of escapes, and control characters.
fn plain(text: &str) -> String {
    let (mut shown, mut letters) = (String::with_capacity(text.len()), text.chars().peekable());
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            if letters.next_if_eq(&'[').is_some() {
                while letters.next_if(|letter| !('@'..='~').contains(letter)).is_some() {}
            }
            letters.next();
        } else if letter == '\n' || letter == '\t' || !letter.is_control() {
            shown.push(letter);
        }
    }
    shown
}

/// A detail is laid out for a terminal; in an error it is one line of bounded length.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn read(json: &str) -> Diagnostic {
        Diagnostic::read(&Reader::new(&parse(json.as_bytes()).unwrap(), "diagnostic"), &Redact::default())
    }

    #[test]
    fn an_error_is_told_by_its_words() {
        let class = |summary: &str| read(&format!(r#"{{"severity":"error","summary":"{summary}"}}"#)).class();
        assert_eq!(class("Error acquiring the state lock"), Class::Lock);
        assert_eq!(class("Saved plan is stale"), Class::Stale);
        assert_eq!(class("Failed to save state"), Class::StateWrite);
        assert_eq!(class("Failed to persist state to backend"), Class::StateWrite);
        assert_eq!(class("Resource instance cannot be destroyed"), Class::Guard);
        assert_eq!(class("something new"), Class::Other);
        let unanswered = [
            "Plugin did not respond",
            "Request cancelled",
            "Plugin error",
            "Provider produced invalid object",
        ];
        assert!(unanswered.iter().all(|summary| class(summary) == Class::Provider));
    }

    #[test]
    fn it_steers_no_terminal_and_names_its_file_from_the_root() {
        let json = r#"{"severity":"error","summary":"\u001b[31mNo\u001b[0m\u0007","detail":"a\u001b]0;x",
            "range":{"filename":"../modules/m/main.tf","start":{"line":3}}}"#;
        let shown = read(json).seen_from_root("infra/app").to_string();
        assert_eq!(shown, "infra/modules/m/main.tf:3: No: a0;x");
    }

    #[test]
    fn it_is_shown_on_one_line_with_its_place_and_without_the_snippet() {
        let json = r#"{"severity":"error","summary":"No","detail":"one\n  two","address":"a.b",
            "range":{"filename":"main.tf","start":{"line":3}},"snippet":{"code":"SECRET"}}"#;
        assert_eq!(read(json).to_string(), "main.tf:3: a.b: No: one two");
    }
}
