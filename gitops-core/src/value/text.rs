//! Text of others, made safe to show.

use std::fmt::Write;

/// The text on one line: control characters, and characters that can't be seen or that turn the direction of writing round,
/// are written out. So it can't rewrite a screen, break out of a table or pretend to be another text.
///
/// ```
/// use gitops_core::text::on_one_line;
/// assert_eq!(on_one_line("a\nb\u{1b}[2J\u{202e}c → é"), "a\\nb\\u{1b}[2J\\u{202e}c → é");
/// ```
pub fn on_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The same of the first `limit` characters, with `…` where more follow.
///
/// ```
/// use gitops_core::text::shown;
/// assert_eq!(shown("ab\ncd", 3), "ab\\n…");
/// ```
pub fn shown(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", on_one_line(&text[..end])),
        None => on_one_line(text),
    }
}

/// Whether a character changes what is read without being seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}
