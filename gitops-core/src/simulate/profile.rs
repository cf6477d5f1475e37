use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::fault::{Fault, Strike};
use super::random::Random;
use crate::cx::Bug;

/// What kind of world a seed makes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Profile {
    pub(super) nodes: (u64, u64),
    pub(super) revisions: (u64, u64),
    pub(super) lasts: Duration,
    pub(super) faults: BTreeSet<Fault>,
    pub(super) all_faults: bool,
    pub(super) spared: BTreeSet<Strike>,
    pub(super) crash_at: Vec<u64>,
    pub(super) bug: Option<Bug>,
    pub(super) keeps_trace: bool,
}

impl Default for Profile {
    /// 1 to 40 objects, 3 to 12 revisions in six hours, and each fault in every other seed.
    fn default() -> Self {
        Self {
            nodes: (1, 40),
            revisions: (3, 12),
            lasts: Duration::from_secs(6 * 3600),
            faults: Fault::ALL.iter().copied().collect(),
            all_faults: false,
            spared: BTreeSet::new(),
            crash_at: Vec::new(),
            bug: None,
            keeps_trace: false,
        }
    }
}

impl Profile {
    /// How many objects the declarations are made of, at least and at most.
    pub fn nodes(mut self, least: u64, most: u64) -> Self {
        self.nodes = (least, most.max(least));
        self
    }

    /// How many revisions the source gets, at least and at most.
    pub fn revisions(mut self, least: u64, most: u64) -> Self {
        self.revisions = (least, most.max(least));
        self
    }

    /// How long faults last.
    pub fn lasts(mut self, duration: Duration) -> Self {
        self.lasts = duration;
        self
    }

    /// Which faults a seed may have; each is on in every other seed.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = faults.into_iter().collect();
        self
    }

    /// The same without a fault.
    pub fn without(mut self, fault: Fault) -> Self {
        self.faults.remove(&fault);
        self
    }

    /// Every allowed fault is on in every seed.
    pub fn all_faults(mut self) -> Self {
        self.all_faults = true;
        self
    }

    /// Leaves single strikes out, as a shrunk failure names them.
    pub fn sparing(mut self, strikes: impl IntoIterator<Item = Strike>) -> Self {
        self.spared.extend(strikes);
        self
    }

    /// Lets the engine die at exactly these of its crash points, counted from 0.
    pub fn crash_at(mut self, points: impl IntoIterator<Item = u64>) -> Self {
        self.crash_at = points.into_iter().collect();
        self
    }

    /// Switches a seeded bug on.
    pub fn bug(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// Keeps the lines of the trace, not only their digest.
    pub fn keeping_the_trace(mut self) -> Self {
        self.keeps_trace = true;
        self
    }

    /// The faults that a seed has.
    pub(super) fn draw_faults(&self, seed: u64) -> BTreeSet<Fault> {
        let mut random = Random::new(seed, 1);
        let drawn = |_: &&Fault| random.chance(5000) || self.all_faults;
        let drawn: BTreeSet<Fault> = Fault::ALL.iter().filter(drawn).copied().collect();
        drawn.intersection(&self.faults).copied().collect()
    }
}

/// The profile as arguments of `cargo xtask simulate`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, revisions) = (self.nodes, self.revisions);
        write!(f, "--nodes {}..{} --revisions {}..{}", nodes.0, nodes.1, revisions.0, revisions.1)?;
        write!(f, " --seconds {} --faults {}", self.lasts.as_secs(), list(&self.faults, Fault::to_string))?;
        if self.all_faults {
            f.write_str(" --all-faults")?;
        }
        if !self.spared.is_empty() {
            write!(f, " --spare {}", list(&self.spared, |(fault, chance)| format!("{fault}.{chance}")))?;
        }
        if !self.crash_at.is_empty() {
            write!(f, " --crash-at {}", list(&self.crash_at, u64::to_string))?;
        }
        self.bug.map_or(Ok(()), |bug| write!(f, " --bug {bug}"))
    }
}

fn list<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, text: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.into_iter().map(text).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(",") }
}
