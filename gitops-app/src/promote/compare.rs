//! What to copy from one application's files to another's.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use gitops_core::redact::credentials;
use gitops_core::{Digest, Error, ErrorKind, Result, Value};
use gitops_k8s::yaml::Document;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::edit::{Words, is_only, read, spliced};
use super::files::Files;
use super::version::{self, Version};
use super::{How, LeftVersion, OtherFile, VersionChange};

/// How many digits name the content of a file.
const DIGITS: usize = 12;

/// What was found.
#[derive(Debug, Default)]
pub struct Compared {
    pub changes: Vec<VersionChange>,
    pub left: Vec<LeftVersion>,
    pub others: Vec<OtherFile>,
    /// The new content of files, from the root of the repository.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The patterns that fit no file of the first application.
    pub unmatched: Vec<String>,
}

/// A file that is understood, and its versions.
struct Known<'a> {
    text: &'a str,
    documents: Option<Vec<Document>>,
    versions: Vec<Version>,
}

/// Compares the files of two applications; `folder` is the second one's, and `whole` are patterns of files to be copied.
pub fn compare(from: &Files, to: &Files, folder: &str, whole: &[String]) -> Result<Compared> {
    let (patterns, whole) = (whole, globs(whole)?);
    let fitting: BTreeSet<usize> = from.keys().flat_map(|path| whole.matches(path)).collect();
    let unmatched = patterns.iter().enumerate().filter(|(index, _)| !fitting.contains(index));
    let unmatched = unmatched.map(|(_, pattern)| pattern.clone()).collect();
    let mut found = Compared { unmatched, ..Compared::default() };
    let mut new: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    let [ours, theirs] = [from, to].map(known);
    let sources = by_identity(&ours);
    let targets = by_identity(&theirs);
    let place = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    for (path, file) in &theirs {
        if whole.is_match(path) {
            continue;
        }
        let left = |version: &Version, why: &str| LeftVersion {
            file: place(path),
            line: version.line,
            what: version.what.clone(),
            why: why.to_owned(),
        };
        let mut edits = Vec::new();
        for version in &file.versions {
            let same = sources.get(version.identity.as_str()).map_or(&[][..], Vec::as_slice);
            let is_alone = targets[version.identity.as_str()].len() == 1;
            match same {
                // Nothing to copy from.
                [] => {}
                [(text, source)] if is_alone => match proven(version, source, (file.text, text)) {
                    Proven::Same => {}
                    Proven::Not(why) => found.left.push(left(version, why)),
                    Proven::Change(edit) => edits.push((version, *source, edit)),
                },
                _ => found.left.push(left(version, "it is there more than once")),
            }
        }
        match edited(path, file, &edits) {
            _ if edits.is_empty() => {}
            Some(text) => {
                found.changes.extend(edits.iter().map(|(version, source, edit)| VersionChange {
                    file: place(path),
                    line: version.line,
                    what: version.what.clone(),
                    before: edit.before.clone(),
                    after: edit.after.clone(),
                    can_move: source.can_move,
                }));
                new.insert(path, text.into_bytes());
            }
            None => found
                .left
                .extend(edits.iter().map(|(version, ..)| left(version, "an edit would change more than it"))),
        }
    }
    for (path, content) in from.iter().filter(|(path, _)| whole.is_match(path)) {
        match to.get(path) {
            Some(is) if is == content => {}
            Some(is) => {
                found.changes.push(VersionChange {
                    file: place(path),
                    line: 0,
                    what: "the whole file".to_owned(),
                    before: named(is),
                    after: named(content),
                    can_move: false,
                });
                new.insert(path, content.to_vec());
            }
            None => found.left.push(LeftVersion {
                file: place(path),
                line: 0,
                what: "the whole file".to_owned(),
                why: "it is not there yet: add it in a request of its own".to_owned(),
            }),
        }
    }
    found.others = others(from, to, &new);
    found.files = new.into_iter().map(|(path, content)| (place(path), content)).collect();
    found.masked();
    found.changes.sort();
    found.left.sort();
    Ok(found)
}

/// What a content is called: one that is not the same has another name.
fn named(content: &[u8]) -> String {
    Digest::of(content).to_string().chars().take(DIGITS).collect()
}

impl Compared {
    /// Without what looks like a credential: a source or a version may be a URL that has one, and this is read on the forge. What is
    /// copied is not touched.
    fn masked(&mut self) {
        let mask = |text: &mut String| {
            if let Cow::Owned(masked) = credentials(text) {
                *text = masked;
            }
        };
        for VersionChange { what, before, after, .. } in &mut self.changes {
            [what, before, after].into_iter().for_each(mask);
        }
        for LeftVersion { what, why, .. } in &mut self.left {
            [what, why].into_iter().for_each(mask);
        }
    }
}

/// The files that are understood.
fn known(files: &Files) -> BTreeMap<&str, Known<'_>> {
    let known = files.iter().filter_map(|(path, content)| {
        let text = std::str::from_utf8(content).ok()?;
        let extension = path.rsplit('.').next().unwrap_or_default();
        let known = match extension {
            "yaml" | "yml" => {
                let documents = read(path, text)?;
                let versions = version::of_yaml(path, text, &documents);
                Known { text, documents: Some(documents), versions }
            }
            "tf" => Known { text, documents: None, versions: version::of_terraform(path, text)? },
            _ => return None,
        };
        Some((path.as_str(), known))
    });
    known.collect()
}

type ByIdentity<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Version)>>;

/// The versions by what they are of, each with the text of its file.
fn by_identity<'a>(files: &'a BTreeMap<&'a str, Known<'a>>) -> ByIdentity<'a> {
    let mut found = ByIdentity::new();
    for file in files.values() {
        for version in &file.versions {
            found.entry(&version.identity).or_default().push((file.text, version));
        }
    }
    found
}

/// Words that take the place of others.
#[derive(Clone, Debug)]
struct Edit {
    words: Words,
    new: String,
    before: String,
    after: String,
}

enum Proven {
    Same,
    Not(&'static str),
    Change(Edit),
}

/// Whether a version is to be changed to another one.
fn proven(version: &Version, source: &Version, (text, source_text): (&str, &str)) -> Proven {
    let is_same =
        version.yaml.as_ref().map(|(_, value)| value) == source.yaml.as_ref().map(|(_, value)| value);
    let [Some(words), Some(source_words)] = [version.words, source.words] else {
        return if is_same && version.yaml.is_some() {
            Proven::Same
        } else {
            Proven::Not("it is not written as a plain text on one line")
        };
    };
    let [old, new] =
        [(text, words), (source_text, source_words)].map(|(text, words)| &text[words.start..words.end]);
    let [before, after] = [old, new].map(|words| words.trim_matches(['"', '\'']).to_owned());
    // `1.1` and `1.10` are one number, and two versions.
    if before == after {
        return Proven::Same;
    }
    if version.artefact != source.artefact {
        return Proven::Not("it is of another artefact there");
    }
    Proven::Change(Edit { words, new: new.to_owned(), before, after })
}

/// The file with its edits, if nothing else changes by them.
fn edited(path: &str, file: &Known<'_>, edits: &[(&Version, &Version, Edit)]) -> Option<String> {
    let words: Vec<(Words, String)> =
        edits.iter().map(|(_, _, edit)| (edit.words, edit.new.clone())).collect();
    let text = spliced(file.text, &words);
    let Some(documents) = &file.documents else {
        let is_right = version::of_terraform(path, &text)?.len() == file.versions.len();
        return is_right.then_some(text);
    };
    let expected: Vec<(String, Value)> = edits
        .iter()
        .filter_map(|(version, source, _)| {
            Some((version.yaml.as_ref()?.0.clone(), source.yaml.as_ref()?.1.clone()))
        })
        .collect();
    is_only(path, documents, &text, &expected).then_some(text)
}

/// The files that differ after the edits.
fn others(from: &Files, to: &Files, new: &BTreeMap<&str, Vec<u8>>) -> Vec<OtherFile> {
    let paths: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let other = |path: &String| {
        let now = new.get(path.as_str()).map(Vec::as_slice).or(to.get(path).map(|content| &**content));
        let how = match (from.get(path), now) {
            (Some(is), Some(now)) if **is == *now => return None,
            (Some(_), Some(_)) => How::Differs,
            (Some(_), None) => How::OnlyFrom,
            (None, _) => How::OnlyTo,
        };
        Some(OtherFile { path: path.clone(), how })
    };
    paths.into_iter().filter_map(other).collect()
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| unusable(pattern, &error))?);
    }
    set.build().map_err(|error| unusable("", &error))
}

fn unusable(pattern: &str, error: &globset::Error) -> Error {
    let pattern = gitops_core::text::shown(pattern, 100);
    Error::new(ErrorKind::Invalid, format!("`{pattern}` can't be used as a pattern: {}", error.kind()))
        .help("write it as `config/*.yaml`")
}

#[cfg(test)]
mod tests;
