//! One frame: `length u32 | crc32c u32 | hash of the frame before, 32 | payload`, numbers little-endian.

use crate::value::Digest;

/// The most that the payload of one frame may hold, in bytes.
pub const FRAME_LIMIT: usize = 1 << 20;

/// How many bytes a frame has before its payload.
pub(super) const HEAD: usize = 4 + 4 + 32;
/// The shortest payload: an empty list.
const SHORTEST: usize = 2;

/// A frame whose length and checksum hold.
pub(super) struct Frame<'a> {
    /// The hash of the frame before, as this one names it.
    pub(super) previous: Digest,
    pub(super) payload: &'a [u8],
    /// The frame as it is in the file.
    pub(super) bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of some bytes, if there is a whole and sound one.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = length(bytes).filter(|length| (SHORTEST..=FRAME_LIMIT).contains(length))?;
        let bytes = bytes.get(..HEAD + length)?;
        is_sound(bytes, length).then(|| Self {
            previous: Digest::from_bytes(bytes[8..HEAD].try_into().expect("32 bytes")),
            payload: &bytes[HEAD..],
            bytes,
        })
    }

    /// The hash by which the next frame names this one.
    pub(super) fn hash(&self) -> Digest {
        Digest::of(self.bytes)
    }
}

pub(super) fn encode(previous: &Digest, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a group is within the limit of a frame");
    let mut bytes = Vec::with_capacity(HEAD + payload.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(previous.as_bytes());
    bytes.extend_from_slice(payload);
    let checksum = checksum(&bytes, payload.len());
    bytes[4..8].copy_from_slice(&checksum);
    bytes
}

/// The length that a frame claims for its payload, if that much of it is there.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?);
    Some(usize::try_from(length).unwrap_or(usize::MAX))
}

/// Whether the checksum of a frame holds if its payload has this length.
pub(super) fn is_sound(bytes: &[u8], length: usize) -> bool {
    bytes.len() == HEAD + length && checksum(bytes, length) == bytes[4..8]
}

fn checksum(bytes: &[u8], length: usize) -> [u8; 4] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    crc32c::crc32c_append(crc32c::crc32c(&length), &bytes[8..]).to_le_bytes()
}
