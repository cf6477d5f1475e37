//! What a person may have meant.

use crate::fault::shown;

const MAX_SHOWN: usize = 5;

/// A help text that names what exists, the most alike first.
pub(crate) fn nearest(what: &str, wanted: &str, names: &[String]) -> String {
    let mut ranked: Vec<_> = names.iter().map(|name| (distance(wanted, name), name)).collect();
    ranked.sort();
    let list: Vec<_> =
        ranked.iter().take(MAX_SHOWN).map(|(_, name)| format!("`{}`", shown(name, 80))).collect();
    let more = names.len().saturating_sub(MAX_SHOWN);
    match (list.is_empty(), more) {
        (true, _) => format!("there is no {what} at all"),
        (false, 0) => format!("there is {}", list.join(", ")),
        (false, more) => format!("there is {} and {more} more", list.join(", ")),
    }
}

/// How many letters must be put in, taken out or exchanged to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(a != *b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_most_alike_name_comes_first() {
        let names = ["develop", "main", "release"].map(String::from);
        assert_eq!(nearest("branch", "mian", &names), "there is `main`, `release`, `develop`");
        assert_eq!(nearest("branch", "main", &[]), "there is no branch at all");
        assert_eq!((distance("kitten", "sitting"), distance("", "ab"), distance("ab", "ab")), (3, 2, 0));
    }
}
