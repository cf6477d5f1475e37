//! What somebody should know of a file although it can be used.

use gitops_core::{Diagnostic, Part, Severity};

use crate::declare::render::Origins;
use crate::yaml::{Document, Fault, File};

/// How many warnings about one file are told one by one.
const MOST: usize = 20;

/// What readers take differently in documents.
pub(super) fn of(documents: &mut [Document]) -> Vec<Fault> {
    documents.iter_mut().flat_map(|document| std::mem::take(&mut document.warnings)).collect()
}

/// Warnings on a part, in the order of their places.
pub(super) fn tell(
    part: &Part<'_>,
    file: &File<'_>,
    origins: Option<&Origins<'_, '_>>,
    mut found: Vec<Fault>,
) {
    let shown = |fault: &Fault| {
        let shown = file.show(fault);
        warning(match origins {
            Some(origins) => origins.place(shown),
            None => shown,
        })
    };
    found.sort_by_key(|fault| fault.place);
    found.dedup();
    let rest = found.len().saturating_sub(MOST);
    found.iter().take(MOST).for_each(|fault| part.warning(shown(fault)));
    if let (1.., Some(first)) = (rest, found.get(MOST)) {
        let fault = Fault::new(
            first.code,
            first.place,
            format!("here is one of {rest} more warnings about the file"),
        );
        part.warning(shown(&fault.help("mend those that are shown to see the others")));
    }
}

/// Warnings that a part declares nothing: a manifest may have been cut short, and what it declared before would go.
pub(super) fn tell_empty(part: &Part<'_>, what: &str) {
    let warning = Diagnostic::warning("GO0416", part.path(), format!("{what} holds no object"));
    part.warning(warning.help("remove it if that is meant: what it declared before is no longer declared"));
}

fn warning(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = Severity::Warning;
    diagnostic
}
