//! The word that somebody probably meant.

use gitops_core::nearest;

use super::reader::list;

/// What to say about a word that is not among the known ones: the nearest, or all of them.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("known are {}", list(known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_near_word_all_are_named() {
        assert_eq!(suggestion("x", &["prune", "drift"]), "known are `prune`, `drift`");
        assert_eq!(suggestion("x", &[]), "there is none");
    }
}
