//! Runs many seeds, and makes the first failure small.

use std::fmt;
use std::ops::Range;

use super::fault::Strike;
use super::outcome::{Counts, Outcome};
use super::profile::Profile;
use super::world::World;

/// How many worlds are tried to make one failure smaller.
const TRIES: usize = 400;

/// Runs the world of each seed. The first that breaks a promise is shrunk: fewer faults, objects, revisions, hours
/// and strikes, as long as the same promise is broken.
///
/// # Errors
/// The shrunk failure, with its trace and the command that replays it.
pub fn explore(seeds: Range<u64>, profile: &Profile) -> Result<Counts, Box<Failure>> {
    let mut counts = Counts::default();
    for seed in seeds {
        let outcome = World::new(seed, profile).run();
        counts.add(&outcome.counts);
        if outcome.violation.is_some() {
            return Err(Box::new(Failure::shrunk(outcome, profile)));
        }
    }
    Ok(counts)
}

/// A broken promise, made small.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What happened as it was found.
    pub found: Outcome,
    /// What happens in the small world, with its trace.
    pub small: Outcome,
    /// The small world's profile.
    pub profile: Profile,
}

impl Failure {
    fn shrunk(found: Outcome, profile: &Profile) -> Self {
        let mut shrinker = Shrinker::new(&found, profile);
        shrinker.drop_faults();
        shrinker.fewer_nodes();
        shrinker.fewer_revisions();
        shrinker.less_time();
        shrinker.drop_strikes();
        let profile = shrinker.profile;
        let small = World::new(found.seed, &profile.clone().keeping_the_trace()).run();
        Self { found, small, profile }
    }

    /// The command that shows the small world again.
    pub fn command(&self) -> String {
        format!("cargo xtask simulate --seed {} {}", self.found.seed, self.profile)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.found)?;
        writeln!(f, "shrunk to:")?;
        for line in &self.small.trace {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "{}", self.small)?;
        write!(f, "again: {}", self.command())
    }
}

struct Shrinker {
    seed: u64,
    invariant: Option<u8>,
    profile: Profile,
    fired: Vec<Strike>,
    tries: usize,
}

impl Shrinker {
    fn new(found: &Outcome, profile: &Profile) -> Self {
        let faults = profile.draw_faults(found.seed);
        Self {
            seed: found.seed,
            invariant: found.violation.as_ref().map(|violation| violation.invariant),
            profile: profile.clone().faults(faults).all_faults(),
            fired: found.fired.clone(),
            tries: 0,
        }
    }

    /// Takes a smaller profile if it still breaks the same promise.
    fn accepts(&mut self, profile: Profile) -> bool {
        self.tries += 1;
        if self.tries > TRIES {
            return false;
        }
        let outcome = World::new(self.seed, &profile).run();
        let breaks = outcome.violation.map(|violation| violation.invariant) == self.invariant;
        if breaks {
            self.profile = profile;
            self.fired = outcome.fired;
        }
        breaks
    }

    fn drop_faults(&mut self) {
        for fault in self.profile.faults.clone() {
            self.accepts(self.profile.clone().without(fault));
        }
    }

    fn fewer_nodes(&mut self) {
        for nodes in [1, 2, 3, 4, 6, 8, 12, 16, 24] {
            if self.accepts(self.profile.clone().nodes(nodes, nodes)) {
                return;
            }
        }
    }

    fn fewer_revisions(&mut self) {
        for revisions in [1, 2, 3, 4, 6, 8] {
            if self.accepts(self.profile.clone().revisions(revisions, revisions)) {
                return;
            }
        }
    }

    fn less_time(&mut self) {
        while self.profile.lasts.as_secs() >= 120 {
            let half = self.profile.lasts / 2;
            if !self.accepts(self.profile.clone().lasts(half)) {
                return;
            }
        }
    }

    /// Leaves out strikes in ever smaller portions.
    fn drop_strikes(&mut self) {
        let mut portion = self.fired.len().div_ceil(2);
        while portion > 0 && self.tries < TRIES {
            let mut start = 0;
            while start < self.fired.len() {
                let end = (start + portion).min(self.fired.len());
                let spared: Vec<Strike> = self.fired[start..end].to_vec();
                if !self.accepts(self.profile.clone().sparing(spared)) {
                    start = end;
                }
            }
            portion = if portion == 1 { 0 } else { portion.div_ceil(2) };
        }
    }
}
