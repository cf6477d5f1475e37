//! Finds the object that a person means.

use std::collections::BTreeSet;

use gitops_core::{Error, ErrorKind, Key, Result};

use crate::output::changes;

/// The object whose key is `text`, or whose key or short form ends with it at a border between parts.
///
/// # Errors
/// `NotFound` if there is none, `Invalid` if there are several, naming some.
pub fn find<'k>(text: &str, keys: impl IntoIterator<Item = &'k Key>) -> Result<Key> {
    let keys: BTreeSet<&Key> = keys.into_iter().collect();
    if let Some(key) = keys.iter().find(|key| key.to_string() == text) {
        return Ok((*key).clone());
    }
    let meant: Vec<&Key> = keys.iter().copied().filter(|key| is_meant(key, text)).collect();
    match meant[..] {
        [key] => Ok(key.clone()),
        [] => Err(none(text, &keys)),
        _ => {
            let message = format!("`{text}` means {} objects", meant.len());
            Err(Error::new(ErrorKind::Invalid, message)
                .help(format!("write more of the key: {}", some(&meant))))
        }
    }
}

fn is_meant(key: &Key, text: &str) -> bool {
    [key.to_string(), changes::object(key)].iter().any(|form| {
        form.strip_suffix(text).is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
    }) && !text.is_empty()
}

fn none(text: &str, keys: &BTreeSet<&Key>) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("no object is called `{text}`"));
    let names: Vec<&str> = keys.iter().map(|key| key.name()).collect();
    let nearest = names.iter().copied().min_by_key(|name| strsim::damerau_levenshtein(name, text));
    match nearest {
        Some(name) => error.help(format!("did you mean `{name}`? `gitops graph` lists all")),
        None => error.help("nothing is declared and nothing is owned yet"),
    }
}

fn some(keys: &[&Key]) -> String {
    let names: Vec<String> = keys.iter().take(5).map(ToString::to_string).collect();
    let rest = if keys.len() > 5 { ", …" } else { "" };
    names.join(", ") + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::GroupKind;

    fn keys() -> Vec<Key> {
        let key = |name: &str| Key::new("dir", GroupKind::new("", "File"), "", name);
        vec![key("a/app.toml"), key("b/app.toml"), key("index.html")]
    }

    #[test]
    fn an_end_that_means_one_object_finds_it() {
        let keys = keys();
        for text in ["index.html", "File/index.html", "dir:File/-/index.html"] {
            assert_eq!(find(text, &keys).unwrap(), keys[2], "{text}");
        }
        assert_eq!(find("b/app.toml", &keys).unwrap(), keys[1]);
    }

    #[test]
    fn an_end_that_means_several_names_them_and_half_a_word_means_none() {
        let keys = keys();
        let error = find("app.toml", &keys).unwrap_err();
        assert!(error.help_text().unwrap().contains("dir:File/-/a/app.toml, dir:File/-/b/app.toml"));
        assert!(find("pp.toml", &keys).unwrap_err().is_not_found());
        assert!(find("", &keys).is_err());
    }
}
