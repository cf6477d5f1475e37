//! The first bytes of a journal: what it is, and the position of its first frame.

use super::anchor::{Anchor, Lineage};
use crate::value::{Digest, Error, ErrorKind, Result};

const JOURNAL: [u8; 8] = *b"gitopsJL";
const ANCHOR: [u8; 8] = *b"gitopsJA";
const MAJOR: u32 = 1;
/// Magic, format, lineage, epoch, sequence, chain, checksum.
pub(super) const SIZE: usize = 8 + 4 + 16 + 8 + 8 + 32 + 4;

/// The first bytes of a journal that begins at this position.
pub(super) fn encode(base: &Anchor) -> Vec<u8> {
    encode_as(JOURNAL, base)
}

/// The anchor beside a journal that has come to this position: its whole content.
pub(super) fn encode_anchor(end: &Anchor) -> Vec<u8> {
    encode_as(ANCHOR, end)
}

fn encode_as(magic: [u8; 8], base: &Anchor) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIZE);
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&MAJOR.to_le_bytes());
    bytes.extend_from_slice(base.lineage.as_bytes());
    bytes.extend_from_slice(&base.epoch.to_le_bytes());
    bytes.extend_from_slice(&base.sequence.to_le_bytes());
    bytes.extend_from_slice(base.chain.as_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<Anchor> {
    decode_as(JOURNAL, bytes)
}

pub(super) fn decode_anchor(bytes: &[u8]) -> Result<Anchor> {
    match bytes.len() {
        SIZE => decode_as(ANCHOR, bytes),
        _ => Err(damaged("its length is not that of an anchor")),
    }
    .map_err(|error| error.with("file", "anchor"))
}

fn decode_as(magic: [u8; 8], bytes: &[u8]) -> Result<Anchor> {
    let header: &[u8; SIZE] = bytes.first_chunk().ok_or_else(|| too_short(bytes))?;
    check_format(magic, header)?;
    if crc32c::crc32c(&header[..SIZE - 4]).to_le_bytes() != header[SIZE - 4..] {
        return Err(damaged("the checksum of its header differs"));
    }
    Ok(Anchor {
        lineage: Lineage::new(header[12..28].try_into().expect("16 bytes")),
        epoch: u64::from_le_bytes(header[28..36].try_into().expect("8 bytes")),
        sequence: u64::from_le_bytes(header[36..44].try_into().expect("8 bytes")),
        chain: Digest::from_bytes(header[44..76].try_into().expect("32 bytes")),
    })
}

fn check_format(magic: [u8; 8], header: &[u8; SIZE]) -> Result<()> {
    if header[..8] != magic {
        return Err(damaged("it does not begin as a journal does"));
    }
    match u32::from_le_bytes(header[8..12].try_into().expect("4 bytes")) {
        MAJOR => Ok(()),
        0 => Err(damaged("its format is 0")),
        newer => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the journal was written by a newer version: format {newer}, this one knows {MAJOR}"),
        )
        .with("byte", 8)
        .help("use the newer version; nothing was changed")),
    }
}

fn too_short(bytes: &[u8]) -> Error {
    damaged(if bytes.is_empty() { "it is empty, and empty is not new" } else { "its header is cut short" })
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the journal is damaged: {what}")).with("byte", 0).help(RESTORE)
}

/// What a person can do about a damaged journal.
pub(super) const RESTORE: &str = "put the whole state folder back from a backup; do not delete the journal: it \
     records what is owned";
