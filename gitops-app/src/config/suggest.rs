//! The word that somebody probably meant.

use super::reader::list;

/// What to say about a word that is not among the known ones: the nearest, or all of them.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("known are {}", list(known)),
    }
}

/// The known word that is at most a third of its letters away.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&word, &known.to_lowercase());
    let best = known.iter().copied().min_by_key(distance)?;
    (distance(&best) <= best.chars().count().div_ceil(3)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_word_and_another_word_finds_none() {
        let known = ["prune", "drift", "interval"];
        let found = |word| nearest(word, &known);
        assert_eq!(found("purne"), Some("prune"));
        assert_eq!(found("Intervall"), Some("interval"));
        assert_eq!(found("schedule"), None);
    }

    #[test]
    fn without_a_near_word_all_are_named() {
        assert_eq!(suggestion("x", &["prune", "drift"]), "known are `prune`, `drift`");
        assert_eq!(suggestion("x", &[]), "there is none");
    }
}
