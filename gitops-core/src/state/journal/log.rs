use std::io;

use super::anchor::{Anchor, Lineage};
use super::frame;
use super::header::{self, RESTORE};
use super::io::{JOURNAL_LIMIT, JournalIo};
use super::replay::{Marks, Replay, replay, replay_on};
use super::{group, header::SIZE};
use crate::process::fs::storage_error;
use crate::state::record::Record;
use crate::value::{Digest, Error, ErrorKind, Result};

/// A journal that is open for writing.
///
/// # Guarantees
/// - Records that [`append`](Self::append) has taken are there after a crash, in order, and nothing else is,
///   except perhaps the group that was being written.
/// - After an error of the storage the journal refuses all further work, because nobody knows what is on the disk:
///   open it again, which reads and checks what is there.
///
/// Calls wait for the disk; they are not `async`, so none can be dropped in the middle.
pub struct Journal {
    io: Box<dyn JournalIo>,
    end: Anchor,
    bytes: u64,
    state: State,
    /// How many frames the anchor beside the journal stands for; nothing if there is none.
    kept: Option<u64>,
}

/// What may be done with a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It was read. What is beyond its sound bytes is cut off before the first write.
    Torn,
    /// It was read. What was read is made durable before the first write.
    Unsynced,
    /// All of it is durable.
    Ready,
    /// The storage failed: nobody knows what is there.
    Failed,
}

impl Journal {
    /// Begins a new journal.
    ///
    /// # Errors
    /// `Conflict` if there is one already; `Corrupt` if there was one, of which only the anchor is left; `Storage` if it can't be written: then there is none, or one that holds
    /// nothing.
    pub fn init(io: impl JournalIo + 'static, lineage: Lineage, epoch: u64) -> Result<Self> {
        let mut io: Box<dyn JournalIo> = Box::new(io);
        if io.read().map_err(|error| storage_error("read the journal", error))?.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "there is a journal already")
                .help("open it; to begin anew, choose another state folder"));
        }
        if read_anchor(&mut *io)?.is_some_and(|kept| kept.sequence > 0) {
            return Err(missing());
        }
        Self::replace(io, lineage, epoch)
    }

    /// Begins a new journal in the place of whatever is there, which is lost.
    ///
    /// # Errors
    /// `Storage` if it can't be written: then the old one is there, or the new one.
    pub fn replace(io: impl JournalIo + 'static, lineage: Lineage, epoch: u64) -> Result<Self> {
        let end = Anchor::beginning(lineage, epoch);
        let mut journal = Self { io: Box::new(io), end, bytes: 0, state: State::Ready, kept: None };
        journal.restart()?;
        Ok(journal)
    }

    /// Opens a journal and gives the records that come after `known`, the position up to which the caller's
    /// inventory has taken them in; all of them, if there is no inventory yet. Changes nothing.
    ///
    /// A last frame that never became durable is left out, and cut off by the first write.
    ///
    /// # Errors
    /// `Corrupt` if the journal is missing, empty, damaged, or does not belong to `known`; `Unsupported` if a
    /// newer version wrote it; `Storage` if the disk fails.
    pub fn open(io: impl JournalIo + 'static, known: Option<&Anchor>) -> Result<(Self, Vec<Record>)> {
        let mut io: Box<dyn JournalIo> = Box::new(io);
        let Read { bytes, kept } = read(&mut *io)?;
        let marks = Marks { known, also: None, kept: kept.as_ref() };
        let Replay { end, records, sound } = replay(&bytes, marks)?;
        let state = if sound < bytes.len() { State::Torn } else { State::Unsynced };
        let kept = kept.map(|kept| kept.sequence);
        Ok((Self { io, end, bytes: sound as u64, state, kept }, records))
    }

    /// Reads a journal as [`open`](Self::open) does and changes nothing: for looking on while another process
    /// writes it.
    pub fn read(io: &mut dyn JournalIo, known: Option<&Anchor>) -> Result<(Anchor, Vec<Record>)> {
        let (position, records) = Self::read_up_to_its_end(io, known, None)?;
        Ok((position.end, records))
    }

    /// The same with the position from which it can be [read on](Self::read_on). `also` is another anchor that must lie on it.
    pub(crate) fn read_up_to_its_end(
        io: &mut dyn JournalIo,
        known: Option<&Anchor>,
        also: Option<&Anchor>,
    ) -> Result<(Position, Vec<Record>)> {
        let Read { bytes, kept } = read(io)?;
        let Replay { end, records, sound } = replay(&bytes, Marks { known, also, kept: kept.as_ref() })?;
        Ok((Position { end, sound: sound as u64, kept }, records))
    }

    /// Reads what was written since the journal was read up to a position, and nothing that was written before.
    ///
    /// # Errors
    /// As [`read`](Self::read); also where only the whole journal tells whether it goes on from there.
    pub(crate) fn read_on(
        io: &mut dyn JournalIo,
        from: &Position,
        also: Option<&Anchor>,
    ) -> Result<(Position, Vec<Record>)> {
        let kept = read_anchor(io)?;
        let bytes = io.read_from(from.sound).map_err(|error| storage_error("read the journal", error))?;
        let bytes = bytes.ok_or_else(missing)?;
        // The one that was met before is not met again.
        let new = kept.as_ref().filter(|kept| from.kept.as_ref() != Some(kept));
        let at = usize::try_from(from.sound).unwrap_or(usize::MAX);
        let marks = Marks { known: None, also, kept: new };
        let Replay { end, records, sound } = replay_on(&bytes, &from.end, at, marks)?;
        Ok((Position { end, sound: sound as u64, kept }, records))
    }

    /// The position after the last sound frame of these bytes, whatever inventory there is.
    pub(crate) fn end_of(bytes: &[u8]) -> Result<Anchor> {
        let known = header::decode(bytes)?;
        Ok(replay(bytes, Marks { known: Some(&known), ..Marks::default() })?.end)
    }

    /// Writes a group of records and makes it durable.
    ///
    /// The group is one frame, and one sync. A group over [`FRAME_LIMIT`](super::FRAME_LIMIT) becomes several
    /// frames, each synced before the next is written, so that a crash leaves whole frames of it, first ones first.
    ///
    /// # Errors
    /// `Limit` if one record alone is over the limit or the journal would be over [`JOURNAL_LIMIT`], `Invalid` if
    /// an epoch goes back: nothing is written. `Storage` if the disk fails: the group may be there or not, and
    /// the journal must be opened again.
    pub fn append(&mut self, records: &[Record]) -> Result<()> {
        self.check_usable()?;
        let epoch = last_epoch(self.end.epoch, records)?;
        let payloads = group::encode(records)?;
        self.check_room(&payloads)?;
        self.settle()?;
        payloads.iter().try_for_each(|payload| self.commit(payload))?;
        self.end.epoch = epoch;
        Ok(())
    }

    /// Records that the engine of this epoch took over.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn set_epoch(&mut self, epoch: u64) -> Result<()> {
        self.append(&[Record::Epoch { epoch }])
    }

    /// Lets go of all records: `snapshot` is the anchor of a durable inventory that has taken in every one.
    ///
    /// # Errors
    /// `Internal` if there are records after `snapshot`: nothing is changed. `Storage` if the disk fails: the old
    /// or the new journal is there, and it must be opened again.
    pub fn compact(&mut self, snapshot: &Anchor) -> Result<()> {
        self.check_usable()?;
        match snapshot == &self.end {
            true => self.restart(),
            false => Err(Error::new(ErrorKind::Internal, "the snapshot does not cover the journal")
                .with("snapshot", snapshot.sequence)
                .with("journal", self.end.sequence)),
        }
    }

    /// Notes beside the journal how far it has come: if it is cut back to before this, opening it is an error. Costs
    /// nothing if nothing was written since the last note.
    ///
    /// # Errors
    /// `Storage` if the note can't be written: the one before stays, and the journal goes on.
    pub fn keep_anchor(&mut self) -> Result<()> {
        if self.kept == Some(self.end.sequence) {
            return Ok(());
        }
        self.io
            .replace_anchor(&header::encode_anchor(&self.end))
            .map_err(|error| storage_error("keep the journal's anchor", error))?;
        self.kept = Some(self.end.sequence);
        Ok(())
    }

    /// How many frames were written since the anchor was kept.
    pub fn since_anchor(&self) -> u64 {
        self.end.sequence - self.kept.unwrap_or(0).min(self.end.sequence)
    }

    /// Sees to it that so many bytes more can be written, whatever else fills the disk.
    ///
    /// # Errors
    /// `Storage` if there is no room: nothing was written, and the journal goes on.
    pub fn reserve(&mut self, bytes: u64) -> Result<()> {
        self.check_usable()?;
        self.settle()?;
        self.io.reserve(bytes).map_err(|error| storage_error("reserve room in the journal", error))
    }

    /// Whether calls may wait for a disk.
    pub fn waits(&self) -> bool {
        self.io.waits()
    }

    /// How many frames were written since the journal began.
    pub fn sequence(&self) -> u64 {
        self.end.sequence
    }

    /// The epoch of the engine that writes.
    pub fn epoch(&self) -> u64 {
        self.end.epoch
    }

    /// The position after the last durable record.
    pub fn anchor(&self) -> Anchor {
        self.end.clone()
    }

    /// How many bytes it has; by this a caller decides when to compact.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes what was read durable, before anything is written after it.
    fn settle(&mut self) -> Result<()> {
        let settled = match self.state {
            State::Torn => self.io.truncate(self.bytes),
            State::Unsynced => self.io.sync(),
            State::Ready | State::Failed => Ok(()),
        };
        if let Err(error) = settled {
            self.state = State::Failed;
            return Err(storage_error("settle the journal", error));
        }
        self.state = State::Ready;
        Ok(())
    }

    fn commit(&mut self, payload: &[u8]) -> Result<()> {
        let frame = frame::encode(&self.end.chain, payload);
        if let Err(error) = self.io.append(&frame).and_then(|()| self.io.sync()) {
            return Err(self.give_up(error));
        }
        self.end.chain = Digest::of(&frame);
        self.end.sequence += 1;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// The anchor goes first: it lies on the old journal's end too, and a new lineage without a journal is one whose
    /// beginning was cut short.
    fn restart(&mut self) -> Result<()> {
        self.kept = None;
        self.keep_anchor()?;
        let header = header::encode(&self.end);
        if let Err(error) = self.io.replace(&header) {
            self.state = State::Failed;
            return Err(storage_error("begin the journal", error));
        }
        self.bytes = SIZE as u64;
        self.state = State::Ready;
        Ok(())
    }

    /// What was not synced is cut off again, if the disk still lets us: it may be in memory and never get to the
    /// disk, and a journal that is opened later must not take it for durable.
    fn give_up(&mut self, error: io::Error) -> Error {
        self.state = State::Failed;
        let cut = self.io.truncate(self.bytes);
        let error = storage_error("write the journal", error);
        match cut {
            Ok(()) => error,
            Err(cut) => error.with("cutting off what was not synced", cut),
        }
    }

    fn check_usable(&self) -> Result<()> {
        match self.state {
            State::Torn | State::Unsynced | State::Ready => Ok(()),
            State::Failed => Err(Error::new(ErrorKind::Storage, "the journal failed before and is closed")
                .help("see to the disk and start again: the journal is read and checked when it is opened")),
        }
    }

    fn check_room(&self, payloads: &[Vec<u8>]) -> Result<()> {
        let more: usize = payloads.iter().map(|payload| frame::HEAD + payload.len()).sum();
        match self.bytes + more as u64 <= JOURNAL_LIMIT {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Limit, "the journal is full")
                .with("limit", JOURNAL_LIMIT)
                .help("compact it")),
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { end, bytes, state, .. } = self;
        f.debug_struct("Journal").field("end", end).field("bytes", bytes).field("state", state).finish()
    }
}

/// How far a journal was read, for who reads on from there.
#[derive(Clone)]
pub(crate) struct Position {
    /// The position after the last sound frame.
    pub end: Anchor,
    /// At which byte that is.
    sound: u64,
    /// The anchor beside the journal, which was found to lie on it.
    kept: Option<Anchor>,
}

struct Read {
    bytes: Vec<u8>,
    kept: Option<Anchor>,
}

/// The anchor is read first: a journal that is written meanwhile is never behind it.
fn read(io: &mut dyn JournalIo) -> Result<Read> {
    let kept = read_anchor(io)?;
    let bytes = io.read().map_err(|error| storage_error("read the journal", error))?;
    Ok(Read { bytes: bytes.ok_or_else(missing)?, kept })
}

fn read_anchor(io: &mut dyn JournalIo) -> Result<Option<Anchor>> {
    let kept = io.read_anchor().map_err(|error| storage_error("read the journal's anchor", error))?;
    kept.map(|bytes| header::decode_anchor(&bytes)).transpose()
}

fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "the journal is missing").help(RESTORE)
}

fn last_epoch(mut last: u64, records: &[Record]) -> Result<u64> {
    for record in records {
        match record {
            Record::Epoch { epoch } if *epoch <= last => {
                return Err(Error::new(ErrorKind::Invalid, "an epoch must be higher than all before")
                    .with("epoch", epoch)
                    .with("before", last));
            }
            Record::Epoch { epoch } => last = *epoch,
            _ => {}
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::journal::MemoryJournalIo;

    #[test]
    fn a_journal_takes_what_fits_to_the_last_byte_and_nothing_of_what_does_not() {
        let disk = MemoryJournalIo::new();
        let mut journal = Journal::init(disk.clone(), Lineage::new([7; 16]), 1).unwrap();
        let record = Record::Voided;
        let needs = (frame::HEAD + group::encode(std::slice::from_ref(&record)).unwrap()[0].len()) as u64;
        let before = disk.bytes();
        journal.bytes = JOURNAL_LIMIT - needs + 1;
        let error = journal.append(std::slice::from_ref(&record)).unwrap_err();
        assert_eq!((error.kind(), disk.bytes()), (ErrorKind::Limit, before));
        journal.bytes = JOURNAL_LIMIT - needs;
        journal.append(&[record]).unwrap();
        assert_eq!(journal.bytes(), JOURNAL_LIMIT);
    }
}
