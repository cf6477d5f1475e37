use std::cell::OnceCell;

use gitops_core::{Diagnostic, Span};

use super::{Limits, Place};

/// A fault in a file, before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub place: Place,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { code, place, message: message.into(), help: None }
    }

    /// The text is not YAML or JSON.
    pub fn syntax(place: Place, message: impl Into<String>) -> Self {
        Self::new("GO0401", place, message)
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

/// A file while it is read: what it takes to show a fault in it.
pub(crate) struct File<'a> {
    path: &'a str,
    text: &'a str,
    /// Whether its lines may be shown; found out for its first fault.
    open: OnceCell<bool>,
}

impl<'a> File<'a> {
    /// Takes bytes as text.
    ///
    /// # Errors
    /// The file is too large, or not UTF-8.
    pub fn new(path: &'a str, bytes: &'a [u8], limits: &Limits) -> Result<Self, Box<Diagnostic>> {
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
        Self { path, text, open: OnceCell::new() }
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
        let marks = ["Secret", "sops:", "\"sops\""];
        *self.open.get_or_init(|| !marks.iter().any(|mark| self.text.contains(mark)))
    }

    fn span(&self, Place { line, column }: Place) -> Span {
        let text = self.text.lines().nth(line as usize - 1).filter(|_| self.is_open()).unwrap_or_default();
        let tail = text.chars().skip(column as usize - 1);
        let width = tail.take_while(|c| !c.is_whitespace() && *c != ':').count().max(1);
        let text = text.chars().take(400).collect();
        Span { line, column, width: u32::try_from(width).unwrap_or(1), text }
    }
}

fn not_utf8(path: &str, bytes: &[u8], at: usize) -> Diagnostic {
    let line = bytes[..at].split(|byte| *byte == b'\n').count();
    let message = format!("line {line} holds bytes that are not UTF-8");
    Diagnostic::error("GO0401", path, message).help("save the file as UTF-8")
}
