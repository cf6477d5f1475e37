//! A crash, and a fault, before every write of every change.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::path::Place;
use super::state::State;
use super::{file_body, file_kind, job};
use crate::value::{Applied, Change, Expect, Key, Live, Object, OwnerLabel, Ownership, Provenance, Result};

/// What happens to the writes of this thread.
#[derive(Clone, Copy)]
enum Fate {
    /// All of them succeed.
    Well,
    /// After so many, the process is dead: none succeeds any more.
    DeadAfter(usize),
    /// After so many, one fails, as on a full disk.
    FaultAfter(usize),
}

thread_local! {
    static FATE: Cell<Fate> = const { Cell::new(Fate::Well) };
}

/// Decides about the next write of this thread.
pub(super) fn before_step() -> io::Result<()> {
    let (fate, error) = match FATE.get() {
        Fate::Well => return Ok(()),
        Fate::DeadAfter(0) => return Err(io::Error::other("the process is dead")),
        Fate::FaultAfter(0) => (Fate::Well, Some(io::ErrorKind::StorageFull.into())),
        Fate::DeadAfter(left) => (Fate::DeadAfter(left - 1), None),
        Fate::FaultAfter(left) => (Fate::FaultAfter(left - 1), None),
    };
    FATE.set(fate);
    error.map_or(Ok(()), Err)
}

/// Runs something under a fate; `None` if the fate was not met.
fn under<T>(fate: Fate, run: impl FnOnce() -> T) -> Option<T> {
    FATE.set(fate);
    let result = run();
    let met = match (fate, FATE.replace(Fate::Well)) {
        (Fate::DeadAfter(_), Fate::DeadAfter(left)) => left == 0,
        (Fate::FaultAfter(_), end) => matches!(end, Fate::Well),
        _ => false,
    };
    met.then_some(result)
}

const FILE: &str = "conf/a.toml";

fn key() -> Key {
    Key::new("dir", file_kind(), "", FILE)
}

fn owner_label(op: &str) -> OwnerLabel {
    OwnerLabel { owner: "shop".into(), op: op.into() }
}

fn object(content: &str) -> Arc<Object> {
    let provenance = Provenance { source: "test".into(), revision: "r".into(), path: FILE.into(), line: 0 };
    Arc::new(Object::new(key(), file_body(content.as_bytes(), false), provenance))
}

fn live(root: &Path) -> Option<Live> {
    State::below(root, &Place::of(&key()).unwrap()).unwrap().into_live(&key())
}

fn content(live: Option<&Live>) -> Option<String> {
    live.map(|live| live.body.get("content").unwrap().as_text().unwrap().to_owned())
}

fn create(op: &str) -> Change {
    Change::Create { object: object("new"), owner_label: owner_label(op), preview: None }
}

fn delete(live: &Live, op: &str) -> Change {
    Change::Delete { key: key(), expect: Expect::from(live), owner_label: owner_label(op), preview: None }
}

/// A root in the state that a change starts from, and the change.
fn start(name: &str) -> (tempfile::TempDir, Change) {
    let root = tempfile::tempdir().unwrap();
    if name != "create" {
        let old = Change::Create { object: object("old"), owner_label: owner_label("old"), preview: None };
        job::apply(root.path(), &old).unwrap();
    }
    let (expect, owner_label) = (live(root.path()).as_ref().map(Expect::from), owner_label("new"));
    let change = match (name, expect) {
        ("update", Some(expect)) => {
            Change::Update { object: object("new"), expect, owner_label, preview: None }
        }
        ("replace", Some(expect)) => {
            Change::Replace { object: object("new"), expect, owner_label, preview: None }
        }
        ("delete", Some(expect)) => Change::Delete { key: key(), expect, owner_label, preview: None },
        ("create again", Some(_)) => {
            fs::remove_file(root.path().join(FILE)).unwrap();
            create("new")
        }
        _ => create("new"),
    };
    (root, change)
}

const CHANGES: [&str; 5] = ["create", "create again", "update", "replace", "delete"];

fn names(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join("conf")) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a change that met no fate answers and leaves.
fn undisturbed(name: &str) -> (Applied, Vec<String>) {
    let (root, change) = start(name);
    (job::apply(root.path(), &change).unwrap(), names(root.path()))
}

/// Runs a check for each step of each change: the root after the step failed, the change, its result.
fn at_every_step(fate: fn(usize) -> Fate, check: impl Fn(&str, usize, &Path, &Change, Result<Applied>)) {
    for name in CHANGES {
        let mut steps = 0;
        loop {
            let (root, change) = start(name);
            let Some(result) = under(fate(steps), || job::apply(root.path(), &change)) else { break };
            check(name, steps, root.path(), &change, result);
            steps += 1;
        }
        assert!(steps >= 4, "{name} has {steps} steps only");
    }
}

#[test]
fn a_crash_leaves_the_old_file_or_the_new_one_and_it_is_ours() {
    at_every_step(Fate::DeadAfter, |name, step, root, _, _| {
        let live = live(root);
        let expected: &[Option<&str>] = match name {
            "create" | "create again" => &[None, Some("new")],
            "delete" => &[Some("old"), None],
            _ => &[Some("old"), Some("new")],
        };
        assert!(expected.contains(&content(live.as_ref()).as_deref()), "{name} {step}");
        assert!(live.is_none_or(|live| live.is_owned_by("shop")), "{name} {step}: nobody's file is left");
    });
}

#[test]
fn a_repeat_after_a_crash_ends_as_if_there_had_been_none() {
    at_every_step(Fate::DeadAfter, |name, step, root, change, _| {
        let repeated = job::apply(root, change).unwrap();
        assert_eq!((repeated, names(root)), undisturbed(name), "{name} {step}");
    });
}

#[test]
fn a_repeat_after_two_crashes_ends_as_if_there_had_been_none() {
    at_every_step(Fate::DeadAfter, |name, first, _, _, _| {
        for second in 0.. {
            let (root, change) = start(name);
            let _ = under(Fate::DeadAfter(first), || job::apply(root.path(), &change));
            let met = under(Fate::DeadAfter(second), || job::apply(root.path(), &change)).is_some();
            let repeated = job::apply(root.path(), &change).unwrap();
            assert_eq!((repeated, names(root.path())), undisturbed(name), "{name} {first} {second}");
            if !met {
                break;
            }
        }
    });
}

#[test]
fn a_look_at_a_file_whose_deletion_crashed_finds_it_whole_or_leaves_nothing() {
    at_every_step(Fate::DeadAfter, |name, step, root, _, _| {
        if name == "delete" && live(root).is_none() {
            assert_eq!(names(root), [""; 0], "{step}");
        }
    });
}

#[test]
fn a_new_plan_after_a_crash_can_remove_every_trace() {
    at_every_step(Fate::DeadAfter, |name, step, root, _, _| {
        let live = live(root).unwrap_or_else(|| {
            job::apply(root, &create("later")).unwrap();
            live(root).unwrap()
        });
        job::apply(root, &delete(&live, "last")).unwrap();
        assert_eq!(names(root), [""; 0], "{name} {step}");
    });
}

#[test]
fn a_file_that_somebody_puts_where_a_creation_crashed_is_not_ours() {
    at_every_step(Fate::DeadAfter, |name, step, root, change, _| {
        if name != "create" || root.join(FILE).exists() {
            return;
        }
        fs::create_dir_all(root.join("conf")).unwrap();
        fs::write(root.join(FILE), "theirs").unwrap();
        let theirs = live(root).unwrap();
        assert_eq!(theirs.ownership, Ownership::Unlabelled, "{name} {step}");
        for change in [change, &create("later"), &delete(&theirs, "last")] {
            assert!(job::apply(root, change).is_err(), "{name} {step}");
        }
        assert_eq!(content(live(root).as_ref()).as_deref(), Some("theirs"));
    });
}

#[test]
fn an_error_says_truly_whether_the_change_may_have_been_made() {
    for fate in [Fate::DeadAfter as fn(usize) -> Fate, Fate::FaultAfter] {
        at_every_step(fate, |name, step, root, _, result| {
            let (before, _) = start(name);
            if result.is_err_and(|error| !error.is_unknown()) {
                let seen = (live(root), live(before.path()));
                assert_eq!(content(seen.0.as_ref()), content(seen.1.as_ref()), "{name} {step}");
            }
        });
    }
}

#[test]
fn a_fault_leaves_no_side_file_behind() {
    at_every_step(Fate::FaultAfter, |name, step, root, change, result| {
        let (before, _) = start(name);
        if result.as_ref().is_err_and(|error| !error.is_unknown()) {
            let (before, left) = (names(before.path()), names(root));
            assert!(left.iter().all(|name| before.contains(name)), "{name} {step}: {left:?}");
        }
        assert_eq!((job::apply(root, change).unwrap(), names(root)), undisturbed(name), "{name} {step}");
    });
}
