//! Colours and escapes. A colour is never the only sign: a symbol and a word say the same.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};
pub use gitops_app::text::{count, escape};
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

/// The line below an error with what a person can do about it.
pub fn help(text: &str) -> String {
    format!("\n  = help: {}", escape(text))
}
