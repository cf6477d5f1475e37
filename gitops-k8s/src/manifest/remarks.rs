//! What somebody should know of a file although it can be used.

use gitops_core::{Diagnostic, Part, Severity};

use crate::yaml::{Document, Fault, File};

/// How many remarks about one file are told one by one.
const MOST: usize = 20;

/// What readers take differently in documents.
pub(super) fn of(documents: &mut [Document]) -> Vec<Fault> {
    documents.iter_mut().flat_map(|document| std::mem::take(&mut document.remarks)).collect()
}

/// Remarks on a part, in the order of their places.
pub(super) fn tell(part: &Part<'_>, file: &File<'_>, mut found: Vec<Fault>) {
    found.sort_by_key(|fault| fault.place);
    found.dedup();
    let rest = found.len().saturating_sub(MOST);
    found.iter().take(MOST).for_each(|fault| part.remark(warning(file.show(fault))));
    if let (1.., Some(first)) = (rest, found.get(MOST)) {
        let fault =
            Fault::new(first.code, first.place, format!("here is one of {rest} more remarks about the file"));
        part.remark(warning(file.show(&fault.help("mend those that are shown to see the others"))));
    }
}

/// Remarks that a part declares nothing: a manifest may have been cut short, and what it declared before would go.
pub(super) fn tell_empty(part: &Part<'_>, what: &str) {
    let remark = Diagnostic::warning("GO0416", part.path(), format!("{what} holds no object"));
    part.remark(remark.help("remove it if that is meant: what it declared before is no longer declared"));
}

fn warning(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = Severity::Warning;
    diagnostic
}
