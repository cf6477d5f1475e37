use serde::{Deserialize, Serialize};

use super::{StateLock, StateWrite};

/// How many states of a name are kept.
const KEPT: u64 = 16;
/// How many writes of a name are remembered.
const REMEMBERED: usize = 200;

/// What is known of the states of one name. Where the bytes are, follows from how many were written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub lock: Option<StateLock>,
    /// The latest writes, oldest first.
    pub writes: Vec<StateWrite>,
    /// How many were written in all.
    pub count: u64,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Somebody holds the lock.
    Locked(StateLock),
    /// The lock is not held, or another one.
    NotTheLock,
    /// The state does not go on from what is there.
    NotTheNext(String),
}

impl Head {
    /// The place in which a state lies that was written as this one.
    pub fn slot(number: u64) -> u64 {
        number % KEPT
    }

    /// The number of the latest state.
    pub fn latest(&self) -> Option<u64> {
        self.count.checked_sub(1)
    }

    /// The number of a state that is still kept.
    pub fn number_of(&self, serial: u64) -> Option<u64> {
        let from_the_end = self.writes.iter().rev().position(|write| write.serial == serial)? as u64;
        let number = self.count.checked_sub(1 + from_the_end)?;
        (from_the_end < KEPT).then_some(number)
    }

    /// Takes the lock.
    pub fn take(&mut self, lock: StateLock) -> Result<(), Refused> {
        match &self.lock {
            Some(holder) if *holder != lock => Err(Refused::Locked(holder.clone())),
            _ => {
                self.lock = Some(lock);
                Ok(())
            }
        }
    }

    /// Gives the lock back, to who knows its id.
    pub fn give_back(&mut self, id: &str) -> Result<(), Refused> {
        match &self.lock {
            Some(holder) if holder.id == id => {
                self.lock = None;
                Ok(())
            }
            Some(holder) => Err(Refused::Locked(holder.clone())),
            None => Err(Refused::NotTheLock),
        }
    }

    /// Whether a state may be written now, under a lock of this id; it is one already if the same was written last.
    pub fn may_write(&self, id: &str, next: &StateWrite) -> Result<bool, Refused> {
        match &self.lock {
            Some(holder) if holder.id == id => {}
            Some(holder) => return Err(Refused::Locked(holder.clone())),
            None => return Err(Refused::NotTheLock),
        }
        let Some(last) = self.writes.last() else { return Ok(true) };
        if last.lineage != next.lineage {
            return Err(Refused::NotTheNext(format!("it is of another line than {}", last.lineage)));
        }
        if last.serial == next.serial && last.digest == next.digest {
            return Ok(false);
        }
        match last.serial < next.serial {
            true => Ok(true),
            false => Err(Refused::NotTheNext(format!("serial {} is not after {}", next.serial, last.serial))),
        }
    }

    /// Notes a state that was written.
    pub fn wrote(&mut self, write: StateWrite) {
        self.writes.push(write);
        let surplus = self.writes.len().saturating_sub(REMEMBERED);
        self.writes.drain(..surplus);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::{Digest, Time};
    use proptest::prelude::*;

    use super::*;

    fn lock(id: &str) -> StateLock {
        StateLock {
            id: id.into(),
            operation: String::new(),
            who: String::new(),
            created: String::new(),
            run: String::new(),
        }
    }

    fn write(lineage: &str, serial: u64, content: u8) -> StateWrite {
        StateWrite {
            lineage: lineage.into(),
            serial,
            digest: Digest::of(&[content]),
            at: Time::default(),
            who: String::new(),
            operation: String::new(),
        }
    }

    proptest! {
        /// Whoever asks for what, in whatever order: the lock has one holder, and the line only goes on.
        #[test]
        fn a_line_only_goes_on_and_only_under_the_lock(
            asked in prop::collection::vec((0..4_u8, 0..3_u8, 0..6_u64, 0..2_u8), 0..60)
        ) {
            let mut head = Head::default();
            for (what, who, serial, content) in asked {
                let (id, before) = (who.to_string(), head.clone());
                let holder = head.lock.as_ref().map(|lock| lock.id.clone());
                match what {
                    0 => drop(head.take(lock(&id))),
                    1 => drop(head.give_back(&id)),
                    _ => {
                        let next = write("l", serial, content);
                        if head.may_write(&id, &next) == Ok(true) {
                            prop_assert_eq!(holder.as_deref(), Some(id.as_str()));
                            prop_assert!(before.writes.last().is_none_or(|last| last.serial < serial));
                            head.wrote(next);
                        }
                    }
                }
                if let Some(holder) = holder {
                    let still = head.lock.as_ref().map(|lock| lock.id.clone());
                    prop_assert!(still.is_none_or(|still| still == holder), "a lock changes hands only through nobody");
                }
            }
        }
    }

    #[test]
    fn a_repeated_write_is_one_write_and_another_line_is_refused() {
        let mut head = Head::default();
        head.take(lock("1")).unwrap();
        head.wrote(write("l", 3, 0));
        assert_eq!(head.may_write("1", &write("l", 3, 0)), Ok(false));
        assert!(head.may_write("1", &write("l", 3, 1)).is_err(), "an edit at an equal serial");
        assert!(head.may_write("1", &write("m", 4, 0)).is_err(), "another lineage");
        assert!(head.may_write("2", &write("l", 4, 0)).is_err(), "not the holder");
    }

    #[test]
    fn an_earlier_state_is_found_as_long_as_it_is_kept() {
        let mut head = Head::default();
        (0..40).for_each(|serial| head.wrote(write("l", serial, 0)));
        assert_eq!(head.number_of(39), Some(39));
        assert_eq!(head.number_of(24), Some(24));
        assert_eq!(head.number_of(23), None);
    }
}
