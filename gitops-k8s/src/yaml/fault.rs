use std::cell::OnceCell;

use gitops_core::{Diagnostic, Span, redact};

use super::{Place, YamlLimits};

/// A fault in a file, before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub place: Place,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    /// The message quotes what is wrong: that may be a secret that stands where another thing is meant to.
    pub fn new(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { code, place, message: message.into(), help: None }
    }

    /// The text is not YAML or JSON.
    pub fn syntax(place: Place, message: impl Into<String>) -> Self {
        Self::new("GO0401", place, message)
    }

    /// Nobody wants the rest any more.
    pub fn cancelled(place: Place) -> Self {
        Self::syntax(place, "its reading was cancelled")
    }

    /// A limit is reached.
    pub fn limit(place: Place, what: &str, limit: usize) -> Self {
        let help = "split the file, or raise this limit where the renderer is set up";
        Self::new("GO0402", place, format!("more than {limit} {what}")).help(help)
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// How many characters of a line are shown.
const SHOWN: usize = 400;

/// A file while it is read: what it takes to show a fault in it.
pub(crate) struct File<'a> {
    path: &'a str,
    text: &'a str,
    /// Whether its lines may be shown; found out for its first fault.
    open: OnceCell<bool>,
    /// Its lines that may be shown, the others empty; found for its first fault, for there may be many.
    lines: OnceCell<Vec<&'a str>>,
}

impl<'a> File<'a> {
    /// Takes bytes as text.
    ///
    /// # Errors
    /// The file is too large, or not UTF-8.
    pub fn new(path: &'a str, bytes: &'a [u8], limits: &YamlLimits) -> Result<Self, Box<Diagnostic>> {
        if bytes.len() > limits.bytes {
            let fault = Fault::limit(Place::default(), "bytes in a file", limits.bytes);
            return Err(Box::new(Self::of(path, "").show(&fault)));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::of(path, text.trim_start_matches('\u{feff}'))),
            Err(error) => Err(Box::new(not_utf8(path, bytes, error.valid_up_to()))),
        }
    }

    fn of(path: &'a str, text: &'a str) -> Self {
        Self { path, text, open: OnceCell::new(), lines: OnceCell::new() }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The fault with its file and, if the file holds no secrets, its line.
    pub fn show(&self, fault: &Fault) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(fault.code, self.path, fault.message.clone());
        diagnostic.help.clone_from(&fault.help);
        match fault.place.line {
            0 => diagnostic,
            _ => diagnostic.at(self.span(fault.place)),
        }
    }

    /// A file that may hold a Secret, or an encrypted one, is not quoted.
    fn is_open(&self) -> bool {
        *self.open.get_or_init(|| !may_hold_a_secret(self.text))
    }

    /// A line is shown as it stands or not at all.
    fn shown(&self) -> Vec<&'a str> {
        if !self.is_open() {
            return Vec::new();
        }
        let masked = redact::line(self.text);
        let lines = self.text.lines().zip(masked.lines());
        lines.map(|(line, masked)| if line == masked { line } else { "" }).collect()
    }

    fn span(&self, Place { line, column }: Place) -> Span {
        let lines = self.lines.get_or_init(|| self.shown());
        let text = lines.get(line as usize - 1).copied().unwrap_or_default();
        let text: String = text.chars().take(SHOWN).collect();
        let tail = text.chars().skip(column as usize - 1);
        let width = tail.take_while(|c| !c.is_whitespace() && *c != ':').count().max(1);
        Span::new(line, column, u32::try_from(width).unwrap_or(1), text)
    }
}

/// A file that was mistyped, or does not parse, is no less secret: what counts is that somebody may have meant a Secret.
fn may_hold_a_secret(text: &str) -> bool {
    if ["Secret", "sops:", "\"sops\"", "'sops'"].iter().any(|mark| text.contains(mark)) {
        return true;
    }
    let text = text.to_ascii_lowercase();
    let ends_word = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    // A reference to one, such as `secretName`, is none.
    text.contains("stringdata")
        || text.match_indices("secret").any(|(at, word)| ends_word(&text[at + word.len()..]))
}

fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Diagnostic {
    let line = bytes[..at].split(|byte| *byte == b'\n').count();
    let message = format!("line {line} holds bytes that are not UTF-8");
    Diagnostic::error("GO0401", path, message).help("save the file as UTF-8")
}
