//! Ordinary seeds: nothing is broken, and a seed is a trace.

use gitops_core::simulate::{Fault, Profile, World};

#[test]
fn a_world_without_faults_settles() {
    for seed in 0..20 {
        let outcome = World::new(seed, &Profile::default().faults([])).run();
        assert!(outcome.violation.is_none(), "{outcome}");
        assert!(outcome.counts.writes > 0, "{outcome}");
    }
}

#[test]
fn crashes_and_lost_answers_break_nothing() {
    let profile = Profile::default().faults([Fault::Crash, Fault::CrashAgain, Fault::AnswerLost]);
    for seed in 0..100 {
        let outcome = World::new(seed, &profile).run();
        assert!(outcome.violation.is_none(), "{outcome}");
    }
}
