//! Where in the repository stands what a program printed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{Diagnostic, Part, Provenance};

use super::copy::join;
use crate::yaml::{Document, Fault, File, Node, Place, YamlLimits};

/// The annotation in which `kustomize` says where it has an object from.
const ANNOTATION: &str = "config.kubernetes.io/origin";

/// Which program printed manifests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker<'a> {
    /// `helm`, of the chart in a folder: it names the template before each document.
    Helm(&'a str),
    /// `kustomize`, of a folder; whether it was made to annotate each object with its origin.
    Kustomize(&'a str, Annotated),
}

/// Whether `kustomize` was made to annotate objects with their origins, which nobody declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Annotated {
    ByUs,
    No,
}

/// The files of the repository that printed lines come from.
pub(crate) struct Origins<'a, 'p> {
    part: &'a Part<'p>,
    maker: Maker<'a>,
    printed: Vec<&'a str>,
    /// From which line on, which file.
    found: Vec<(u32, Option<String>)>,
    files: RefCell<BTreeMap<String, Option<Arc<[u8]>>>>,
}

impl<'a, 'p> Origins<'a, 'p> {
    pub fn of(part: &'a Part<'p>, maker: Maker<'a>, printed: &'a [u8]) -> Self {
        let printed: Vec<&str> = std::str::from_utf8(printed).unwrap_or_default().lines().collect();
        let found = match maker {
            Maker::Helm(folder) => templates(folder, &printed),
            Maker::Kustomize(..) => Vec::new(),
        };
        Self { part, maker, printed, found, files: RefCell::default() }
    }

    /// Takes the annotations of origin out of documents, where they are ours.
    pub fn take(&mut self, documents: &mut [Document]) {
        let Maker::Kustomize(folder, Annotated::ByUs) = self.maker else { return };
        for document in documents {
            let line = document.root.place.line;
            let origin = annotation(&mut document.root).and_then(|text| file(folder, &text));
            self.found.push((line, origin));
        }
    }

    /// A diagnostic at the file that the printed line comes from, and at its line if the same one is there once.
    pub fn place(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let Some(place) = diagnostic.span.as_ref().map(|span| Place { line: span.line, column: span.column })
        else {
            return diagnostic;
        };
        let Some(path) = self.at(place.line) else { return diagnostic };
        let fault = Fault::new(diagnostic.code, self.in_file(path, place).unwrap_or_default(), "");
        path.clone_into(&mut diagnostic.path);
        diagnostic.span = self.bytes(path).and_then(|bytes| {
            let file = File::new(path, &bytes, &YamlLimits::default()).ok()?;
            file.show(&fault).span
        });
        diagnostic
    }

    /// Whether a printed scalar stands in quotes wherever its key has this value in the file that it comes from.
    pub fn is_quoted(&self, place: Place) -> bool {
        let line = self.printed.get((place.line as usize).saturating_sub(1));
        let split = line.and_then(|line| {
            let (at, _) = line.char_indices().nth((place.column as usize).checked_sub(1)?)?;
            Some((line[..at].trim_start_matches([' ', '-']), line[at..].trim_end()))
        });
        let file = self.at(place.line).and_then(|path| self.bytes(path));
        let (Some((key, value)), Some(file)) = (split, file) else { return false };
        let Ok(text) = std::str::from_utf8(&file) else { return false };
        let is_there = |quote: &str| text.contains(&format!("{key}{quote}{value}{quote}"));
        (is_there("\"") || is_there("'")) && !is_there("")
    }

    /// Where the object is declared that begins in a printed line.
    pub fn provenance(&self, whole: Provenance, line: u32) -> Provenance {
        let Some(path) = self.at(line) else { return whole };
        let telling = ["apiVersion:", "kind:", "  name:"];
        let rest = self.printed.iter().enumerate().skip((line as usize).saturating_sub(1));
        let document = rest.take_while(|(_, text)| **text != "---");
        let lines = document.filter(|(_, text)| telling.iter().any(|start| text.starts_with(start)));
        let mut known = lines.filter_map(|(index, _)| {
            let line = u32::try_from(index + 1).ok()?;
            self.in_file(path, Place { line, column: 1 })
        });
        let line = known.next().map_or(0, |place| place.line);
        Provenance::new(whole.source, whole.revision, path, line)
    }

    fn at(&self, line: u32) -> Option<&str> {
        let after = self.found.partition_point(|(first, _)| *first <= line);
        after.checked_sub(1).and_then(|index| self.found[index].1.as_deref())
    }

    /// The place of a printed line in a file that has the same line exactly once, indented or not.
    fn in_file(&self, path: &str, Place { line, column }: Place) -> Option<Place> {
        let printed = *self.printed.get((line as usize).checked_sub(1)?)?;
        let bytes = self.bytes(path)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let is_same = |text: &&str| !text.trim().is_empty() && text.trim() == printed.trim();
        let mut same = text.lines().enumerate().filter(|(_, text)| is_same(text));
        let (index, text) = same.next()?;
        let indent = |text: &str| text.chars().take_while(|c| c.is_whitespace()).count();
        let column = (column as usize + indent(text)).saturating_sub(indent(printed)).max(1);
        let place = Place { line: u32::try_from(index + 1).ok()?, column: u32::try_from(column).ok()? };
        same.next().is_none().then_some(place)
    }

    fn bytes(&self, path: &str) -> Option<Arc<[u8]>> {
        let read = || self.part.read(path).ok().flatten();
        self.files.borrow_mut().entry(path.to_owned()).or_insert_with(read).clone()
    }
}

/// The templates that `helm` names, each from the line on in which it names it.
fn templates(folder: &str, printed: &[&str]) -> Vec<(u32, Option<String>)> {
    let named = printed.windows(2).enumerate().filter(|(_, lines)| lines[0] == "---");
    let named = named.filter_map(|(index, lines)| {
        let (_, below) = lines[1].strip_prefix("# Source: ")?.split_once('/')?;
        Some((u32::try_from(index + 2).ok()?, join(folder, below)))
    });
    named.collect()
}

/// Takes the annotation out of an object, and the mapping too if nothing else is in it.
fn annotation(root: &mut Node) -> Option<String> {
    let metadata = root.get_mut("metadata")?;
    let annotations = metadata.get_mut("annotations")?;
    let text = annotations.take(ANNOTATION)?.as_text()?.to_owned();
    if annotations.is_empty_map() {
        metadata.take("annotations");
    }
    Some(text)
}

/// The file that an annotation names: the object's own, or the kustomization that makes it.
fn file(folder: &str, text: &str) -> Option<String> {
    let of = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    join(folder, of("path: ").or_else(|| of("configuredIn: "))?)
}
