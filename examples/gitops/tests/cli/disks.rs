//! Disks that are full, read only or hold something huge, and state that another version wrote.

use std::fs;
use std::os::unix::fs::FileExt;
use std::process::Command;

use rustix::process::Signal;
use testbed::SmallDisk;

use crate::run::Running;
use crate::several::{TWO, two};
use crate::support::{CONFIG, Ran, World};

#[test]
fn a_target_on_a_read_only_disk() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    let before = world.all_live();
    // What is there is seen through a mount that may not be written.
    let live = world.path("live").display().to_string();
    for arguments in [&["--bind", &live, &live][..], &["-o", "remount,ro,bind", &live]] {
        assert!(Command::new("mount").args(arguments).status().unwrap().success(), "mount {arguments:?}");
    }
    let ran = world.gitops(&["apply", "--yes"]);
    assert!(Command::new("umount").arg("--lazy").arg(&live).status().unwrap().success());
    ran.expect(1).warns("Read-only file system");
    assert_eq!(world.all_live(), before);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
}

#[test]
fn a_state_folder_on_a_read_only_disk() {
    let world = World::new();
    let disk = SmallDisk::mount_at(&world.path("disk"), "2m");
    world.configure(&format!("{CONFIG}state: ./disk/state\n"));
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    disk.remount("ro");
    world.gitops(&["apply", "--yes"]).expect(1).warns("error[GO").warns("help: ");
    world.gitops(&["status"]);
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    disk.remount("rw");
    world.gitops(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_state_folder_on_a_full_disk() {
    let world = World::new();
    let disk = SmallDisk::mount_at(&world.path("disk"), "2m");
    world.configure(&format!("{CONFIG}state: ./disk/state\n"));
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    world.gitops(&["plan"]).expect(0);
    let ballast = disk.fill();
    world.gitops(&["apply", "--yes"]).expect(1).warns("error[GO").warns("free some space");
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    fs::remove_file(ballast).unwrap();
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
    world.gitops(&["audit", "verify"]).expect(0);
}

/// Met with a disk that was full for a moment: the application was not touched any more, and the others hid it.
#[test]
fn an_application_whose_disk_was_full_for_a_moment_goes_on_beside_the_others() {
    let world = two();
    let disk = SmallDisk::mount_at(&world.path("disk"), "2m");
    world.configure(&format!("{TWO}  state: ./disk/state\n"));
    let mut running = Running::start(&world);
    running.until_each("finished", &["one", "two"]);
    let ballast = disk.fill();
    world.edit_live("b/page", "by hand\n");
    let mut notes = String::new();
    running.until_noted(&mut notes, "[two] can't go on, and is tried again: ");
    running.until_noted(&mut notes, "free some space");
    fs::remove_file(ballast).unwrap();
    while running.wait_for("applied")["application"] != "two" {}
    assert_eq!(world.live("b/page").as_deref(), Some("b\n"));
    running.stop(Signal::TERM).expect(0);
    world.gitops(&["-a", "two", "audit", "verify"]).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

/// The deadline and the limit of memory are the command's own and the shell's: neither may be what ends it.
#[test]
fn a_blob_of_a_gibibyte_is_refused_in_little_time_and_memory() {
    let world = World::applied();
    fs::File::create(world.path("repository/site/huge")).unwrap().set_len(1 << 30).unwrap();
    world.git(&["-c", "core.compression=1", "-c", "core.bigFileThreshold=1m", "add", "-A"]);
    world.git(&["commit", "-q", "-m", "A huge file"]);
    let before = world.all_live();
    let gitops = world.command(&["--timeout", "60s", "apply", "--yes"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\""]).arg(gitops.get_program());
    shell.args(gitops.get_args()).current_dir(world.path(""));
    let environment = gitops.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let ran = Ran::from(shell.envs(environment).output().unwrap());
    ran.expect(1).warns("huge").warns("limit").warns("help: ");
    assert_eq!(world.all_live(), before);
}

#[test]
fn a_plan_leaves_nothing_behind_but_the_mirror() {
    let world = World::new();
    for verb in ["plan", "diff", "drift", "status", "graph"] {
        world.gitops(&[verb]);
    }
    let names = |path: &str| {
        let names = fs::read_dir(world.path(path)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(""), [".gitops", "gitops.yaml", "repository"]);
    assert_eq!(names(".gitops"), ["~mirrors"]);
}

#[test]
fn state_of_a_newer_version_is_left_alone() {
    for file in ["journal", "store/inventory"] {
        let world = World::applied();
        world.commit("Change", &[("index.html", Some("new\n"))]);
        let path = world.path(".gitops/site").join(file);
        fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[9], 8).unwrap();
        let before = fs::read(&path).unwrap();
        world.gitops(&["apply", "--yes"]).expect(1).warns("newer version").warns("nothing was changed");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"));
    }
}

#[test]
fn a_journal_that_was_cut_back_by_whole_records_is_found_out() {
    let world = World::applied();
    let after_first = fs::metadata(world.path(".gitops/site/journal")).unwrap().len();
    world.commit("Change", &[("other", Some("other\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    let journal = fs::OpenOptions::new().write(true).open(world.path(".gitops/site/journal")).unwrap();
    journal.set_len(after_first).unwrap();
    world.commit("Remove it", &[("other", None)]);
    world.gitops(&["apply", "--yes"]).expect(1).warns("error[GO0015]").warns("cut back").warns("help: ");
    assert_eq!(world.live("other").as_deref(), Some("other\n"));
}
