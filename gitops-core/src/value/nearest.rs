//! The name that somebody probably meant.

/// How many letters of a name are compared. Names of others may be of any length, and the cost grows with the square.
const LETTERS: usize = 100;

/// The known name that is so near to a word that it is probably meant: two letters are other ones, or a quarter of them. Case does not
/// count, and of several that are equally near the first in their order is given.
#[doc(hidden)]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let (distance, found) = ranked(word, known).into_iter().next()?;
    let length = word.chars().count();
    let is_near = distance <= 2.max(length / 4);
    // Two short words of which no letter is common are as near as that.
    let has_something = distance < length.max(found.chars().count());
    (is_near && has_something).then_some(found)
}

/// Whether a word is one letter beside a known name that has as many letters as that takes to be no other word: four.
pub(crate) fn is_slip<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> bool {
    let is_long = (4..LETTERS).contains(&word.chars().count());
    is_long && ranked(word, known).first().is_some_and(|(distance, _)| *distance <= 1)
}

/// The known names, the most alike first.
#[doc(hidden)]
pub fn most_alike<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    ranked(word, known).into_iter().map(|(_, name)| name).collect()
}

fn ranked<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<(usize, &'k str)> {
    let plain = |text: &str| text.chars().take(LETTERS).collect::<String>().to_lowercase();
    let word = plain(word);
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &plain(name));
    let mut ranked: Vec<(usize, &str)> = known.into_iter().map(|name| (distance(name), name)).collect();
    ranked.sort_unstable();
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_word_and_another_word_finds_none() {
        let known = ["prune", "drift", "interval", "on"];
        let found = |word| nearest(word, known);
        assert_eq!(found("purne"), Some("prune"));
        assert_eq!(found("Intervall"), Some("interval"));
        assert_eq!(found("schedule"), None);
        assert_eq!(found("x"), None, "`on` has no letter of it");
        assert_eq!(nearest("word", []), None);
    }

    #[test]
    fn a_long_word_may_have_more_slips() {
        let known = ["topology.kubernetes.io/zone"];
        assert_eq!(nearest("topologie.kubernets.io/zones", known), Some(known[0]));
        assert_eq!(nearest("topo", known), None);
    }

    #[test]
    fn the_most_alike_name_comes_first() {
        assert_eq!(most_alike("mian", ["develop", "main", "release"]), ["main", "release", "develop"]);
    }

    #[test]
    fn names_of_any_length_are_compared_by_their_beginning() {
        let long = "a".repeat(1 << 20);
        assert_eq!(most_alike("b", [long.as_str(), "b"]), ["b", &long]);
    }
}
