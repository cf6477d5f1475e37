//! Mistakes of the past, put back one at a time: the simulator finds each, and none where there is none.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::simulate::{Bug, Profile, World, explore};

/// How many worlds a mistake may hide in.
const BOUND: u64 = 240;

/// The number of each mistake, and what it is.
const BUGS: &[(u8, &str)] = &[
    (1, "effect before intent"),
    (2, "intent not synced"),
    (3, "outcome before response"),
    (5, "folding drops what is open"),
    (6, "owner label by a second write"),
    (8, "inventory only at the end of a pass"),
    (9, "done is shown before it is durable"),
    (10, "recovery does again what it does not look up"),
    (12, "delete from a cached list"),
    (13, "name for identity"),
    (14, "older view after a restart"),
    (15, "lagging list taken for absence"),
    (16, "half a list after an error"),
    (17, "short page taken for the whole list"),
    (18, "a kind that vanished taken for no objects"),
    (19, "cached version for compare-and-swap"),
    (20, "ready of an older generation"),
    (22, "field decided on a stale value"),
    (23, "old plan deletes a re-created object"),
    (24, "lock trusted after a pause"),
    (26, "plan applied on a moved base"),
    (27, "cached ref"),
    (29, "cache key misses an input"),
    (30, "watch that never tells"),
    (31, "delete only on an event"),
    (32, "missed event never made up for"),
    (33, "two events cancel out"),
    (34, "no event, no look at the source"),
    (35, "dependant not woken"),
    (36, "drift during an apply ignored"),
    (37, "what happened while down ignored"),
    (38, "time-out taken for failure"),
    (39, "retry without precondition"),
    (40, "back-off without bound"),
    (41, "error swallowed in a list"),
    (42, "failure blocks siblings"),
    (43, "descendant runs after a failed parent"),
    (44, "delete order not reversed"),
    (47, "what a failed pass made is forgotten"),
    (48, "failed delete forgotten"),
    (49, "unknown creation dropped"),
    (50, "empty list on an error"),
    (51, "guard that lets nearly everything pass"),
    (52, "open for ever after a kill"),
    (53, "truncate, then write; empty is new"),
    (54, "state written every 20 s"),
    (55, "creation not recorded"),
    (56, "old engine goes on writing"),
    (57, "work not bound to the lock"),
    (58, "partial list prunes"),
    (59, "lost request sent again as another"),
    (60, "hot loop on events"),
    (61, "two that take over at once write in one epoch"),
    (62, "an answer taken for proof of its effect"),
    (63, "readiness is a fact of a pass"),
    (64, "a creation in doubt is sent again"),
    (65, "a preview that leaves a trace"),
    (66, "a plan of another revision is written down"),
    (67, "to adopt is taken for the whole change"),
    (68, "what ended and is gone is made again"),
    (69, "the key is taken for the identity"),
    (70, "a suspension that the next reconciliation does not know"),
    (71, "what left is deleted although what is new is refused"),
];

fn profile() -> Profile {
    Profile::default().all_faults().nodes(4, 16).revisions(3, 6).lasts(Duration::from_secs(3600))
}

/// Where two machines share a store, and little is declared, so that both have time to take over at once.
fn profile_of(bug: u8) -> Profile {
    match bug {
        61 => Profile::default().all_faults().nodes(1, 16).revisions(2, 6).lasts(Duration::from_secs(7200)),
        _ => profile(),
    }
}

/// The first seed in which a mistake is found, and the promise that it broke.
fn find(bug: u8) -> Option<(u64, u8)> {
    (0..BOUND).find_map(|seed| {
        let outcome = World::new(seed, &profile_of(bug).bug(Bug::new(bug))).run();
        outcome.violation.map(|violation| (seed, violation.invariant))
    })
}

#[test]
fn with_all_of_them_off_nothing_is_found() {
    let counts = explore(0..60, &profile()).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(counts.crashes > 100, "{counts}");
}

#[test]
fn every_seeded_bug_is_found() {
    let (mut hidden, mut promises) = (Vec::new(), BTreeSet::new());
    for (bug, about) in BUGS {
        match find(*bug) {
            Some((seed, invariant)) => {
                println!("B{bug:02} {about}: I{invariant} in seed {seed}");
                promises.insert(invariant);
            }
            None => hidden.push(format!("B{bug:02} {about}: not found in {BOUND} seeds")),
        }
    }
    println!("promises broken: {promises:?}");
    assert!(promises.len() >= 10, "few promises are seen to be breakable: {promises:?}");
    assert!(hidden.is_empty(), "{hidden:#?}");
}
