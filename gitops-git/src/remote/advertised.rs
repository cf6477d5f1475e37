use std::collections::BTreeMap;

use gitops_core::{Error, ErrorKind, Result};
use gix::ObjectId;

use crate::fault::{over_limit, shown};
use crate::reference::sha256;

/// References by their full names, each with the object that it means; a tag's is what the tag points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised(BTreeMap<String, ObjectId>);

impl Advertised {
    /// Reads what `git ls-remote` prints: an id, a tab and a name on each line, and `NAME^{}` for what a tag
    /// points at.
    pub fn parse(text: &[u8], limit: usize) -> Result<Self> {
        let mut refs = Self::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (id, name) = std::str::from_utf8(line)
                .ok()
                .and_then(|line| line.split_once('\t'))
                .ok_or_else(|| strange(line))?;
            let id = match id.len() {
                64 => return Err(sha256()),
                _ => ObjectId::from_hex(id.as_bytes()).map_err(|_| strange(line))?,
            };
            refs.add(name.strip_suffix("^{}").unwrap_or(name), id, limit)?;
        }
        Ok(refs)
    }

    /// Adds a reference; a second one of the same name is what the first, a tag, points at.
    pub fn add(&mut self, name: &str, id: ObjectId, limit: usize) -> Result<()> {
        if self.0.len() >= limit {
            return Err(over_limit("the repository has too many branches and tags", "refs", limit));
        }
        self.0.insert(name.to_owned(), id);
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<ObjectId> {
        self.0.get(name).copied()
    }

    /// Names below a prefix, without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, ObjectId)> {
        self.0.iter().filter_map(move |(name, id)| Some((name.strip_prefix(prefix)?, *id)))
    }

    /// Whether there is neither branch nor tag.
    pub fn is_empty(&self) -> bool {
        self.below("refs/heads/").chain(self.below("refs/tags/")).next().is_none()
    }
}

fn strange(line: &[u8]) -> Error {
    Error::new(ErrorKind::Corrupt, "the list of branches and tags has a strange line")
        .with("line", shown(&String::from_utf8_lossy(line), 120))
        .help("rename the branch or tag if its name is not UTF-8; run `git ls-remote` to look closer")
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
