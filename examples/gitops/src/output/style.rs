//! Colours and escapes. A colour is never the only sign: a symbol and a word say the same.

use std::fmt::Display;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use gitops_core::Action;

/// For headings.
pub const BOLD: Style = Style::new().bold();
/// For what matters less.
pub const DIM: Style = Style::new().dimmed();
/// For what is made, and for success.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// For what is changed, and for warnings.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// For what is removed, and for errors.
pub const RED: Style = AnsiColor::Red.on_default();
/// For places in files.
pub const CYAN: Style = AnsiColor::Cyan.on_default();

/// The colour of an action.
pub const fn of(action: Action) -> Style {
    match action {
        Action::Create => GREEN,
        Action::Update => YELLOW,
        Action::Replace | Action::Delete => RED,
    }
}

/// A text in a style. The text is not escaped.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A text from outside with its control characters written out, so that it can't rewrite the screen.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if rewrites_the_screen(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and the marks that turn the direction of writing round.
fn rewrites_the_screen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The line below an error with what a person can do about it.
pub fn help(text: &str) -> String {
    format!("\n  = help: {}", escape(text))
}

/// A count with its noun: `1 object`, `2 objects`.
pub fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_can_not_move_the_cursor() {
        assert_eq!(escape("a\x1b[2Jb\r\u{202e}c\u{9b}"), "a\\u{1b}[2Jb\\r\\u{202e}c\\u{9b}");
        assert_eq!(escape("naïve → 3"), "naïve → 3");
    }
}
