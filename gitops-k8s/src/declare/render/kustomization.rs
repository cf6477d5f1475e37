//! From a kustomization to all files that it is rendered from.

use std::collections::BTreeSet;

use gitops_core::{Diagnostic, Part};

use super::copy::{Copy, join};
use super::failure::Failure;
use super::jail::Jail;
use super::origin::Annotated;
use super::references::{self, How, Reference, shown};
use crate::yaml::{self, Dialect, Node, YamlLimits, list};

/// The names under which `kustomize` looks for a kustomization, in order.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Copies a kustomization's folder, and those of every other one that it is built on, into a jail.
///
/// # Errors
/// Something that it refers to is not in the repository; it is refused before anything is run.
pub(super) fn gather(part: &Part<'_>, folder: &str, jail: &Jail) -> Result<Annotated, Vec<Diagnostic>> {
    let mut gathering = Gathering { part, due: Vec::new(), seen: BTreeSet::new() };
    gathering.due.push(Due { folder: folder.to_owned(), plugins_of: None });
    let mut copy = Copy::new(part, jail);
    while let Some(due) = gathering.due.pop() {
        if gathering.seen.insert(due.clone()) {
            copy.folder(&due.folder)?;
            gathering.look_at(&due)?;
        }
    }
    // A hash over whole objects would be another one with an annotation in them.
    match copy.has_hash() {
        true => Ok(Annotated::No),
        false => annotate(part, folder, jail),
    }
}

/// Asks for annotations of origin in the copy of a kustomization, unless it says itself what it wants to be annotated, or can't
/// be added to without changing what else it says.
fn annotate(part: &Part<'_>, folder: &str, jail: &Jail) -> Result<Annotated, Vec<Diagnostic>> {
    let Some((path, root)) = kustomization(part, folder)? else { return Ok(Annotated::No) };
    let bytes = part.read(&path)?.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push_str("\nbuildMetadata: [originAnnotations]\n");
    let read =
        yaml::read(&path, text.as_bytes(), Dialect::KyamlV3, &YamlLimits::default()).unwrap_or_default();
    let [document] = &read[..] else { return Ok(Annotated::No) };
    let mut with = document.root.clone();
    if references::has(&root, "buildMetadata") || with.take("buildMetadata").is_none() || with != root {
        return Ok(Annotated::No);
    }
    jail.write(&path, text.as_bytes()).map_err(|failure| failure.of(part.path()))?;
    Ok(Annotated::ByUs)
}

/// A folder to be looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    folder: String,
    /// The folder from which the paths start of the generators and transformers that it holds, if it holds such.
    plugins_of: Option<String>,
}

struct Gathering<'a, 'p> {
    part: &'a Part<'p>,
    due: Vec<Due>,
    seen: BTreeSet<Due>,
}

impl Gathering<'_, '_> {
    fn look_at(&mut self, due: &Due) -> Result<(), Vec<Diagnostic>> {
        let Some((path, root)) = kustomization(self.part, &due.folder)? else { return Ok(()) };
        if let (Some(_), Some(key)) = (&due.plugins_of, references::builds(&root)) {
            let message =
                format!("`{key}` changes generators or transformers, so what they load is not known before");
            return Err(refused(message, "write each into a file as it is meant").of(&path));
        }
        for reference in Self::checked(&path, &root, references::of_kustomization(&root))? {
            self.follow(&path, due, reference)?;
        }
        Ok(())
    }

    /// What a document refers to, once nothing of it is of the network.
    fn checked<'n>(
        path: &str,
        node: &Node,
        found: Vec<Reference<'n>>,
    ) -> Result<Vec<Reference<'n>>, Vec<Diagnostic>> {
        if let Some(name) = references::charts(node) {
            return Err(Failure::outside(format!("`{name}` fetches charts")).of(path));
        }
        let is_content = |reference: &Reference<'_>| {
            matches!(reference.how, How::PathOrContent | How::Plugin) && reference.text.contains('\n')
        };
        let is_remote =
            |reference: &&Reference<'_>| !is_content(reference) && references::is_remote(path_of(reference));
        match found.iter().find(is_remote) {
            Some(remote) => Err(outside(path, remote.text)),
            None => Ok(found),
        }
    }

    /// Everything that is named must be a file or a folder of the tree.
    fn follow(&mut self, path: &str, due: &Due, reference: Reference<'_>) -> Result<(), Vec<Diagnostic>> {
        let text = reference.text;
        if matches!(reference.how, How::PathOrContent | How::Plugin) && text.contains('\n') {
            return match reference.how {
                How::Plugin => self.plugins(path, &due.folder, text.as_bytes()),
                _ => Ok(()),
            };
        }
        let Some(found) = join(&due.folder, path_of(&reference)) else { return Err(outside(path, text)) };
        let plugins_of = match (reference.how, &due.plugins_of) {
            (How::Plugin, _) => Some(due.folder.clone()),
            (_, of) => of.clone(),
        };
        if self.part.list(&found)?.is_some() {
            self.due.push(Due { folder: found, plugins_of });
            return Ok(());
        }
        match (self.part.read(&found)?, plugins_of) {
            (None, _) => Err(outside(path, text)),
            (Some(_), None) => Ok(()),
            (Some(bytes), Some(base)) => self.plugins(&found, &base, &bytes),
        }
    }

    /// Follows what the generators and transformers of a file load; a folder is none of it.
    fn plugins(&self, path: &str, base: &str, bytes: &[u8]) -> Result<(), Vec<Diagnostic>> {
        let documents = yaml::read(path, bytes, Dialect::KyamlV3, &YamlLimits::default())?;
        for plugin in list::flatten(documents.into_iter().map(|document| document.root).collect()) {
            for reference in Self::checked(path, &plugin, references::of_plugin(&plugin))? {
                let is_content = reference.how == How::PathOrContent && reference.text.contains('\n');
                let found = join(base, path_of(&reference));
                let is_there = || found.map_or(Ok(None), |path| self.part.read(&path));
                if !is_content && is_there()?.is_none() {
                    return Err(outside(path, reference.text));
                }
            }
        }
        Ok(())
    }
}

/// The kustomization of a folder, and its path.
fn kustomization(part: &Part<'_>, folder: &str) -> Result<Option<(String, Node)>, Vec<Diagnostic>> {
    for name in NAMES {
        let Some(path) = join(folder, name) else { continue };
        let Some(bytes) = part.read(&path)? else { continue };
        let documents = yaml::read(&path, &bytes, Dialect::KyamlV3, &YamlLimits::default())?;
        return Ok(documents.into_iter().next().map(|document| (path, document.root)));
    }
    Ok(None)
}

/// The path of a reference, without the name that its content gets.
fn path_of<'a>(reference: &Reference<'a>) -> &'a str {
    match reference.how {
        How::Named => reference.text.split_once('=').map_or(reference.text, |(_, path)| path),
        _ => reference.text,
    }
}

fn outside(path: &str, text: &str) -> Vec<Diagnostic> {
    Failure::outside(format!("`{}` is no file or folder of the repository", shown(text))).of(path)
}

fn refused(message: String, help: &str) -> Failure {
    Failure { help: help.to_owned(), ..Failure::outside(message) }
}
