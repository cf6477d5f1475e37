//! Text of others, made safe to show on one line.

use crate::value::Key;

/// The beginning of a text, at most so many bytes with the mark that says that more follows.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let at_most = bytes.saturating_sub('…'.len_utf8());
    let end = (0..=at_most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// An object as people say it, without its target: `Deployment.apps/shop/web`.
pub(super) fn object(key: &Key) -> String {
    match key.namespace() {
        "" => format!("{}/{}", key.kind(), key.name()),
        namespace => format!("{}/{namespace}/{}", key.kind(), key.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_between_characters() {
        assert_eq!(cut("ééé", 6), "ééé");
        assert_eq!(cut("éééé", 6), "é…");
        assert_eq!(cut("abc", 0), "…");
    }
}
