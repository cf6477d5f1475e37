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
    /// Up to which byte it is sound; what is beyond was never durable.
    pub(super) sound: usize,
}

/// Positions that must lie on a journal.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks<'a> {
    /// The one that the caller has: the records after it are wanted.
    pub known: Option<&'a Anchor>,
    /// Another one that the caller knows.
    pub also: Option<&'a Anchor>,
    /// The anchor beside the journal.
    pub kept: Option<&'a Anchor>,
}

/// Reads the records that `known` does not cover yet; all of them, if nothing is known.
pub(super) fn replay(bytes: &[u8], marks: Marks<'_>) -> Result<Replay> {
    let mut replay = Replay { end: header::decode(bytes)?, records: Vec::new(), sound: header::SIZE };
    check_beginning(&replay.end, marks.known)?;
    marks.also.map_or(Ok(()), |also| check_beginning(&replay.end, Some(also)))?;
    check_kept_lineage(&replay.end, marks.kept)?;
    replay.go_through(bytes, 0, marks)?;
    Ok(replay)
}

/// Reads what was written after a position up to which the journal was read before; `bytes` begin there. That it is the same
/// journal is proven by the first frame, or by the anchor beside it where there is none.
///
/// # Errors
/// As for a whole journal; and where that is not proven, or a mark lies before the position: the whole journal tells then.
pub(super) fn replay_on(bytes: &[u8], from: &Anchor, at: usize, marks: Marks<'_>) -> Result<Replay> {
    let is_ahead = |mark: &Anchor| mark.lineage == from.lineage && mark.sequence >= from.sequence;
    let is_proven = match bytes.is_empty() {
        true => marks.kept.is_some(),
        false => Frame::read(bytes).is_some(),
    };
    if !is_proven || ![marks.also, marks.kept].into_iter().flatten().all(is_ahead) {
        return Err(differs("it can't be read on from where it was read last"));
    }
    let mut replay = Replay { end: from.clone(), records: Vec::new(), sound: at };
    replay.go_through(bytes, at, marks)?;
    Ok(replay)
}

impl Replay {
    /// Goes through frames to the last one; `bytes` begin at the byte `start` of the journal.
    fn go_through(&mut self, bytes: &[u8], start: usize, marks: Marks<'_>) -> Result<()> {
        let Marks { known, also, kept } = marks;
        self.meet(marks)?;
        while self.sound < start + bytes.len() {
            let rest = &bytes[self.sound - start..];
            let Some(frame) = Frame::read(rest) else {
                match tail::is_torn(rest, self.sound) {
                    true => break,
                    false => return Err(self.damaged("its length or its checksum is wrong")),
                }
            };
            let is_known = known.is_some_and(|known| self.end.sequence < known.sequence);
            match is_known && !group::may_hold_an_epoch(frame.payload) {
                true => self.pass_over(&frame)?,
                false => self.take(&frame)?,
            }
            self.meet(marks)?;
        }
        check_kept_end(&self.end, kept)?;
        check_end(&self.end, known)?;
        check_end(&self.end, also)
    }

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

    /// At a position that is known: compares. Where the caller stands it lets go of what the caller has already.
    fn meet(&mut self, Marks { known, also, kept }: Marks<'_>) -> Result<()> {
        let here = |mark: &&Anchor| mark.sequence == self.end.sequence;
        let is_off =
            |mark: Option<&Anchor>| mark.filter(here).is_some_and(|mark| mark.chain != self.end.chain);
        if is_off(known) || is_off(also) {
            return Err(differs("it holds other records than those that the inventory was made from"));
        }
        if is_off(kept) {
            return Err(off_anchor("it holds other records than those that the anchor stands for"));
        }
        if known.as_ref().is_some_and(here) {
            self.records.clear();
        }
        Ok(())
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
