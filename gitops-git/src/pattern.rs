use gitops_core::{Diagnostic, Span};

use crate::fault::shown;

/// The code of a pattern that fits nothing.
const UNUSED: &str = "GO0208";

/// A pattern that lets files through or holds them back, and where somebody wrote it down.
///
/// ```
/// use gitops_core::Span;
/// use gitops_git::{GitSource, Pattern};
///
/// let span = Span::new(4, 12, 4, r#"  ignore: ["*.md"]"#);
/// let source = GitSource::builder("./site").ignore(Pattern::from("*.md").written_at("tool.yaml", span));
/// # let _ = source;
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) text: String,
    place: Option<(String, Span)>,
}

impl Pattern {
    /// Says where it is written, for the diagnostic that it fits nothing.
    #[must_use]
    pub fn written_at(mut self, file: impl Into<String>, span: Span) -> Self {
        self.place = Some((file.into(), span));
        self
    }

    /// It was to let something through, and there may be much that it should have: an error.
    pub(crate) fn lets_nothing_through(&self) -> Diagnostic {
        self.unused(Diagnostic::error, "lets nothing through").help("correct it, or take it away")
    }

    /// It was to hold something back, which may be gone by now: a warning.
    pub(crate) fn holds_nothing_back(&self) -> Diagnostic {
        let help = "correct it, or take it away if what it ignored is gone";
        self.unused(Diagnostic::warning, "holds nothing back").help(help)
    }

    fn unused(&self, kind: fn(&'static str, String, String) -> Diagnostic, fault: &str) -> Diagnostic {
        let text = shown(&self.text, 200);
        match &self.place {
            Some((file, span)) => {
                kind(UNUSED, file.clone(), format!("the pattern `{text}` {fault}")).at(span.clone())
            }
            None => kind(UNUSED, text, format!("the pattern {fault}")),
        }
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, place: None }
    }
}
