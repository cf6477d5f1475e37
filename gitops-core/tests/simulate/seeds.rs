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

/// Every point at which an engine can die, and each of the next ones, which are those of its recovery; each that comes
/// after it, where `GITOPS_CRASH_PAIRS` says `all`.
#[test]
fn an_engine_that_dies_at_any_two_points_recovers() {
    let profile = Profile::default().faults([Fault::Defaulted]).all_faults().nodes(2, 2).revisions(1, 1);
    let profile = profile.lasts(Duration::from_secs(60));
    let run = |points: &[u64]| {
        let profile = profile.clone().crash_at(points.iter().copied());
        let outcome = World::new(3, &profile).run();
        assert!(outcome.violation.is_none(), "{outcome}; again: --seed 3 {profile}");
        assert_eq!(outcome.counts.crashes, points.len() as u64);
        outcome.counts.crash_points
    };
    let all = std::env::var("GITOPS_CRASH_PAIRS").is_ok_and(|pairs| pairs == "all");
    let mut pairs = 0;
    for first in 0..run(&[]) {
        let end = run(&[first]);
        for second in first + 1..if all { end } else { end.min(first + 8) } {
            run(&[first, second]);
            pairs += 1;
        }
    }
    println!("{pairs} pairs");
    assert!(pairs > 100, "{pairs}");
}

/// In these worlds a replacement landed after its engine had died and was taken for not done; an engine stood still
/// between its look and its decision; and what was left of an inventory was deleted beside an object that was gone already.
#[test]
fn what_lands_late_is_known_and_the_last_object_is_not_deleted_without_an_approval() {
    for seed in [102_258, 104_702, 108_722, 114_364, 117_517] {
        let outcome = World::new(seed, &Profile::default()).run();
        assert!(outcome.violation.is_none(), "{outcome}");
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

/// In this world a bit of the last durable frame flipped, and a later frame was torn: nothing valid followed, and the durable
/// frame was taken for one that never became durable.
#[test]
fn rot_before_a_torn_frame_is_damage() {
    let profile =
        Profile::default().all_faults().nodes(1, 16).revisions(2, 6).lasts(Duration::from_secs(7200));
    let outcome = World::new(2154, &profile).run();
    assert!(outcome.violation.is_none(), "{outcome}");
}

/// Where the server names objects, an older view of one application's object was shown as that of the other's.
#[test]
fn an_older_view_is_of_the_same_object() {
    for seed in [314_031, 418_263] {
        let outcome = World::new(seed, &Profile::default()).run();
        assert!(outcome.violation.is_none(), "{outcome}");
    }
}

/// A reconciliation that plans the same as the one before was taken for it, and an object that somebody had deleted in between for
/// one that was written too late.
#[test]
fn the_same_plan_again_is_another_pass() {
    let outcome =
        World::new(1_102_739, &Profile::default().all_faults().lasts(Duration::from_secs(7200))).run();
    assert!(outcome.violation.is_none(), "{outcome}");
}
