//! A failure is made small, and comes with the command that shows it again.

use std::time::Duration;

use gitops_core::simulate::{Bug, Profile, World, explore};

#[test]
fn a_failure_is_shrunk_and_replayed() {
    let profile = Profile::default().nodes(1, 16).lasts(Duration::from_secs(3600)).bug(Bug::new(44));
    let failure = explore(0..60, &profile).expect_err("deletes in the wrong order are found");
    let (found, small) = (&failure.found, &failure.small);
    assert_eq!(found.violation.as_ref().unwrap().invariant, small.violation.as_ref().unwrap().invariant);
    assert!(
        small.counts.events <= found.counts.events && small.fired.len() <= found.fired.len(),
        "{failure}"
    );
    assert!(small.trace.last().is_some() && failure.command().contains("--bug B44"), "{}", failure.command());
    let again = World::new(found.seed, &failure.profile).run();
    assert_eq!(again.digest, small.digest);
}
