//! Reads a journal from its first byte to its last.

use super::anchor::Anchor;
use super::frame::Frame;
use super::header::{self, RESTORE};
use super::{group, tail};
use crate::state::record::Record;
use crate::value::{Error, ErrorKind, Result};

/// What a journal holds.
#[derive(Debug)]
pub(super) struct Replay {
    /// The position after the last frame.
    pub(super) end: Anchor,
    /// The records after the position that the caller has.
    pub(super) records: Vec<Record>,
    /// How many bytes are sound; what is beyond was never durable.
    pub(super) sound: usize,
}

/// Reads the records that `known` does not cover yet; all of them, if nothing is known. `kept` is the anchor beside
/// the journal, which must lie on it.
pub(super) fn replay(bytes: &[u8], known: Option<&Anchor>, kept: Option<&Anchor>) -> Result<Replay> {
    let mut replay = Replay { end: header::decode(bytes)?, records: Vec::new(), sound: header::SIZE };
    check_beginning(&replay.end, known)?;
    check_kept_lineage(&replay.end, kept)?;
    replay.meet(known)?;
    replay.check_kept(kept)?;
    while replay.sound < bytes.len() {
        let Some(frame) = Frame::read(&bytes[replay.sound..]) else {
            match tail::is_torn(bytes, replay.sound) {
                true => break,
                false => return Err(replay.damaged("its length or its checksum is wrong")),
            }
        };
        let is_known = known.is_some_and(|known| replay.end.sequence < known.sequence);
        match is_known && !group::may_hold_an_epoch(frame.payload) {
            true => replay.pass_over(&frame)?,
            false => replay.take(&frame)?,
        }
        replay.meet(known)?;
        replay.check_kept(kept)?;
    }
    check_kept_end(&replay.end, kept)?;
    check_end(&replay.end, known)?;
    Ok(replay)
}

impl Replay {
    fn take(&mut self, frame: &Frame<'_>) -> Result<()> {
        self.check_follows(frame)?;
        let records = group::decode(frame.payload)
            .map_err(|error| error.with("byte", self.sound).with("frame", self.end.sequence + 1))?;
        for record in &records {
            if let Record::Epoch { epoch } = record {
                self.advance(*epoch)?;
            }
        }
        self.step_over(frame);
        self.records.extend(records);
        Ok(())
    }

    /// A frame that the caller has already: that it is the same is proven by the chain, at the known position.
    fn pass_over(&mut self, frame: &Frame<'_>) -> Result<()> {
        self.check_follows(frame)?;
        self.step_over(frame);
        Ok(())
    }

    fn check_follows(&self, frame: &Frame<'_>) -> Result<()> {
        match frame.previous == self.end.chain {
            true => Ok(()),
            false => Err(self.damaged("it does not follow the frame before it")),
        }
    }

    fn step_over(&mut self, frame: &Frame<'_>) {
        self.end.sequence += 1;
        self.end.chain = frame.hash();
        self.sound += frame.bytes.len();
    }

    fn advance(&mut self, epoch: u64) -> Result<()> {
        match epoch > self.end.epoch {
            true => {
                self.end.epoch = epoch;
                Ok(())
            }
            false => Err(self.damaged("its epoch goes back")),
        }
    }

    /// At the known position: compares, and lets go of what the caller has already.
    fn meet(&mut self, known: Option<&Anchor>) -> Result<()> {
        let Some(known) = known.filter(|known| known.sequence == self.end.sequence) else { return Ok(()) };
        self.records.clear();
        match known.chain == self.end.chain {
            true => Ok(()),
            false => Err(differs("it holds other records than those that the inventory was made from")),
        }
    }

    /// At the position of the anchor beside the journal.
    fn check_kept(&self, kept: Option<&Anchor>) -> Result<()> {
        match kept.is_some_and(|kept| kept.sequence == self.end.sequence && kept.chain != self.end.chain) {
            false => Ok(()),
            true => Err(off_anchor("it holds other records than those that the anchor stands for")),
        }
    }

    fn damaged(&self, what: &str) -> Error {
        let (byte, frame) = (self.sound, self.end.sequence + 1);
        Error::new(
            ErrorKind::Corrupt,
            format!("the journal is damaged at byte {byte}, in frame {frame}: {what}"),
        )
        .help(RESTORE)
    }
}

fn check_beginning(base: &Anchor, known: Option<&Anchor>) -> Result<()> {
    match known {
        None if base.sequence > 0 => Err(Error::new(
            ErrorKind::Corrupt,
            format!("the inventory is missing: the journal begins after its frame {}", base.sequence),
        )
        .help(RESTORE)),
        Some(known) if known.lineage != base.lineage => {
            Err(differs("it is another journal than the one that the inventory was made from")
                .with("journal", base.lineage)
                .with("inventory", known.lineage))
        }
        Some(known) if known.sequence < base.sequence => {
            Err(differs("the inventory is older than the beginning of the journal")
                .with("journal", base.sequence)
                .with("inventory", known.sequence))
        }
        _ => Ok(()),
    }
}

fn check_end(end: &Anchor, known: Option<&Anchor>) -> Result<()> {
    let Some(known) = known else { return Ok(()) };
    if end.sequence < known.sequence {
        return Err(differs("it is shorter than when the inventory was made: an old copy, or cut")
            .with("journal", end.sequence)
            .with("inventory", known.sequence));
    }
    if end.epoch < known.epoch {
        return Err(differs("its epoch has gone back")
            .with("journal", end.epoch)
            .with("inventory", known.epoch));
    }
    Ok(())
}

fn check_kept_lineage(base: &Anchor, kept: Option<&Anchor>) -> Result<()> {
    match kept.filter(|kept| kept.lineage != base.lineage) {
        None => Ok(()),
        Some(kept) => Err(off_anchor("it is another journal than the anchor's")
            .with("journal", base.lineage)
            .with("anchor", kept.lineage)),
    }
}

fn check_kept_end(end: &Anchor, kept: Option<&Anchor>) -> Result<()> {
    match kept.filter(|kept| kept.sequence > end.sequence || kept.epoch > end.epoch) {
        None => Ok(()),
        Some(kept) => Err(off_anchor("it was cut back, or is an old copy")
            .with("frames", end.sequence)
            .with("frames that were durable", kept.sequence)),
    }
}

fn off_anchor(how: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the journal and the anchor beside it do not belong together: {how}"),
    )
    .help(RESTORE)
}

fn differs(how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the journal and the inventory do not belong together: {how}"))
        .help(RESTORE)
}
