//! Groups of records as payloads of frames: JSON lists.

use super::frame::FRAME_LIMIT;
use crate::state::record::Record;
use crate::value::{Error, ErrorKind, Result};

/// The payloads that hold these records, as few as the limit of a frame allows.
pub(super) fn encode(records: &[Record]) -> Result<Vec<Vec<u8>>> {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for record in records {
        let json = serde_json::to_vec(record)?;
        check_size(json.len())?;
        match payloads.last_mut().filter(|payload| payload.len() + json.len() + 2 <= FRAME_LIMIT) {
            Some(payload) => payload.push(b','),
            None => payloads.push(vec![b'[']),
        }
        payloads.last_mut().expect("one was there or was pushed").extend_from_slice(&json);
    }
    payloads.iter_mut().for_each(|payload| payload.push(b']'));
    Ok(payloads)
}

/// The records of a payload whose checksum holds.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Record>> {
    serde_json::from_slice(payload).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("the journal holds a record of another version: {error}"))
            .help("use the version that wrote it; nothing was changed")
    })
}

/// Whether a payload may hold the record of an epoch; none that holds one is missed.
pub(super) fn may_hold_an_epoch(payload: &[u8]) -> bool {
    const TAG: &[u8] = br#""record":"epoch""#;
    payload.windows(TAG.len()).any(|window| window == TAG)
}

fn check_size(bytes: usize) -> Result<()> {
    match bytes + 2 <= FRAME_LIMIT {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Limit, format!("a journal record of {bytes} bytes is too long"))
            .with("limit", FRAME_LIMIT)
            .help("shorten what the object needs, or its names")),
    }
}
