use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::cx::Time;
use crate::value::Key;

/// So many corrections within [`WINDOW`] make an object flapping.
const FLIPS: usize = 5;
const WINDOW: Duration = Duration::from_secs(600);

/// A flapping object is corrected so often at most within [`MEMORY`], and not sooner than [`PAUSE`] after the last time.
const WRITES: usize = 12;
const MEMORY: Duration = Duration::from_secs(3600);
const PAUSE: Duration = Duration::from_secs(300);

/// Remembers corrections of drift, and says which objects somebody else changes again and again.
///
/// After five corrections within ten minutes an object is *flapping*: until an hour without such a burst has passed, it
/// is corrected at most twelve times an hour, five minutes apart. Two controllers that disagree about a field then tell
/// of it instead of wearing out the server. Changes of what is declared are not corrections, and are never kept waiting.
///
/// It is told the time and remembers the last hour, in memory: a restarted engine begins anew.
#[derive(Clone, Debug, Default)]
pub struct FlapGuard {
    corrections: BTreeMap<Key, VecDeque<Time>>,
    /// What another engine of the application, which is at work, holds back, and until when.
    elsewhere: BTreeMap<Key, Time>,
}

impl FlapGuard {
    /// Notes that a correction of an object was sent.
    pub fn corrected(&mut self, key: &Key, now: Time) {
        self.corrections.entry(key.clone()).or_default().push_back(now);
    }

    /// The flapping objects that must not be corrected yet, each with the time from which it may be.
    pub fn waiting(&mut self, now: Time) -> BTreeMap<Key, Time> {
        self.forget(now);
        let until =
            |times: &VecDeque<Time>| is_contested(times).then(|| next(times)).filter(|time| *time > now);
        let here = self.corrections.iter().filter_map(|(key, times)| Some((key.clone(), until(times)?)));
        let elsewhere = self.elsewhere.iter().filter(|(_, time)| **time > now);
        elsewhere.map(|(key, time)| (key.clone(), *time)).chain(here).collect()
    }

    /// Holds back what another engine of the application says that it does.
    pub fn held_elsewhere(&mut self, held: BTreeMap<Key, Time>) {
        self.elsewhere = held;
    }

    fn forget(&mut self, now: Time) {
        self.corrections.retain(|_, times| {
            times.retain(|time| now.since(*time) < MEMORY);
            !times.is_empty()
        });
    }
}

fn is_contested(times: &VecDeque<Time>) -> bool {
    times.iter().zip(times.iter().skip(FLIPS - 1)).any(|(first, last)| last.since(*first) <= WINDOW)
}

/// When the next correction may be: after the pause, and once fewer than the most lie within the memory.
fn next(times: &VecDeque<Time>) -> Time {
    let after_pause = times.back().map(|last| last.after(PAUSE));
    let oldest_that_counts = times.len().checked_sub(WRITES).and_then(|index| times.get(index));
    let has_room = oldest_that_counts.map(|time| time.after(MEMORY));
    after_pause.into_iter().chain(has_room).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::GroupKind;
    use proptest::prelude::*;

    fn key(name: &str) -> Key {
        Key::new("t", GroupKind::new("", "K"), "", name)
    }

    fn at(seconds: u64) -> Time {
        Time::default().after(Duration::from_secs(seconds))
    }

    /// Somebody changes an object at these times, and it is corrected whenever it may be; gives the corrections.
    fn fight(changes: &[u64]) -> Vec<u64> {
        let (mut flap_guard, key) = (FlapGuard::default(), key("a"));
        let mut corrections = Vec::new();
        for seconds in changes {
            if !flap_guard.waiting(at(*seconds)).contains_key(&key) {
                flap_guard.corrected(&key, at(*seconds));
                corrections.push(*seconds);
            }
        }
        corrections
    }

    proptest! {
        /// I18, for changes at any times.
        #[test]
        fn a_contested_object_is_corrected_at_most_twelve_times_an_hour(gaps in prop::collection::vec(0..400u64, 0..200)) {
            let changes: Vec<u64> = gaps.iter().scan(0, |now, gap| { *now += gap; Some(*now) }).collect();
            let corrections = fight(&changes);
            for (index, now) in corrections.iter().enumerate() {
                let before: Vec<u64> = corrections[..index].iter().copied().filter(|then| now - then < 3600).collect();
                let flapping = before.windows(5).any(|burst| burst[4] - burst[0] <= 600);
                let paused = before.last().is_none_or(|last| now - last >= 300);
                prop_assert!(!flapping || (before.len() < 12 && paused), "{} after {:?}", now, before);
            }
        }

        #[test]
        fn rare_corrections_never_wait(gaps in prop::collection::vec(151..2000u64, 0..50)) {
            let changes: Vec<u64> = gaps.iter().scan(0, |now, gap| { *now += gap; Some(*now) }).collect();
            prop_assert_eq!(fight(&changes), changes);
        }
    }

    #[test]
    fn a_fight_of_a_day_costs_few_writes_and_no_memory() {
        let every_second: Vec<u64> = (0..86_400).collect();
        let corrections = fight(&every_second);
        assert!(corrections.len() <= 24 * 12, "{}", corrections.len());
        let mut flap_guard = FlapGuard::default();
        (0..5).for_each(|second| flap_guard.corrected(&key("a"), at(second)));
        assert_eq!(flap_guard.waiting(at(5)), BTreeMap::from([(key("a"), at(304))]));
        assert!(flap_guard.waiting(at(3700)).is_empty() && flap_guard.corrections.is_empty());
    }

    #[test]
    fn what_another_engine_holds_back_is_held_until_it_goes_on() {
        let mut flap_guard = FlapGuard::default();
        flap_guard.held_elsewhere(BTreeMap::from([(key("a"), at(10))]));
        assert_eq!(flap_guard.waiting(at(9)), BTreeMap::from([(key("a"), at(10))]));
        assert!(flap_guard.waiting(at(10)).is_empty());
    }

    #[test]
    fn a_pause_is_over_at_its_end_and_a_burst_is_forgotten_after_an_hour() {
        let corrected = |times: &[u64]| {
            let mut flap_guard = FlapGuard::default();
            times.iter().for_each(|second| flap_guard.corrected(&key("a"), at(*second)));
            flap_guard
        };
        let burst = [0, 1, 2, 3, 4];
        assert_eq!(corrected(&burst).waiting(at(303)).len(), 1);
        assert!(corrected(&burst).waiting(at(304)).is_empty());
        let later = [0, 1, 2, 3, 4, 3599];
        assert_eq!(corrected(&later).waiting(at(3599)).len(), 1);
        assert!(corrected(&later).waiting(at(3600)).is_empty(), "the first of the burst is an hour old");
    }
}
