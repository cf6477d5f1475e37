//! The first plan says what a later one would.

use crate::support::World;

/// Met with a folder that was to be made by the first apply: its plan took a name that no apply takes.
#[test]
fn names_are_checked_before_the_target_is_there() {
    let world = World::new();
    let long = "n".repeat(250);
    world.commit("Odd names", &[(&long, Some("x\n")), (".page.gitops", Some("x\n"))]);
    let first =
        world.gitops(&["plan"]).expect(1).says("Blocked: 2 objects").says("the file's name is too long");
    assert!(!world.path("live").exists(), "a look makes nothing");
    world.gitops(&["apply", "--yes"]).expect(1);
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with('!')).map(str::to_owned).collect()
    };
    assert_eq!(lines(&first.stdout), lines(&world.gitops(&["plan"]).expect(1).stdout));
}
