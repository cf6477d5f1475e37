//! Texts as people read them.

pub use gitops_core::text::on_one_line as escape;

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
