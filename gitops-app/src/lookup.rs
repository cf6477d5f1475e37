//! Finds the object that a person means.

use std::collections::BTreeSet;

use gitops_core::{AuditEvent, AuditLog, Component, Cx, Error, ErrorKind, Key, Result, most_alike};

use crate::documents::changes;
use crate::session::Session;

/// The object whose key is `text`, or whose key or short form ends with it at a border between parts. The group of a kind
/// may be left out, and its letters be small, as for `kubectl`.
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
        _ => Err(several(text, &meant)),
    }
}

/// The object of an application that a text means, or the one that holds a component of this name.
///
/// # Errors
/// `NotFound` if nothing is called so, `Invalid` if several are.
pub async fn meant(cx: &Cx, session: &Session, text: &str) -> Result<Key> {
    let found = find(text, &session.keys());
    let Err(error) = found else { return found };
    if !error.is_not_found() {
        return Err(error);
    }
    let components = session.components(cx).await?;
    let holds = |parts: &&Vec<Component>| parts.iter().any(|component| component.name == text);
    let holders: Vec<&Key> =
        components.iter().filter(|(_, parts)| holds(parts)).map(|(key, _)| key).collect();
    match holders[..] {
        [] => Err(error),
        [key] => Ok(key.clone()),
        _ => Err(several(text, &holders)),
    }
}

/// The object that a text means, among all that were ever changed, also if it is gone.
///
/// # Errors
/// As [`find`]; the log can't be read, or its chain is broken.
///
/// # Cancel safety
/// It writes nothing.
pub async fn changed(cx: &Cx, log: &dyn AuditLog, text: &str) -> Result<Key> {
    let mut keys = BTreeSet::new();
    log.each(cx, &mut |record| {
        if let AuditEvent::Intent { key, .. } = record.entry.what {
            keys.insert(key);
        }
        Ok(())
    })
    .await?;
    find(text, &keys)
}

/// A text that means each of these objects.
pub fn several(text: &str, meant: &[&Key]) -> Error {
    let message = format!("`{text}` means {} objects", meant.len());
    Error::new(ErrorKind::Invalid, message).help(format!("write more of the key: {}", some(meant)))
}

fn is_meant(key: &Key, text: &str) -> bool {
    let is_end = |form: &str| {
        form.strip_suffix(text).is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
    };
    let is_path = || {
        let (kind, rest) = text.split_once('/').unwrap_or_default();
        let name = rest.strip_prefix(key.namespace()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(rest);
        kind.eq_ignore_ascii_case(key.kind().kind()) && name == key.name()
    };
    !text.is_empty() && (is_end(&key.to_string()) || is_end(&changes::object(key)) || is_path())
}

fn none(text: &str, keys: &BTreeSet<&Key>) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("no object is called `{text}`"));
    let forms = keys.iter().flat_map(|key| [key.name().to_owned(), changes::object(key)]);
    let forms: Vec<String> = forms.collect();
    // Who writes a part of a name is near it, however long the rest is.
    let holds = forms.iter().map(String::as_str).filter(|form| !text.is_empty() && form.contains(text));
    let nearest = holds.min_by_key(|form| form.len());
    let nearest = nearest.or_else(|| most_alike(text, forms.iter().map(String::as_str)).first().copied());
    match nearest {
        Some(form) => error.help(format!("did you mean `{form}`? `gitops graph --all` lists all")),
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
    fn a_part_of_a_name_leads_to_it() {
        let error = find("dex", &keys()).unwrap_err();
        assert!(error.help_text().unwrap().contains("did you mean `index.html`?"), "{error:?}");
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
    fn an_object_is_found_as_kubectl_names_it() {
        let keys = ["shop", "other"]
            .map(|space| Key::new("k8s", GroupKind::new("apps", "Deployment"), space, "web"));
        for text in ["deployment/shop/web", "Deployment/shop/web", "Deployment.apps/shop/web"] {
            assert_eq!(find(text, &keys).unwrap(), keys[0], "{text}");
        }
        assert_eq!(find("deployment/web", &keys[..1]).unwrap(), keys[0]);
        let error = find("deployment/web", &keys).unwrap_err();
        assert!(error.to_string().contains("means 2 objects"), "{error}");
        assert!(
            find("deployment/oth/web", &keys)
                .unwrap_err()
                .help_text()
                .unwrap()
                .contains("`Deployment.apps/other/web`")
        );
        assert!(find("service/shop/web", &keys).unwrap_err().is_not_found());
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
