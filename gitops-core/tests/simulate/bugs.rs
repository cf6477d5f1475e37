//! Mistakes of the past, put back one at a time: the simulator finds each, and by the promise that it breaks.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::simulate::{Bug, Profile, World};

/// How many worlds a mistake may hide in.
const BOUND: u64 = 400;

struct Seeded {
    bug: u8,
    about: &'static str,
    /// The promises by whose breach it may be found; 0 is a panic.
    breaks: &'static [u8],
}

const fn seeded(bug: u8, about: &'static str, breaks: &'static [u8]) -> Seeded {
    Seeded { bug, about, breaks }
}

const BUGS: &[Seeded] = &[
    seeded(1, "effect before intent", &[25]),
    seeded(2, "intent not synced", &[25]),
    seeded(3, "outcome before response", &[5, 6]),
    seeded(6, "mark by a second write", &[]),
    seeded(7, "replace deletes and forgets to create", &[]),
    seeded(8, "inventory only at the end of a pass", &[25]),
    seeded(9, "done is shown before it is durable", &[25]),
    seeded(10, "recovery does again what it does not look up", &[]),
    seeded(12, "delete from a cached list", &[]),
    seeded(13, "name for identity", &[20, 21]),
    seeded(14, "older view after a restart", &[]),
    seeded(15, "lagging list taken for absence", &[]),
    seeded(16, "half a list after an error", &[]),
    seeded(17, "short page taken for the whole list", &[]),
    seeded(18, "a kind that vanished taken for no objects", &[]),
    seeded(19, "cached version for compare-and-swap", &[]),
    seeded(20, "ready of an older generation", &[]),
    seeded(22, "field decided on a stale value", &[]),
    seeded(23, "old plan deletes a re-created object", &[20, 21]),
    seeded(24, "lock trusted after a pause", &[]),
    seeded(26, "plan applied on a moved base", &[]),
    seeded(27, "cached ref", &[]),
    seeded(29, "cache key misses an input", &[]),
    seeded(30, "watch that never tells", &[]),
    seeded(31, "delete only on an event", &[]),
    seeded(32, "missed event never made up for", &[]),
    seeded(33, "two events cancel out", &[]),
    seeded(34, "no event, no look at the source", &[]),
    seeded(35, "dependant not woken", &[]),
    seeded(36, "drift during an apply ignored", &[]),
    seeded(37, "what happened while down ignored", &[]),
    seeded(38, "time-out taken for failure", &[]),
    seeded(39, "retry without precondition", &[20, 21]),
    seeded(40, "back-off without bound", &[19]),
    seeded(41, "error swallowed in a list", &[]),
    seeded(42, "failure blocks siblings", &[]),
    seeded(43, "descendant runs after a failed parent", &[]),
    seeded(44, "delete order not reversed", &[11]),
    seeded(45, "write per event", &[]),
    seeded(46, "defaults taken for drift", &[]),
    seeded(47, "objects of a failed pass forgotten", &[]),
    seeded(48, "failed delete forgotten", &[]),
    seeded(49, "unknown creation dropped", &[]),
    seeded(50, "empty list on an error", &[]),
    seeded(51, "guard that lets nearly everything pass", &[4]),
    seeded(52, "open for ever after a kill", &[]),
    seeded(53, "truncate, then write; empty is new", &[]),
    seeded(54, "state written every 20 s", &[25]),
    seeded(55, "creation not recorded", &[25]),
    seeded(56, "old engine goes on writing", &[]),
    seeded(57, "work not bound to the lock", &[]),
    seeded(58, "partial list prunes", &[]),
    seeded(59, "lost request sent again as another", &[]),
    seeded(60, "hot loop on events", &[19]),
];

fn profile() -> Profile {
    Profile::default().nodes(1, 16).revisions(2, 6).lasts(Duration::from_secs(3600))
}

/// The first seed in which a mistake is found, and the promise that it broke.
fn find(seeded: &Seeded) -> Option<(u64, u8)> {
    (0..BOUND).find_map(|seed| {
        let outcome = World::new(seed, &profile().bug(Bug::new(seeded.bug))).run();
        outcome.violation.map(|violation| (seed, violation.invariant))
    })
}

#[test]
fn every_seeded_bug_is_found() {
    let (mut hidden, mut promises) = (Vec::new(), BTreeSet::new());
    for seeded in BUGS {
        let Seeded { bug, about, breaks } = seeded;
        match find(seeded) {
            Some((seed, invariant)) => {
                println!("B{bug:02} {about}: I{invariant} in seed {seed}");
                promises.insert(invariant);
                if !breaks.is_empty() && !breaks.contains(&invariant) {
                    hidden.push(format!("B{bug:02} broke I{invariant}, not one of {breaks:?}"));
                }
            }
            None => hidden.push(format!("B{bug:02} {about}: not found in {BOUND} seeds")),
        }
    }
    println!("promises broken: {promises:?}");
    assert!(hidden.is_empty(), "{hidden:#?}");
}
