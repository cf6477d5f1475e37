//! Diagnostics with a picture of the line.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use gitops_core::{Diagnostic, Severity, Span};

use crate::text::escape;

/// Draws faults one after the other, with an empty line between.
pub fn draw_all(faults: &[Diagnostic]) -> String {
    faults.iter().map(draw).collect::<Vec<_>>().join("\n")
}

/// Draws a fault or a warning.
pub fn draw(fault: &Diagnostic) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = escape(&fault.path);
    let title = match fault.span {
        Some(_) => escape(&fault.message),
        None => format!("{path}: {}", escape(&fault.message)),
    };
    let mut group = level.primary_title(title).id(fault.code).elements(fault.span.as_ref().map(|span| {
        let label = fault.help.as_deref().map(escape);
        let owner_label = AnnotationKind::Primary.span(range(span)).label(label);
        Snippet::source(printable(&span.text))
            .line_start(span.line as usize)
            .path(path)
            .annotation(owner_label)
    }));
    if let (None, Some(help)) = (&fault.span, &fault.help) {
        group = group.element(Level::HELP.message(escape(help)));
    }
    let explain = format!("run `gitops explain {}`", fault.code);
    let report = [group.element(Level::HELP.message(explain))];
    Renderer::styled().render(&report) + "\n"
}

/// The line with each control character as one other, so that columns stay.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// The place in bytes of the printable line.
fn range(span: &Span) -> std::ops::Range<usize> {
    let line = printable(&span.text);
    let at = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(index, _)| index);
    let start = span.column as usize - 1;
    at(start)..at(start + span.width as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(fault: &Diagnostic) -> String {
        anstream::adapter::strip_str(&draw(fault)).to_string()
    }

    #[test]
    fn a_fault_has_its_code_its_place_and_the_way_out() {
        let span = Span::new(7, 9, 5, "sync: { purne: true }");
        let fault = Diagnostic::error("GO0106", "gitops.yaml", "unknown key `purne` in `sync`")
            .at(span)
            .help("did you mean `prune`?");
        insta::assert_snapshot!(plain(&fault), @r"
        error[GO0106]: unknown key `purne` in `sync`
         --> gitops.yaml:7:9
          |
        7 | sync: { purne: true }
          |         ^^^^^ did you mean `prune`?
          |
          = help: run `gitops explain GO0106`
        ");
    }

    #[test]
    fn a_fault_of_a_whole_file_names_it_in_the_title() {
        let fault = Diagnostic::error("GO0101", "gitops.yaml", "there is no such file")
            .help("write one with `gitops init`, or name another with `-f FILE`");
        insta::assert_snapshot!(plain(&fault), @r"
        error[GO0101]: gitops.yaml: there is no such file
         |
         = help: write one with `gitops init`, or name another with `-f FILE`
         = help: run `gitops explain GO0101`
        ");
    }
}
