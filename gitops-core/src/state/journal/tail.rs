//! Tells a last frame that never became durable from damage.

use super::frame::{self, FRAME_LIMIT, Frame, HEAD};

/// The unit in which disks keep or lose what was not synced, in bytes.
pub(super) const SECTOR: usize = 512;

/// Whether the bytes from `offset` on to the journal's end, which hold no sound frame at their beginning, are all that is left of a
/// write that was never synced.
pub(super) fn is_torn(tail: &[u8], offset: usize) -> bool {
    // One frame at most is not synced; and what was written after damage proves that there was a sync.
    tail.len() <= HEAD + FRAME_LIMIT && !is_followed(tail) && has_lost_part(tail, offset)
}

/// Whether a sound frame begins anywhere in the tail.
fn is_followed(tail: &[u8]) -> bool {
    (1..tail.len().saturating_sub(HEAD)).any(|start| {
        let looks_like_records = tail[start + HEAD..].starts_with(b"[{");
        looks_like_records && Frame::read(&tail[start..]).is_some()
    })
}

/// A lost part is missing at the end or reads as zeros; a frame that has all its parts was durable once.
fn has_lost_part(tail: &[u8], offset: usize) -> bool {
    let is_whole_but_for_its_length = || tail.len() > HEAD && frame::is_sound(tail, tail.len() - HEAD);
    match frame::length(tail) {
        None => true,
        Some(length) if length > FRAME_LIMIT => false,
        Some(length) if HEAD + length > tail.len() => !is_whole_but_for_its_length(),
        // What lies beyond its end was lost with a later frame, or not at all.
        Some(length) => has_lost_sector(&tail[..HEAD + length], offset),
    }
}

fn has_lost_sector(tail: &[u8], offset: usize) -> bool {
    let (first, rest) = tail.split_at(tail.len().min(SECTOR - offset % SECTOR));
    std::iter::once(first).chain(rest.chunks(SECTOR)).any(|sector| sector.iter().all(|byte| *byte == 0))
}
