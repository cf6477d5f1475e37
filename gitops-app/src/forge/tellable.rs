//! What of an error people may read on a forge.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// An error's text as it may be told on a forge: without the places of files on this machine, which are nobody's business there. What
/// lies in a folder of the applications is named from that folder on, and any other file by its name alone.
pub fn tellable<'c>(text: &str, configs: impl IntoIterator<Item = &'c Config>) -> String {
    if !text.contains('/') {
        return text.to_owned();
    }
    let folders = folders(configs);
    let (mut told, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('/') {
        let (before, from) = rest.split_at(at);
        told.push_str(before);
        let (name, after) = match begins_a_path(&told) {
            true => path(from, &folders),
            false => from.split_at(end_of_path(from)),
        };
        told.push_str(name);
        rest = after;
    }
    told.push_str(rest);
    told
}

/// The path at the beginning of a text as it may be told, and what follows it.
fn path<'t>(text: &'t str, folders: &'t [String]) -> (&'t str, &'t str) {
    for folder in folders {
        let Some(inner) = text.strip_prefix(folder.as_str()).filter(|inner| !goes_on(inner)) else {
            continue;
        };
        return match inner.strip_prefix('/').filter(|inner| goes_on(inner)) {
            Some(inner) => inner.split_at(end_of_path(inner)),
            None => (last(folder), inner),
        };
    }
    let (path, rest) = text.split_at(end_of_path(text));
    (if is_here(path) { last(path) } else { path }, rest)
}

/// The folders of the applications, each of which lies in no other one.
fn folders<'c>(configs: impl IntoIterator<Item = &'c Config>) -> Vec<String> {
    let of = |config: &Config| [config.base().to_owned(), config.state.clone(), config.mirrors.clone()];
    let named: Vec<PathBuf> = configs.into_iter().flat_map(of).collect();
    let real = named.iter().filter_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().ok()
    });
    let all = real.chain(named.iter().cloned()).filter(|path| path.is_absolute());
    let all: BTreeSet<String> =
        all.map(|path| path.display().to_string()).filter(|path| path != "/").collect();
    // The folder of a state lies in that of its file: what is in both is named from the outer one on.
    let is_inner = |path: &String| all.iter().any(|other| path.len() > other.len() && is_in(path, other));
    all.iter().filter(|path| !is_inner(path)).cloned().collect()
}

fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a path may begin after a text: not in a URL, and not in the midst of another path.
fn begins_a_path(before: &str) -> bool {
    before.chars().next_back().is_none_or(|c| c.is_whitespace() || "\"'`([{<=,;".contains(c))
}

/// Whether a text begins with what belongs to a name.
fn goes_on(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphanumeric() || "._-~".contains(c))
}

fn end_of_path(text: &str) -> usize {
    let is_end = |c: char| c.is_whitespace() || "\"'`)]}>,;:".contains(c);
    text.find(is_end).unwrap_or(text.len())
}

/// Whether an absolute path may be one of this machine: a pointer to a field, and a path of an API, begin otherwise.
fn is_here(path: &str) -> bool {
    let mut names = path.split('/').skip(1).filter(|name| !name.is_empty());
    let Some(first) = names.next() else { return false };
    names.next().is_some() && Path::new("/").join(first).is_dir()
}

fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Applications, Backends};

    #[test]
    fn a_text_for_a_forge_has_no_place_of_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gitops.yaml");
        let text = "name: site\nsource: { git: { url: ./origin, ref: { branch: main } } }\n\
                    target: { directory: { root: ./live } }\n";
        std::fs::write(&file, text).unwrap();
        let all = Applications::load(&file, &Backends::new()).unwrap().all;
        let (base, home) = (folder.path().display().to_string(), std::env::temp_dir().display().to_string());
        let told = |text: &str| tellable(&text.replace("BASE", &base), &all);
        for (text, expected) in [
            ("full (path: BASE/.gitops/site/store/inventory)", "full (path: .gitops/site/store/inventory)"),
            ("can't make BASE: full", &format!("can't make {}: full", last(&base))),
            ("at path \"BASE/gitops.yaml\"", "at path \"gitops.yaml\""),
            ("BASE/a and `BASE/b/`, BASE/c", "a and `b/`, c"),
            // Another folder that begins with the same name.
            ("(path: BASE-other/a)", "(path: a)"),
            ("(path: /etc/gitops/token): away", "(path: token): away"),
            ("at /spec/template/spec: no", "at /spec/template/spec: no"),
            ("GET https://host/tmp/a: 500", "GET https://host/tmp/a: 500"),
            ("give /approve 12 or `/plan`", "give /approve 12 or `/plan`"),
            ("a/b and 1/2", "a/b and 1/2"),
            ("a trailing /", "a trailing /"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        assert_eq!(tellable(&format!("in {home}/gitops-1/a"), &[]), "in a");
    }
}
