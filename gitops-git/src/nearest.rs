//! What a person may have meant.

use gitops_core::most_alike;

use crate::fault::shown;

const MAX_SHOWN: usize = 5;

/// A help text that names what exists, the most alike first.
pub(crate) fn nearest(what: &str, wanted: &str, names: &[String]) -> String {
    let ranked = most_alike(wanted, names.iter().map(String::as_str));
    let list: Vec<_> = ranked.iter().take(MAX_SHOWN).map(|name| format!("`{}`", shown(name, 80))).collect();
    let more = names.len().saturating_sub(MAX_SHOWN);
    match (list.is_empty(), more) {
        (true, _) => format!("there is no {what} at all"),
        (false, 0) => format!("there is {}", list.join(", ")),
        (false, more) => format!("there is {} and {more} more", list.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_most_alike_name_comes_first() {
        let names = ["develop", "main", "release"].map(String::from);
        assert_eq!(nearest("branch", "mian", &names), "there is `main`, `release`, `develop`");
        assert_eq!(nearest("branch", "main", &[]), "there is no branch at all");
    }
}
