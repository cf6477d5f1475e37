//! The document that names the shards of an inventory, and stands for all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::shard::{Level, ShardId};
use super::{Head, Inventory, WholeInventory};
use crate::state::journal::Anchor;
use crate::value::{Digest, Error, ErrorKind, Result, Revision};

/// Which shards make up the inventory, and how far the journal had come.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    pub format: u32,
    /// The engine that wrote it: by this an engine knows a write of its own whose answer was lost.
    pub writer: SmolStr,
    pub anchor: Anchor,
    pub head: Head,
    pub level: Level,
    pub shards: BTreeMap<ShardId, Place>,
}

/// Format 2 knew neither what the state belongs to nor how far a revision had come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unbound {
    #[serde(rename = "format")]
    _format: u32,
    writer: SmolStr,
    anchor: Anchor,
    owner: SmolStr,
    accepted: Option<Revision>,
    level: Level,
    shards: BTreeMap<ShardId, Place>,
}

impl From<Unbound> for Index {
    fn from(stored: Unbound) -> Self {
        let Unbound { writer, anchor, owner, accepted, level, shards, .. } = stored;
        let head = Head { owner, accepted, ..Head::default() };
        Self { format: Self::FORMAT, writer, anchor, head, level, shards }
    }
}

/// Where a shard is, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub slot: Slot,
    pub digest: Digest,
    pub bytes: u64,
}

/// Each shard has two documents: the one that the index names, and the one that is written next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Slot {
    #[default]
    A,
    B,
}

impl Slot {
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The name of a shard's document.
    pub fn document(self, shard: &ShardId) -> String {
        match self {
            Self::A => format!("inventory.{shard}.a"),
            Self::B => format!("inventory.{shard}.b"),
        }
    }
}

/// An inventory's document of any format that is known.
pub(crate) enum StoredInventory {
    Index(Index),
    Whole { anchor: Anchor, inventory: Inventory },
}

/// What an index says without its places, which grow with the number of objects: they are read when somebody asks for them.
#[derive(Debug)]
pub(crate) struct Outline {
    pub anchor: Anchor,
    pub level: Level,
    shards: Box<RawValue>,
}

#[derive(Deserialize)]
struct StoredOutline {
    format: u32,
    anchor: Anchor,
    level: Level,
    shards: Box<RawValue>,
}

impl Outline {
    /// Reads a document of this format; nothing for any other, which [`StoredInventory::decode`] tells of.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredOutline = serde_json::from_slice(bytes).ok()?;
        let StoredOutline { format, anchor, level, shards } = stored;
        (format == Index::FORMAT).then_some(Self { anchor, level, shards })
    }

    /// Where the shards are.
    ///
    /// # Errors
    /// `Corrupt` for what names no shards.
    pub fn places(&self) -> Result<BTreeMap<ShardId, Place>> {
        serde_json::from_str(self.shards.get()).map_err(|error| damaged(&error))
    }
}

/// Format 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    anchor: Anchor,
    inventory: WholeInventory,
}

#[derive(Deserialize)]
struct AnyFormat {
    format: Option<u32>,
}

impl Index {
    pub const DOCUMENT: &'static str = "inventory";

    /// The format that this version writes. Format 1 had the whole inventory in this one document.
    pub const FORMAT: u32 = 3;
}

impl StoredInventory {
    /// Reads a document of this format or an older one.
    ///
    /// # Errors
    /// `Unsupported` for a newer format, `Corrupt` for what is no inventory.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let AnyFormat { format } = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
        match format {
            None | Some(1) => {
                let whole: Whole = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
                let Whole { anchor, inventory } = whole;
                Ok(Self::Whole { anchor, inventory: inventory.into() })
            }
            Some(2) => {
                let stored: Unbound = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
                Ok(Self::Index(stored.into()))
            }
            Some(Index::FORMAT) => {
                serde_json::from_slice(bytes).map(Self::Index).map_err(|error| damaged(&error))
            }
            Some(newer) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the inventory was written by a newer version: format {newer}, this one knows {}",
                    Index::FORMAT
                ),
            )
            .with("document", Index::DOCUMENT)
            .help("use the newer version; nothing was changed")),
        }
    }
}

fn damaged(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the inventory is damaged: {error}"))
        .with("document", Index::DOCUMENT)
        .help("put the whole state back from a backup; do not delete it: it records what is owned")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: &str =
        r#"{"lineage":"00000000000000000000000000000001","sequence":3,"chain":"CHAIN","epoch":2}"#;

    fn document(rest: &str) -> Vec<u8> {
        let anchor = ANCHOR.replace("CHAIN", &Digest::of(b"x").to_string());
        format!(r#"{{"anchor":{anchor},{rest}}}"#).into_bytes()
    }

    fn revision() -> Revision {
        Revision::new("r", "main")
    }

    fn accepted() -> String {
        serde_json::to_string(&revision()).unwrap()
    }

    #[test]
    fn an_inventory_of_format_1_is_read() {
        let rest = r#""inventory":{"owner":"shop/1","accepted":ACCEPTED,"entries":[],"open":[]}"#;
        let bytes = document(&rest.replace("ACCEPTED", &accepted()));
        let Ok(StoredInventory::Whole { anchor, inventory }) = StoredInventory::decode(&bytes) else {
            panic!("it is of format 1")
        };
        assert_eq!((anchor.sequence, anchor.epoch, inventory.owner().as_str()), (3, 2, "shop/1"));
        assert_eq!(inventory.accepted(), Some(&revision()));
    }

    #[test]
    fn an_inventory_of_format_2_is_read_and_names_its_application() {
        let rest = r#""format":2,"writer":"w","owner":"shop/1","accepted":ACCEPTED,"level":0,"shards":{}"#;
        let bytes = document(&rest.replace("ACCEPTED", &accepted()));
        let Ok(StoredInventory::Index(index)) = StoredInventory::decode(&bytes) else {
            panic!("it is of format 2")
        };
        let inventory = Inventory::from_parts(index.head, Vec::new(), Vec::new());
        assert_eq!((inventory.application(), inventory.binding()), ("shop", None));
        assert_eq!(inventory.accepted(), Some(&revision()));
    }

    #[test]
    fn an_outline_says_what_the_whole_index_says() {
        let place = format!(r#"{{"slot":"b","digest":"{}","bytes":7}}"#, Digest::of(b"shard"));
        let rest = format!(r#""format":3,"writer":"w","head":HEAD,"level":1,"shards":{{"a":{place}}}"#);
        let head = serde_json::to_string(&Head::default()).unwrap();
        let bytes = document(&rest.replace("HEAD", &head));
        let Ok(StoredInventory::Index(index)) = StoredInventory::decode(&bytes) else {
            panic!("it is of format 3")
        };
        let outline = Outline::decode(&bytes).unwrap();
        assert_eq!((&outline.anchor, outline.level), (&index.anchor, index.level));
        assert_eq!(outline.places().unwrap(), index.shards);
        let older = document(r#""format":2,"writer":"w","owner":"shop/1","level":0,"shards":{}"#);
        assert!(Outline::decode(&older).is_none());
        let wrong = Outline::decode(&document(&rest.replace(&place, "7").replace("HEAD", &head))).unwrap();
        assert_eq!(wrong.places().unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_newer_format_and_rubbish_are_told_apart() {
        let kind = |bytes: &[u8]| StoredInventory::decode(bytes).err().map(|error| error.kind());
        assert_eq!(kind(&document(r#""format":4,"anything":1"#)), Some(ErrorKind::Unsupported));
        for bytes in
            [&b""[..], b"{}", b"[]", b"\0\0", b"{\"format\":2}", b"{\"format\":3}", b"{\"format\":\"x\"}"]
        {
            assert_eq!(kind(bytes), Some(ErrorKind::Corrupt), "{bytes:?}");
        }
    }
}
