//! Roots and disks that do not serve.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_core::{Cx, Directory, ErrorKind, Result, Scope, Target};

use crate::support::{Yard, create, key, update};

/// A small file system in memory. Needs root, as a container has it.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args = ["-t", "tmpfs", "-o", options, "tmpfs"];
        run(Command::new("mount").args(args).arg(folder.path()));
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn remount(&self, options: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path()));
    }
}

fn run(command: &mut Command) {
    let status = command.status().expect("mount and umount are installed (package `mount`)");
    assert!(status.success(), "{command:?} failed: run this test as root, for instance in a container");
}

fn yard(root: &Path) -> Yard {
    Yard { directory: Directory::open(root, "dir").unwrap(), folder: tempfile::tempdir().unwrap() }
}

#[test]
fn a_root_is_made_by_one_folder_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        Directory::open(folder.path().join("live"), "dir").is_ok() && folder.path().join("live").is_dir()
    );
    let error = Directory::open(folder.path().join("no/such"), "dir").unwrap_err();
    assert!(error.to_string().contains("/no") && !folder.path().join("no").exists(), "{error}");
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Directory::open(folder.path().join("file"), "dir").unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("not a folder"), "{error}");
}

#[tokio::test]
async fn a_root_that_is_gone_is_not_taken_for_an_empty_one() -> Result<()> {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await?;
    let expect = yard.expect("a").await;
    fs::rename(yard.directory.root(), yard.folder.path().join("away")).unwrap();
    let error = yard.try_live("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    for change in [create("b", "x", "op2"), update("a", "x", &expect, "op3")] {
        assert_eq!(yard.apply(change).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    fs::rename(yard.folder.path().join("away"), yard.directory.root()).unwrap();
    assert!(yard.live("a").await.is_some(), "it works again as soon as the root is back");
    Ok(())
}

#[tokio::test]
async fn a_full_disk_refuses_and_leaves_no_trace() {
    let mount = Mount::new("size=1m");
    let yard = yard(&mount.path());
    yard.apply(create("kept", "old", "op1")).await.unwrap();
    let expect = yard.expect("kept").await;
    let before = yard.all();
    let big = "x".repeat(2 << 20);
    for change in [create("new/folder/big", &big, "op2"), update("kept", &big, &expect, "op3")] {
        let error = yard.apply(change).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Storage && !error.is_unknown(), "{error:?}");
        assert!(error.help_text().unwrap().contains("free space"), "{error:?}");
        assert_eq!(yard.all(), before);
    }
    yard.apply(update("kept", "new", &expect, "op4")).await.expect("what fits still works");
}

#[tokio::test]
async fn a_disk_without_room_for_another_name_refuses_and_leaves_no_trace() {
    for inodes in 3..8 {
        let mount = Mount::new(&format!("size=1m,nr_inodes={inodes}"));
        let yard = yard(&mount.path());
        match yard.apply(create("a/b", "x", "op")).await {
            Ok(_) => assert_eq!(yard.names(), ["a", "a/.b.gitops", "a/b"]),
            Err(error) => {
                assert!(error.kind() == ErrorKind::Storage && !error.is_unknown(), "{error:?}");
                assert!(yard.names().is_empty(), "{:?}", yard.names());
            }
        }
    }
}

#[tokio::test]
async fn a_read_only_root_can_be_observed_and_says_why_it_takes_no_change() {
    let mount = Mount::new("size=1m");
    let yard = yard(&mount.path());
    yard.apply(create("a", "one", "op1")).await.unwrap();
    mount.remount("ro");
    let scope = [key("a")].into_iter().collect::<Scope>();
    let again = Directory::open(mount.path(), "dir").unwrap();
    assert_eq!(again.observe(&Cx::system(), &scope).await.unwrap().len(), 1);
    let expect = yard.expect("a").await;
    for change in [create("b", "x", "op2"), update("a", "x", &expect, "op3")] {
        let error = yard.apply(change).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Storage && error.to_string().contains("Read-only"), "{error:?}");
        assert!(error.help_text().is_some());
    }
    mount.remount("rw");
}
