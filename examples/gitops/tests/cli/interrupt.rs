//! Ctrl-C: what is under way is finished, the rest is not begun, and the next run goes on.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{CONFIG, Ran, World};

pub fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn an_apply_stops_between_changes_and_the_next_one_goes_on() {
    let world = World::empty();
    // Names so long that the command can't report all changes before somebody reads: it is stopped in the middle.
    let names: Vec<String> = (0..1000).map(|n| format!("{n:04}{}", "x".repeat(200))).collect();
    let files: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), Some("x"))).collect();
    world.commit("Many", &files);
    let mut child = world
        .command(&["apply", "--yes"])
        .stdout(File::create(world.path("answer")).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    assert!(first.starts_with("+ create"), "{first}");
    send(&child, Signal::INT);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("exit 130: interrupted"), "{rest}");
    let answer = std::fs::read_to_string(world.path("answer")).unwrap();
    assert!(answer.contains("Stopped: ") && answer.contains("Go on:  gitops apply"), "{answer}");

    world.gitops(&["audit", "verify"]).expect(0);
    let done = world.all_live().len();
    assert!(done > 0 && done < 1000, "{done} files were made");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.all_live().len(), 1000);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_second_one_leaves_at_once_whatever_is_under_way() {
    let world = World::empty();
    let names: Vec<String> = (0..1000).map(|n| format!("{n:04}{}", "x".repeat(200))).collect();
    let files: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), Some("x"))).collect();
    world.commit("Many", &files);
    // Nobody reads what it reports, so it hangs in the middle.
    let mut child = world
        .command(&["apply", "--yes"])
        .stdout(File::create(world.path("answer")).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    // Signals that come while one is pending are one; a person would press again too.
    let ended = (0..600).find_map(|_| {
        send(&child, Signal::INT);
        std::thread::sleep(std::time::Duration::from_millis(50));
        child.try_wait().unwrap()
    });
    if ended.is_none() {
        child.kill().unwrap();
    }
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
    world.gitops(&["apply", "--yes", "--quiet"]).expect(0);
    assert_eq!(world.all_live().len(), 1000);
}

#[test]
fn a_server_that_does_not_answer_is_no_hindrance() {
    let world = World::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/site.git", server.local_addr().unwrap());
    world.configure(&CONFIG.replace("./repository", &url));
    let child = world.command(&["plan"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _open = server.accept().unwrap();
    send(&child, Signal::INT);
    Ran::from(child.wait_with_output().unwrap()).expect(130);
}

#[test]
fn a_time_out_ends_the_wait_too() {
    let world = World::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/site.git", server.local_addr().unwrap());
    world.configure(&CONFIG.replace("./repository", &url));
    world.gitops(&["plan", "--timeout", "1s"]).expect(1).warns("error[GO0012]");
}
