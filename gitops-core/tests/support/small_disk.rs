//! A real file system without much room: a small tmpfs.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of 512 KiB, unmounted when the test is over.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub fn mount() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        disk.run_mount("size=512k,mode=0700");
        disk
    }

    pub fn remount(&self, options: &str) {
        self.run_mount(&format!("remount,{options}"));
    }

    fn run_mount(&self, options: &str) {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "gitops-test"])
            .arg(self.0.path())
            .output()
            .expect("the tests need the program `mount` (Debian: `apt-get install mount`)");
        assert!(
            mount.status.success(),
            "this test fills a small tmpfs and may not mount one: run it as root, or in a user namespace by \
             `unshare --map-root-user --mount cargo test`: {}",
            String::from_utf8_lossy(&mount.stderr),
        );
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    /// Takes all room, and gives the file that holds it.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.path().join("ballast");
        let error = std::fs::write(&path, vec![1; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
