//! Ordinary seeds: nothing is broken, and a seed is a trace.

use std::thread;
use std::time::Duration;

use gitops_core::Digest;
use gitops_core::simulate::{Fault, Profile, World, explore};

/// Small enough that hundreds of worlds fit into an ordinary test run.
fn small() -> Profile {
    Profile::default().nodes(1, 16).revisions(2, 6).lasts(Duration::from_secs(3600))
}

#[test]
fn a_world_without_faults_settles() {
    let counts = explore(0..20, &small().faults([])).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(counts.writes > 100 && counts.crashes == 0, "{counts}");
}

#[test]
fn five_hundred_worlds_with_every_fault_in_every_other_break_nothing() {
    let run = |from: u64| move || explore(from..from + 250, &small());
    let threads: Vec<_> = [0, 250].map(|from| thread::spawn(run(from))).into_iter().collect();
    for thread in threads {
        let counts = thread.join().unwrap().unwrap_or_else(|failure| panic!("{failure}"));
        assert!(counts.crashes > 250 && counts.writes > 2500, "{counts}");
    }
}

#[test]
fn a_seed_is_a_trace_at_any_number_of_threads() {
    let digest = |seed: u64| World::new(seed, &small()).run().digest;
    let one: Vec<Digest> = (0..16).map(digest).collect();
    let threads: Vec<_> = (0..16).map(|seed| thread::spawn(move || digest(seed))).collect();
    let many: Vec<Digest> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(one, many);
    assert_ne!(one[0], one[1]);
}

#[test]
fn an_engine_that_dies_at_any_point_recovers() {
    let profile = Profile::default().faults([Fault::Defaulted]).all_faults().nodes(4, 4).revisions(2, 2);
    let profile = profile.lasts(Duration::from_secs(1800));
    let points = World::new(3, &profile).run().counts.crash_points;
    assert!(points > 50, "{points}");
    for point in 0..points {
        let profile = profile.clone().crash_at([point]);
        let outcome = World::new(3, &profile).run();
        assert!(outcome.violation.is_none(), "{outcome}; again: --seed 3 {profile}");
        assert_eq!(outcome.counts.crashes, 1);
    }
}

/// In these worlds more removals than pass without an approval wait for an object that only a person can settle.
#[test]
fn removals_that_wait_for_a_person_need_an_approval_each_time() {
    for seed in [21_038, 21_812, 22_879, 30_238] {
        let outcome = World::new(seed, &Profile::default()).run();
        assert!(outcome.violation.is_none(), "{outcome}");
    }
}
