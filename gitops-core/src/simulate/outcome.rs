use std::fmt;

use super::fault::Strike;
use super::state::Violation;
use crate::value::Digest;

/// What came of one world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first broken promise, if one was broken.
    pub violation: Option<Violation>,
    /// The digest of the trace: equal for equal seeds and profiles.
    pub digest: Digest,
    /// The faults that struck, in order.
    pub fired: Vec<Strike>,
    /// What happened, in numbers.
    pub counts: Counts,
    /// The trace, one line for each event, if the profile keeps it.
    pub trace: Vec<String>,
}

/// What happened in a world, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Lines of the trace.
    pub events: u64,
    /// Changes that had an effect.
    pub writes: u64,
    /// How often an engine died.
    pub crashes: u64,
    /// At how many points an engine could have died.
    pub crash_points: u64,
    /// Passes that came to their end under the eyes of the world.
    pub passes: u64,
    /// Simulated hours under faults.
    pub hours: u64,
}

impl Counts {
    /// Adds what happened in another world.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.writes += other.writes;
        self.crashes += other.crashes;
        self.crash_points += other.crash_points;
        self.passes += other.passes;
        self.hours += other.hours;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, writes, crashes, passes, hours, .. } = self;
        write!(f, "{hours} h, {events} events, {writes} writes, {crashes} crashes, {passes} passes")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.violation {
            None => write!(f, "seed {}: nothing broken", self.seed),
            Some(violation) => write!(f, "seed {}: {violation}", self.seed),
        }?;
        write!(f, " ({})", self.counts)
    }
}
