//! What differs between a terminal and a pipe: the question, colours, escapes.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Ran, World};

/// Runs a command with standard input and standard error on a terminal on which somebody types.
fn on_a_terminal(mut command: Command, typed: &str) -> (Ran, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut master = File::from(master);
    let child =
        command.stdin(slave.try_clone().unwrap()).stdout(Stdio::piped()).stderr(slave).spawn().unwrap();
    drop(command);
    master.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut seen = Vec::new();
    // The end of a terminal that nobody holds any more is an error on Linux.
    let _ = master.read_to_end(&mut seen);
    (output.into(), String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn a_yes_on_the_terminal_applies() {
    let world = World::new();
    let (ran, seen) = on_a_terminal(world.command(&["apply"]), "yes\n");
    ran.expect(0).says("Plan: 2 to create");
    assert!(seen.contains("Apply this plan?"), "{seen}");
    assert!(world.live("index.html").is_some());
}

#[test]
fn anything_else_applies_nothing() {
    let world = World::new();
    let (ran, seen) = on_a_terminal(world.command(&["apply"]), "maybe\n");
    ran.expect(1);
    assert!(seen.contains("not approved; nothing was written"), "{seen}");
    assert!(world.live("index.html").is_none());
}

#[test]
fn a_plan_that_a_gate_holds_back_takes_its_id() {
    let world = World::applied();
    world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
    on_a_terminal(world.command(&["apply"]), "yes\n").0.expect(1);
    assert!(world.live("index.html").is_some());
    let id = format!("{}\n", &world.plan_id()[..12]);
    on_a_terminal(world.command(&["apply"]), &id).0.expect(0);
    assert!(world.live("index.html").is_none());
}

#[test]
fn colours_are_off_in_a_pipe_and_follow_the_documented_order() {
    let world = World::new();
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let ran = Ran::from(world.command(arguments).envs(variables.iter().copied()).output().unwrap());
        ran.expect(0).stdout.contains('\u{1b}')
    };
    assert!(!coloured(&["plan"], &[]));
    assert!(coloured(&["plan"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["plan"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(coloured(&["plan", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["plan", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

/// On a terminal of 60 columns a row went on at the edge of the screen, in the middle of a word.
#[test]
fn no_row_is_longer_than_a_line_of_the_terminal() {
    let world = World::applied();
    world.commit(
        "Change",
        &[("index.html", Some("a line that is much longer than a terminal is wide, as lines are\n"))],
    );
    world.edit_live(
        "conf/app.toml",
        "size = 7, and a line that is longer, too, by so many words as it takes\n",
    );
    for verb in [&["plan"][..], &["status"], &["history"], &["drift"], &["why", "index.html"]] {
        let seen = shown(world.command(verb), 60);
        let long: Vec<&str> = seen.lines().filter(|line| line.trim_end().chars().count() > 60).collect();
        assert!(long.is_empty() && seen.lines().count() > 1, "{verb:?}: {long:#?}\n{seen}");
    }
}

/// What a command shows on a terminal of so many columns, without colours.
fn shown(mut command: Command, columns: u16) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = rustix::termios::Winsize { ws_col: columns, ws_row: 50, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut child = command.env("NO_COLOR", "1").stdout(slave).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let (mut master, mut seen) = (File::from(master), Vec::new());
    // The end of a terminal that nobody holds any more is an error on Linux.
    let _ = master.read_to_end(&mut seen);
    assert!(child.wait().unwrap().success());
    String::from_utf8(seen).unwrap()
}
