//! Text of others within Markdown: it is shown as it is, and can do nothing.
//!
//! All of it stands in code spans, in fences, or in the HTML of a summary between `<code>` and `</code>`: there no forge
//! looks for names to notify, numbers or addresses to link, or commands, and no Markdown or HTML of it counts.

use crate::review::text::cut;
use crate::value::text::on_one_line;

/// A code span of Markdown with a text of others, cut to a length in bytes: none of it can end the span, notify anybody, link,
/// or be taken for a command.
pub fn code(text: &str, bytes: usize) -> String {
    let text = cut(&on_one_line(text), bytes);
    let ticks = "`".repeat(longest_run(&text) + 1);
    // One blank at each end is taken off again where there is one at both.
    let is_padded = text.starts_with(' ') && text.ends_with(' ');
    let pad =
        if text.is_empty() || text.starts_with('`') || text.ends_with('`') || is_padded { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// The same in a cell of a table, where a bar would end the cell even in a code span.
pub(super) fn cell(text: &str, bytes: usize) -> String {
    code(&text.replace('|', "∣"), bytes)
}

/// The same within a line of HTML.
pub(super) fn html(text: &str, bytes: usize) -> String {
    let mut out = String::from("<code>");
    for c in cut(&on_one_line(text), bytes).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out + "</code>"
}

/// The backticks of a fence around some lines: more than any line has in a row.
pub(super) fn fence<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    "`".repeat(lines.map(longest_run).max().unwrap_or(0).max(2) + 1)
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_holds_any_text() {
        assert_eq!(code("plain", 99), "`plain`");
        assert_eq!(code("`x`", 99), "`` `x` ``");
        assert_eq!(code("a```b", 99), "````a```b````");
        assert_eq!(code("", 99), "`  `");
        assert_eq!(code(" x ", 99), "`  x  `");
        assert_eq!(code("a\n/close", 99), "`a\\n/close`");
        assert_eq!(cell("a|b", 99), "`a∣b`");
        assert_eq!(html("<!-- @x", 99), "<code>&lt;!-- @x</code>");
        assert_eq!(fence(["````", "x"].into_iter()), "`````");
    }
}
