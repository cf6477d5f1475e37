//! The quickstart as a newcomer runs it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn the_whole_story_is_told_without_network() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for said in [
        "2. Apply exactly that plan",
        "4 files made",
        "~   update",
        "the edited file is as declared",
        "Done.",
    ] {
        assert!(text.contains(said), "`{said}` is missing in:\n{text}");
    }
}

#[test]
fn a_repository_that_is_not_there_is_an_error_that_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).arg("/nowhere/at/all.git").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere/at/all.git"));
}
