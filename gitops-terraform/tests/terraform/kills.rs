//! SIGKILL of our own process, of the tool, and of both, at points all over a run. Whatever is killed: nothing is made
//! twice, and nothing that was made is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::*;
use gitops_terraform::StateServer;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;
use crate::things::*;

/// Tells the process of a test that it is the one to be killed, and where to work.
const CHILD: &str = "GITOPS_TEST_CHILD";
/// How many kills are made; 6 if nothing is set.
const KILLS: &str = "GITOPS_TERRAFORM_KILLS";

/// The file that says that our process keeps the states: then it takes them along when it is killed.
const KEEPS_STATES: &str = "keeps-states";

/// The file that says in which folder of the source the root lies, whatever its name.
const PLACE: &str = "place";

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// How many times a process may have to be started until all is as declared.
const ROUNDS: usize = 12;

/// No test of its own: one life of our process, which applies what it finds and writes down what is blocked.
#[tokio::test]
async fn one_life() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let cx = Cx::system();
    let store: Arc<dyn StateStore> = Arc::new(FileStore::open(folder.join("states")).unwrap());
    let server = Arc::new(StateServer::new(store));
    let mirror = std::fs::read_to_string(folder.join("mirror")).unwrap();
    let main = std::fs::read_to_string(folder.join("main.tf")).unwrap();
    let lock = std::fs::read_to_string(folder.join("lock")).unwrap();
    let place = std::fs::read_to_string(folder.join(PLACE)).unwrap_or_else(|_| "app".to_owned());
    let [main_tf, lock_hcl, settings] =
        ["main.tf", ".terraform.lock.hcl", "gitops.json"].map(|file| format!("{place}/{file}"));
    let files = [(&*main_tf, &*main), (&*lock_hcl, &*lock), (&*settings, r#"{"name": "app"}"#)];
    let world = World::new(&files).within(&folder);
    let keeps_states = std::fs::read_to_string(folder.join(KEEPS_STATES)).is_ok();
    let world = match keeps_states {
        true => world.built(move |builder| builder.mirror(mirror.as_str()).state_server(server.clone())),
        false => world.built(move |builder| builder.mirror(mirror.as_str())),
    };
    for address in std::fs::read_to_string(folder.join("absent")).unwrap_or_default().lines() {
        world.target().confirm(&cx, &root_key("app"), address, "tester").await.unwrap();
    }
    std::fs::write(folder.join("absent"), "").unwrap();
    let report = world.apply().await;
    let blocked: Vec<String> = report.plan.blocked.iter().map(|blocked| blocked.why.to_string()).collect();
    let text = if report.is_converged() { "converged".to_owned() } else { blocked.join("\n") };
    std::fs::write(folder.join("report"), text).unwrap();
}

fn start(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kills::one_life", "--exact", "--nocapture"]).env(CHILD, folder).env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs our process to its end, and gives what it wrote down.
async fn run(folder: &Path) -> String {
    let _ = std::fs::remove_file(folder.join("report"));
    let mut child = start(folder);
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    std::fs::read_to_string(folder.join("report")).unwrap_or_default()
}

/// The tool at work on an apply: the leader of a group with our mark in its environment.
fn tool(folder: &Path) -> Option<Pid> {
    let home = format!("HOME={}", folder.display());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut ids = ids.filter(|id| {
        let read = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        let has = |bytes: Vec<u8>, text: &str| {
            bytes.split(|byte| *byte == 0).any(|part| part.starts_with(text.as_bytes()))
        };
        has(read("environ"), &home) && has(read("cmdline"), "apply")
    });
    ids.find_map(Pid::from_raw)
}

#[derive(Clone, Copy, Debug)]
enum Victim {
    Ours,
    Tool,
    Both,
}

/// When a victim is killed: so many creations were answered, and so much time went by since.
#[derive(Clone, Copy, Debug)]
struct Point {
    answered: u32,
    then: Duration,
}

impl Point {
    /// The point of a number: the same in every run, and spread over the whole of it. Before the first creation lie the
    /// start, the initialisation and the plan, and so more time than between two creations.
    fn of(number: usize) -> Self {
        let digest = Digest::of(&number.to_le_bytes());
        let [answered, then, ..] = *digest.as_bytes();
        let answered = u32::from(answered) % u32::try_from(NAMES.len()).unwrap();
        let then = Duration::from_millis(u64::from(then) * if answered == 0 { 8 } else { 1 });
        Self { answered, then }
    }
}

/// A folder in which a process of ours finds what it works on.
fn prepared(main: &str, lock: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("main.tf", main);
    write("lock", lock);
    write("mirror", &mirror().display().to_string());
    write(KEEPS_STATES, "");
    folder
}

/// Kills one victim, starts again until all is as declared, and says what a person had to be asked for.
async fn kill(victim: Victim, point: Point, lock: &str) -> usize {
    let things = Things::start().await;
    things.with(|inner| inner.takes = Duration::from_millis(100));
    let list: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, "1")).collect();
    let main = things.root(&list);
    let folder = prepared(&main, lock);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();

    let mut child = start(folder.path());
    things.answered(point.answered).await;
    Cx::system().sleep(point.then).await.unwrap();
    let ours = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let tool = tool(folder.path());
    if matches!(victim, Victim::Ours | Victim::Both) {
        kill_process(ours, Signal::KILL).unwrap();
    }
    if let (Some(tool), Victim::Tool | Victim::Both) = (tool, victim) {
        kill_process(tool, Signal::KILL).unwrap();
    }
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();

    let mut asked = BTreeMap::new();
    for _ in 0..ROUNDS {
        let report = run(folder.path()).await;
        if report == "converged" {
            check(&things, &asked, victim, point);
            return asked.len();
        }
        let absent = answer(&things, &report, &mut asked);
        write("absent", &absent);
        let imports = asked
            .iter()
            .map(|(name, id)| format!("import {{\n to = counting_thing.{name}\n id = \"{id}\"\n}}\n"));
        write("main.tf", &format!("{main}{}", imports.collect::<String>()));
    }
    panic!("{victim:?} at {point:?}: not converged in {ROUNDS} rounds; {:?}", run(folder.path()).await);
}

/// What a person does about resources in doubt: looks for each at its provider, and imports it or calls it absent.
fn answer(things: &Things, report: &str, asked: &mut BTreeMap<String, String>) -> String {
    let mut absent = Vec::new();
    for name in NAMES {
        let address = format!("counting_thing.{name}");
        if report.contains(&format!("{address} ")) {
            let named = |inner: &mut Inner| inner.things.values().find(|thing| thing.name == name).cloned();
            match things.with(named) {
                Some(thing) => drop(asked.insert(name.to_owned(), thing.id)),
                None => absent.push(address),
            }
        }
    }
    absent.join("\n")
}

fn check(things: &Things, asked: &BTreeMap<String, String>, victim: Victim, point: Point) {
    let made = things.with(|inner| inner.made.clone());
    let once: BTreeMap<String, u32> = NAMES.iter().map(|name| ((*name).to_owned(), 1)).collect();
    assert_eq!(made, once, "{victim:?} at {point:?}, asked about {asked:?}");
}

#[tokio::test]
async fn whatever_is_killed_nothing_is_made_twice_and_nothing_is_lost() {
    let kills = std::env::var(KILLS).map_or(6, |number| number.parse().expect("a number of kills"));
    let lock = lock_file(&["gitops/counting"]);
    let victims = [Victim::Ours, Victim::Tool, Victim::Both];
    let mut asked = 0;
    for number in 0..kills {
        asked += kill(victims[number % victims.len()], Point::of(number), &lock).await;
    }
    println!("{kills} kills: 0 duplicates, 0 lost; a person was asked about {asked} resources");
}

/// Kills our process, and with it the tool if that is wanted, once so many things were made and the last is not answered yet.
async fn kill_once_made(things: &Things, made: u32, folder: &Path, with_its_tool: bool) {
    let mut child = start(folder);
    things.made(made).await;
    let tool = tool(folder).expect("it is at work");
    child.kill().unwrap();
    if with_its_tool {
        kill_process(tool, Signal::KILL).unwrap();
    }
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
}

/// A root whose only thing was being made when our process was killed.
async fn killed_while_it_is_made(
    things: &Things,
    with_its_tool: bool,
    keeps_states: bool,
) -> tempfile::TempDir {
    things.with(|inner| inner.takes = Duration::from_secs(3));
    let folder = prepared(&things.root(&[("a", "1")]), &lock_file(&["gitops/counting"]));
    if !keeps_states {
        std::fs::remove_file(folder.path().join(KEEPS_STATES)).unwrap();
    }
    kill_once_made(things, 1, folder.path(), with_its_tool).await;
    folder
}

#[tokio::test]
async fn a_tool_that_outlives_us_is_waited_for_and_nobody_has_to_be_asked() {
    for keeps_states in [true, false] {
        let things = Things::start().await;
        let folder = killed_while_it_is_made(&things, false, keeps_states).await;
        assert_eq!(run(folder.path()).await, "converged");
        assert_eq!(things.with(|inner| inner.made.clone()), [("a".to_owned(), 1)].into());
        // Where it ran to its end, that is no change that was not made, in the history either.
        let audit = all_text(&folder.path().join("state"));
        assert!(audit.contains("\"event\":\"recovered\""), "{audit}");
        let is_not_done = audit.contains("not as the change would have left it");
        assert!(keeps_states || !is_not_done, "{audit}");
    }
}

/// What all files below a folder hold.
fn all_text(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| match path.is_dir() {
        true => all_text(&path),
        false => String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
    };
    entries.map(text).collect()
}

/// The machine went down, and the disk had nothing of the report yet.
#[tokio::test]
async fn whatever_was_to_be_made_is_in_doubt_where_the_report_is_gone() {
    let things = Things::start().await;
    let folder = killed_while_it_is_made(&things, true, true).await;
    let report = files_below(folder.path()).into_iter().find(|path| path.ends_with("apply.jsonl")).unwrap();
    std::fs::remove_file(report).unwrap();
    for _ in 0..2 {
        let said = run(folder.path()).await;
        assert!(said.contains("counting_thing.a "), "{said}");
    }
    assert_eq!(things.with(|inner| inner.made.clone()), [("a".to_owned(), 1)].into());
}

/// A root that was applied, and moved to another folder under its name; and our process was killed while it made `b` there.
async fn killed_after_a_move(things: &Things, with_its_tool: bool, keeps_states: bool) -> tempfile::TempDir {
    let folder = prepared(&things.root(&[("a", "1")]), &lock_file(&["gitops/counting"]));
    if !keeps_states {
        std::fs::remove_file(folder.path().join(KEEPS_STATES)).unwrap();
    }
    assert_eq!(run(folder.path()).await, "converged");
    things.with(|inner| inner.takes = Duration::from_secs(1));
    std::fs::write(folder.path().join(PLACE), "teams/shop/app").unwrap();
    std::fs::write(folder.path().join("main.tf"), things.root(&[("a", "1"), ("b", "1")])).unwrap();
    kill_once_made(things, 2, folder.path(), with_its_tool).await;
    folder
}

/// The record still names the folder in which it was applied before; the state is in the new one.
#[tokio::test]
async fn a_root_that_moved_and_was_killed_before_that_was_noted_is_where_its_state_is() {
    let once: BTreeMap<String, u32> = [("a".to_owned(), 1), ("b".to_owned(), 1)].into();
    for (with_its_tool, keeps_states) in [(false, true), (false, false), (true, true), (true, false)] {
        let things = Things::start().await;
        let folder = killed_after_a_move(&things, with_its_tool, keeps_states).await;
        let mut said = run(folder.path()).await;
        if with_its_tool {
            assert!(said.contains("counting_thing.b ") && !said.contains("counting_thing.a "), "{said}");
            let b = things.with(|inner| inner.things.values().find(|thing| thing.name == "b").cloned());
            let import = format!("import {{\n to = counting_thing.b\n id = \"{}\"\n}}\n", b.unwrap().id);
            let main = things.root(&[("a", "1"), ("b", "1")]);
            std::fs::write(folder.path().join("main.tf"), format!("{main}{import}")).unwrap();
            said = run(folder.path()).await;
        }
        assert_eq!(said, "converged", "{with_its_tool} {keeps_states}");
        // Back in its old folder it goes on from the newer state, and not from the copy that stayed there.
        std::fs::write(folder.path().join(PLACE), "app").unwrap();
        assert_eq!(run(folder.path()).await, "converged", "{with_its_tool} {keeps_states}");
        assert_eq!(things.with(|inner| inner.made.clone()), once, "{with_its_tool} {keeps_states}");
        assert_eq!(things.names(), ["a", "b"], "nothing is lost either");
    }
}
