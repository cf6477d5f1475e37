//! The bytes of a journal.

use super::{Anchor, Record, damaged};
use crate::value::Digest;
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"GITOPSJ\n";
const FORMAT: u8 = 1;
const HEADER: usize = 8 + 1 + 16 + 8 + 32 + 4;
const FRAME: usize = 4 + 4 + 32;

/// The largest payload of a frame, in bytes.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;

pub(super) struct Header {
    pub lineage: u128,
    /// How many frames came before those in this file.
    pub sequence: u64,
    /// The digest of the last of them.
    pub chain: Digest,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.lineage.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = Reader(bytes);
        let parts = (|| {
            let magic = rest.take::<8>()?;
            let [format] = rest.take::<1>()?;
            let lineage = u128::from_le_bytes(rest.take()?);
            let sequence = u64::from_le_bytes(rest.take()?);
            let chain = Digest::from_bytes(rest.take()?);
            let sum = u32::from_le_bytes(rest.take()?);
            Some((magic, format, sum, Self { lineage, sequence, chain }))
        })();
        let Some((magic, format, sum, header)) = parts else {
            return Err(damaged(format!("the journal ends after {} bytes, within its header", bytes.len())));
        };
        if &magic == MAGIC && format > FORMAT {
            let message = format!("the journal is of format {format}; this program knows {FORMAT}");
            return Err(
                Error::new(ErrorKind::Unsupported, message).help("use a newer version of this program")
            );
        }
        match &magic == MAGIC && format == FORMAT && crc32c::crc32c(&bytes[..HEADER - 4]) == sum {
            true => Ok(header),
            false => Err(damaged("the journal's header is damaged")),
        }
    }
}

/// A frame and its digest.
pub(super) fn encode(payload: &[u8], chain: &Digest) -> (Vec<u8>, Digest) {
    let mut checked = Vec::with_capacity(32 + payload.len());
    checked.extend_from_slice(chain.as_bytes());
    checked.extend_from_slice(payload);
    let length = u32::try_from(payload.len()).expect("a payload is at most 1 MiB");
    let sum = checksum(length, &checked);
    let mut frame = Vec::with_capacity(FRAME + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&sum.to_le_bytes());
    frame.extend_from_slice(&checked);
    let digest = Digest::of(&frame);
    (frame, digest)
}

fn checksum(length: u32, checked: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), checked)
}

/// The frames of a file, up to a torn end.
pub(super) struct Read {
    frames: Vec<(Digest, Vec<Record>)>,
    /// The length of header and whole frames.
    pub length: u64,
}

/// Reads all frames. A damaged frame with nothing valid after it is a torn end and left out.
pub(super) fn read(bytes: &[u8], header: &Header) -> Result<Read> {
    let (mut frames, mut at, mut chain) = (Vec::new(), HEADER, header.chain);
    while at < bytes.len() {
        match frame_at(bytes, at) {
            Some((previous, payload, end)) => {
                if previous != chain {
                    return Err(broken(at, frames.len(), "does not follow the frame before it"));
                }
                let records = serde_json::from_slice(payload)
                    .map_err(|error| broken(at, frames.len(), &format!("holds no records: {error}")))?;
                chain = Digest::of(&bytes[at..end]);
                frames.push((chain, records));
                at = end;
            }
            None if any_frame_after(bytes, at) => return Err(broken(at, frames.len(), "is damaged")),
            None => break,
        }
    }
    Ok(Read { frames, length: at as u64 })
}

fn broken(at: usize, frame: usize, what: &str) -> Error {
    damaged(format!("frame {} of the journal, at byte {at}, {what}", frame + 1))
}

/// The whole frame that begins at a byte: the digest it names, its payload, its end.
fn frame_at(bytes: &[u8], at: usize) -> Option<(Digest, &[u8], usize)> {
    let mut rest = Reader(bytes.get(at..)?);
    let length = u32::from_le_bytes(rest.take()?);
    let sum = u32::from_le_bytes(rest.take()?);
    let payload_length = usize::try_from(length).ok().filter(|length| (1..=MAX_PAYLOAD).contains(length))?;
    let checked = rest.0.get(..32 + payload_length)?;
    let (previous, payload) = checked.split_first_chunk::<32>()?;
    (checksum(length, checked) == sum)
        .then(|| (Digest::from_bytes(*previous), payload, at + FRAME + payload_length))
}

/// Whether a whole frame begins anywhere after a byte: then what is at that byte is no torn end.
fn any_frame_after(bytes: &[u8], at: usize) -> bool {
    (at + 1..bytes.len().saturating_sub(FRAME)).any(|at| frame_at(bytes, at).is_some())
}

impl Read {
    pub fn sequence(&self, header: &Header) -> u64 {
        header.sequence + self.frames.len() as u64
    }

    pub fn chain(&self, header: &Header) -> Digest {
        self.frames.last().map_or(header.chain, |(chain, _)| *chain)
    }

    /// The records after an anchor, which must be a point of this journal.
    pub fn after(self, anchor: Option<&Anchor>, header: &Header) -> Result<Vec<Record>> {
        let Some(anchor) = anchor else {
            return match header.sequence {
                0 => Ok(self.frames.into_iter().flat_map(|(_, records)| records).collect()),
                _ => Err(damaged("the inventory is missing, and there was one")),
            };
        };
        if anchor.lineage != header.lineage {
            return Err(damaged("the journal and the inventory do not belong together"));
        }
        let end = self.sequence(header);
        let Some(skip) = anchor.sequence.checked_sub(header.sequence).filter(|_| anchor.sequence <= end)
        else {
            let Anchor { sequence, .. } = anchor;
            return Err(damaged(format!(
                "the journal has frames {} to {end}, not frame {sequence}",
                header.sequence
            )));
        };
        let skip = usize::try_from(skip).expect("it is at most the number of frames");
        let chain = skip.checked_sub(1).map_or(header.chain, |last| self.frames[last].0);
        match chain == anchor.chain {
            true => Ok(self.frames.into_iter().skip(skip).flat_map(|(_, records)| records).collect()),
            false => {
                Err(damaged(format!("the journal differs from the inventory at frame {}", anchor.sequence)))
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}
