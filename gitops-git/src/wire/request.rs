use gix::ObjectId;

use super::line::push;

/// The question for a commit with all that it needs.
///
/// A thin pack, whose objects lean on some that only the mirror has, is not asked for: it saves bytes on the way, but
/// `git index-pack` writes all that it leans on once more, into the mirror, on every fetch.
pub(crate) struct Request {
    /// The commit.
    pub want: ObjectId,
    /// Commits that are here with all that they need; the server leaves out what they have.
    pub haves: Vec<ObjectId>,
}

impl Request {
    /// The question for the references below some prefixes, each with what it points at.
    pub(super) fn references(prefixes: &[String]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        push(&mut bytes, "command=ls-refs");
        push(&mut bytes, "object-format=sha1");
        bytes.extend_from_slice(b"0001");
        push(&mut bytes, "peel");
        prefixes.iter().for_each(|prefix| push(&mut bytes, &format!("ref-prefix {prefix}")));
        bytes.extend_from_slice(b"0000");
        bytes
    }

    /// What is sent.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + 50 * self.haves.len());
        push(&mut bytes, "command=fetch");
        push(&mut bytes, "object-format=sha1");
        bytes.extend_from_slice(b"0001");
        ["ofs-delta", "no-progress"].iter().for_each(|option| push(&mut bytes, option));
        push(&mut bytes, &format!("want {}", self.want));
        self.haves.iter().for_each(|have| push(&mut bytes, &format!("have {have}")));
        push(&mut bytes, "done");
        bytes.extend_from_slice(b"0000");
        bytes
    }
}
