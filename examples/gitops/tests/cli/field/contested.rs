//! What the process at work does not correct for a while, every other verb calls blocked as well.

use rustix::process::Signal;

use crate::run::Running;
use crate::support::World;

/// Met with a garbage collector that took an object as often as it was made: `run` held it back, and `status` and `drift` said
/// that an apply would put it right.
#[test]
fn what_run_holds_back_because_others_change_it_again_and_again_is_blocked_in_every_verb() {
    let world = World::new();
    let mut running = Running::start(&world);
    running.wait_for("finished");
    for _ in 0..5 {
        world.edit_live("index.html", "theirs\n");
        assert_eq!(running.wait_for("applied")["key"], "dir:File/-/index.html");
        running.wait_for("finished");
    }
    world.edit_live("index.html", "theirs\n");
    running.wait_for("blocked");
    let said = "others change it as often as it is corrected";
    // It says so beside its lock, right after that.
    while world.json(&["status"])["runner"]["contested"].is_null() {}
    for _ in 0..2 {
        world.gitops(&["status", "--exit-code"]).expect(1).says(said);
        world.gitops(&["plan", "--detailed-exitcode"]).expect(1).says(said);
        world.gitops(&["drift", "--detailed-exitcode"]).expect(1).says(said);
        world.gitops(&["why", "index.html"]).expect(0).says(said);
    }
    assert_eq!(world.live("index.html").as_deref(), Some("theirs\n"));

    // Nobody holds it back any more: whoever applies puts it right.
    running.stop(Signal::TERM).expect(0);
    world.gitops(&["drift", "--detailed-exitcode"]).expect(2);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}
