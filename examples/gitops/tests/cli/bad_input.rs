//! Input that no plan can be made from: an exit code, a message with the way out, and nothing half done.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use crate::support::{CONFIG, Ran, World};

/// Runs an apply that must fail, and checks that the target is as it was.
fn refused(world: &World, code: i32) -> Ran {
    let before = world.all_live();
    let ran = world.gitops(&["apply", "--yes"]).expect(code);
    assert_eq!(world.all_live(), before);
    ran.warns("error[GO").warns("help: ")
}

#[test]
fn an_empty_repository() {
    refused(&World::empty(), 1).warns("the repository is empty").warns("commit something");
}

#[test]
fn a_branch_that_is_not_there() {
    let world = World::new();
    world.configure(&CONFIG.replace("branch: main", "branch: mian"));
    refused(&world, 1).warns("mian").warns("main");
}

#[test]
fn a_repository_that_is_not_there() {
    let world = World::new();
    world.configure(&CONFIG.replace("./repository", "./repositroy"));
    refused(&world, 1).warns("repositroy");
}

#[test]
fn a_path_that_is_not_there() {
    let world = World::new();
    world.configure(&CONFIG.replace("path: site", "path: stie"));
    refused(&world, 1).warns("stie");
}

#[test]
fn a_branch_that_was_force_pushed() {
    let world = World::applied();
    world.git(&["checkout", "-q", "--orphan", "other"]);
    world.commit("Another history", &[("index.html", Some("theirs\n"))]);
    world.git(&["branch", "-q", "-M", "other", "main"]);
    refused(&world, 1);
}

#[test]
fn a_path_that_vanished_deletes_nothing() {
    let world = World::applied();
    world.git(&["mv", "site", "moved"]);
    world.git(&["commit", "-q", "-m", "Move it"]);
    refused(&world, 1);
}

#[test]
fn a_name_that_is_not_utf_8() {
    let world = World::new();
    fs::write(world.path("repository/site").join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    world.commit("A name", &[]);
    refused(&world, 1).warns("error[GO0202]");
}

#[test]
fn a_symbolic_link() {
    let world = World::new();
    std::os::unix::fs::symlink("/etc/passwd", world.path("repository/site/link")).unwrap();
    world.commit("A link", &[]);
    refused(&world, 1).warns("error[GO0203]").warns("link: it is a symbolic link");
    world.configure(&CONFIG.replace("path: site", "path: site, ignore: [link]"));
    world.gitops(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_pattern_that_fits_nothing() {
    let world = World::new();
    world.configure(&CONFIG.replace("path: site", "path: site, include: [index.htm]"));
    let refused = refused(&world, 1).warns("error[GO0208]").warns("`index.htm` lets nothing through");
    refused.warns("gitops.yaml:3:").warns("include: [index.htm]").warns("^^^^^^^^^");
    world.configure(&CONFIG.replace("path: site", "path: site, ignore: [draft]"));
    world
        .gitops(&["plan"])
        .expect(0)
        .warns("GO0208")
        .warns("gitops.yaml:3:")
        .warns("`draft` holds nothing back");
}

#[test]
fn a_file_that_is_too_large() {
    let world = World::new();
    fs::File::create(world.path("repository/site/huge")).unwrap().set_len(101 << 20).unwrap();
    world.commit("A huge file", &[]);
    refused(&world, 1).warns("huge");
}

#[test]
fn a_target_that_is_a_file() {
    let world = World::new();
    fs::write(world.path("live"), "a file").unwrap();
    refused(&world, 1).warns("live");
    assert_eq!(fs::read_to_string(world.path("live")).unwrap(), "a file");
}

#[test]
fn a_target_in_a_folder_that_is_not_there() {
    let world = World::new();
    world.configure(&CONFIG.replace("./live", "./no/such/live"));
    refused(&world, 1);
    assert!(!world.path("no").exists());
}

#[test]
fn a_journal_that_was_cut_short() {
    let world = World::applied();
    let journal = fs::OpenOptions::new().write(true).open(world.path(".gitops/site/journal")).unwrap();
    journal.set_len(40).unwrap();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    refused(&world, 1).warns("error[GO0015]");
}

#[test]
fn a_journal_with_a_byte_changed() {
    let world = World::applied();
    let mut journal = fs::read(world.path(".gitops/site/journal")).unwrap();
    let middle = journal.len() / 2;
    journal[middle] ^= 1;
    fs::write(world.path(".gitops/site/journal"), journal).unwrap();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    refused(&world, 1).warns("error[GO0015]");
}

#[test]
fn a_journal_that_is_gone() {
    let world = World::applied();
    fs::remove_file(world.path(".gitops/site/journal")).unwrap();
    world.commit("Remove it all", &[("index.html", None)]);
    refused(&world, 1).warns("error[GO0015]");
}

#[test]
fn a_state_folder_that_another_process_uses() {
    let world = World::new();
    let mut holder = world.command(&["run", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
    // The holder has the lock once it has made the files.
    while world.live("index.html").is_none() {
        assert!(holder.try_wait().unwrap().is_none(), "the holder ended early");
        std::thread::yield_now();
    }
    let refused = world.gitops(&["apply", "--yes"]).expect(1);
    refused.warns("error[GO0016]").warns(&holder.id().to_string()).warns("`gitops approve PLAN_ID`");
    world.gitops(&["plan"]).expect(0);
    world.gitops(&["status"]).expect(0);
    holder.kill().unwrap();
    holder.wait().unwrap();
    world.gitops(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_state_folder_that_is_a_file() {
    let world = World::new();
    fs::write(world.path(".gitops"), "a file").unwrap();
    refused(&world, 1).warns(".gitops");
}

#[test]
fn a_standard_output_that_is_full() {
    let world = World::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = world.command(&["plan"]).stdout(full).output().unwrap();
    Ran::from(output).expect(1).warns("can't write to standard output");
}

/// What was done was not told, where the answer could not be written.
#[test]
fn an_answer_that_cannot_be_written_is_told_on_standard_error_with_the_reason() {
    let world = World::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let apply = ["apply", "--yes", "--output", "json"];
    let output = world.command(&apply).stdout(full).output().unwrap();
    let ran = Ran::from(output).expect(1).warns("Applied: 2 changes").warns("can't write to standard output");
    assert!(ran.stderr.find("Applied: 2 changes") < ran.stderr.find("can't write"), "{ran:?}");
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let world = World::new();
    let mut child = world
        .command(&["apply", "--yes", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(0);
    assert!(ran.stderr.is_empty(), "{ran:?}");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
}

#[test]
fn a_name_that_would_rewrite_the_screen() {
    let world = World::new();
    world.commit("A name", &[("a\u{1b}[2Jb", Some("x"))]);
    let ran = world.gitops(&["plan"]);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn a_plan_from_standard_input_is_not_taken() {
    let world = World::new();
    let mut child =
        world.command(&["apply", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"{}");
    Ran::from(child.wait_with_output().unwrap()).expect(1);
}
