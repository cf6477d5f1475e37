use std::collections::BTreeMap;

use gitops_core::{Error, ErrorKind, Result};
use gix::ObjectId;

use crate::fault::{over_limit, shown};
use crate::reference::sha256;

/// References by their full names, each with the object that it means; a tag's is what the tag points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised {
    refs: BTreeMap<String, ObjectId>,
    /// Those that can't be read, each with the reason: they are in nobody's way who does not follow them.
    broken: BTreeMap<String, String>,
}

impl Advertised {
    /// Reads what `git ls-remote` prints: an id, a tab and a name on each line, and `NAME^{}` for what a tag
    /// points at. A name that is not UTF-8 can't be followed by anybody, and is left out.
    pub fn parse(text: &[u8], limit: usize) -> Result<Self> {
        let mut refs = Self::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(text) = std::str::from_utf8(line) else { continue };
            let (id, name) = text.split_once('\t').ok_or_else(|| strange(line))?;
            let id = match id.len() {
                64 => return Err(sha256()),
                _ => ObjectId::from_hex(id.as_bytes()).map_err(|_| strange(line))?,
            };
            refs.add(name.strip_suffix("^{}").unwrap_or(name), id, limit)?;
        }
        Ok(refs)
    }

    /// Adds what a server tells of one reference: an id, its name, and what it points at if it is a tag of its own.
    pub fn add_told(&mut self, line: &[u8], limit: usize) -> Result<()> {
        let Ok(text) = std::str::from_utf8(line) else { return Ok(()) };
        let mut words = text.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else { return Err(strange(line)) };
        let id = words.find_map(|word| word.strip_prefix("peeled:")).unwrap_or(id);
        match id.len() {
            // A branch on which nothing was committed yet.
            _ if id == "unborn" => Ok(()),
            64 => Err(sha256()),
            _ => self.add(name, ObjectId::from_hex(id.as_bytes()).map_err(|_| strange(line))?, limit),
        }
    }

    /// Adds a reference; a second one of the same name is what the first, a tag, points at.
    pub fn add(&mut self, name: &str, id: ObjectId, limit: usize) -> Result<()> {
        if self.refs.len() + self.broken.len() >= limit {
            return Err(over_limit("the repository has too many branches and tags", "refs", limit));
        }
        self.refs.insert(name.to_owned(), id);
        Ok(())
    }

    /// Notes a reference that can't be read.
    pub fn add_broken(&mut self, name: &str, why: impl std::fmt::Display) {
        self.broken.insert(name.to_owned(), why.to_string());
    }

    /// Why a reference can't be read, if that is so.
    pub fn broken(&self, name: &str) -> Option<&str> {
        self.broken.get(name).map(String::as_str)
    }

    pub fn get(&self, name: &str) -> Option<ObjectId> {
        self.refs.get(name).copied()
    }

    /// Names below a prefix, without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, ObjectId)> {
        self.refs.iter().filter_map(move |(name, id)| Some((name.strip_prefix(prefix)?, *id)))
    }

    /// Whether there is neither branch nor tag.
    pub fn is_empty(&self) -> bool {
        self.broken.is_empty() && self.below("refs/heads/").chain(self.below("refs/tags/")).next().is_none()
    }
}

fn strange(line: &[u8]) -> Error {
    Error::new(ErrorKind::Corrupt, "the list of branches and tags has a strange line")
        .with("line", shown(&String::from_utf8_lossy(line), 120))
        .help("run `git ls-remote` to look closer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_what_it_points_at() {
        let (tag, commit) = ("1".repeat(40), "2".repeat(40));
        let text = format!("{tag}\trefs/tags/v1\n{commit}\trefs/tags/v1^{{}}\n");
        let refs = Advertised::parse(text.as_bytes(), 10).unwrap();
        assert_eq!(refs.get("refs/tags/v1"), Some(ObjectId::from_hex(commit.as_bytes()).unwrap()));
    }

    #[test]
    fn more_refs_than_the_limit_are_an_error_that_names_it() {
        let line = |name| format!("{}\trefs/heads/{name}\n", "1".repeat(40));
        let error = Advertised::parse([line("a"), line("b")].concat().as_bytes(), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().contains("refs = 1"), "{error}");
    }

    #[test]
    fn ids_of_64_digits_are_refused_plainly() {
        let error = Advertised::parse(format!("{}\tHEAD\n", "1".repeat(64)).as_bytes(), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
