use super::{Fault, Place};

/// The text of one document, as `kubectl` cuts a file into documents: at every line that begins with `---`, even
/// inside of quotes and block scalars.
pub(super) struct Part<'a> {
    pub text: &'a str,
    /// The line of the file on which the text begins, from 1.
    pub line: u32,
    /// What stood behind the `---` before it.
    marker: &'a str,
}

impl Part<'_> {
    /// # Errors
    /// There is content on the line of the `---`.
    pub fn check(&self) -> Result<(), Fault> {
        match self.marker.trim() {
            "" => Ok(()),
            comment if comment.starts_with('#') => Ok(()),
            _ => {
                let place = Place { line: self.line.saturating_sub(1), column: 4 };
                let message = "content on the line of the `---` that begins a document";
                Err(Fault::syntax(place, message).help("begin it on the next line"))
            }
        }
    }
}

pub(super) fn documents(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some(Part { text, line: 1, marker: "" });
    std::iter::from_fn(move || {
        let Part { text, line, marker } = rest.take()?;
        let Some(end) = next_marker(text) else { return Some(Part { text, line, marker }) };
        let (body, after) = text.split_at(end);
        let (marker_line, tail) = after.split_once('\n').unwrap_or((after, ""));
        let next = line + lines(body) + 1;
        rest = Some(Part { text: tail, line: next, marker: &marker_line[3..] });
        Some(Part { text: body, line, marker })
    })
}

/// Where the next line that begins with `---` begins.
fn next_marker(text: &str) -> Option<usize> {
    match text.starts_with("---") {
        true => Some(0),
        false => text.find("\n---").map(|at| at + 1),
    }
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_begins_with_three_dashes_begins_a_document() {
        let parts: Vec<_> =
            documents("a: |\n---\nb\n--- # two\n\n---\n").map(|part| (part.line, part.text)).collect();
        assert_eq!(parts, [(1, "a: |\n"), (3, "b\n"), (5, "\n"), (7, "")]);
    }

    #[test]
    fn content_behind_the_dashes_is_refused_at_its_line() {
        let faults: Vec<_> = documents("a\n--- {b: c}\n").filter_map(|part| part.check().err()).collect();
        assert_eq!(faults.iter().map(|fault| fault.place.line).collect::<Vec<_>>(), [2]);
    }
}
