use gitops_core::Digest;
use gix::ObjectId;

use crate::rules::Rules;

const ID: std::ops::Range<usize> = 0..20;
const SCOPE: std::ops::Range<usize> = 20..31;
const KIND: usize = 31;

const FOLDER: u8 = 0xf0;
const FILE: u8 = 0xf1;
const LINK: u8 = 0xf2;

/// The id of a file or folder as Git knows it, written into the 32 bytes of a [`Digest`]: 20 bytes of object id, 11
/// bytes of scope (zero without rules), one byte of kind.
///
/// A file's id is that of its bytes alone. A folder's depends on the rules and its path as well where there are rules,
/// because they decide what is seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentId {
    Folder {
        id: ObjectId,
        scope: Option<Digest>,
    },
    File {
        id: ObjectId,
    },
    /// What it leads to counts for the id, and is not read.
    Link {
        id: ObjectId,
    },
}

impl ContentId {
    pub fn digest(self) -> Digest {
        let (id, scope, kind) = match self {
            Self::Folder { id, scope } => (id, scope, FOLDER),
            Self::File { id } => (id, None, FILE),
            Self::Link { id } => (id, None, LINK),
        };
        let mut bytes = [0; 32];
        bytes[ID].copy_from_slice(id.as_slice());
        if let Some(scope) = scope {
            bytes[SCOPE].copy_from_slice(&scope.as_bytes()[..SCOPE.len()]);
        }
        bytes[KIND] = kind;
        Digest::from_bytes(bytes)
    }

    /// The digest under which rules show a folder at a path.
    pub fn of_folder(rules: &Rules, path: &str, id: ObjectId) -> Digest {
        Self::Folder { id, scope: rules.scope(path) }.digest()
    }

    /// The object of a folder's digest.
    pub fn folder(digest: &Digest) -> Option<ObjectId> {
        object(digest, FOLDER)
    }

    /// The object of a file's digest.
    pub fn file(digest: &Digest) -> Option<ObjectId> {
        object(digest, FILE)
    }
}

fn object(digest: &Digest, kind: u8) -> Option<ObjectId> {
    let bytes = digest.as_bytes();
    (bytes[KIND] == kind).then(|| ObjectId::from_bytes_or_panic(&bytes[ID]))
}
