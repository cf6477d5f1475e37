use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// More bytes than any of these disks has.
const TOO_MANY: usize = 8 << 20;

/// A real file system without much room (a small tmpfs), unmounted when the test is over.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    _own: Option<TempDir>,
}

impl SmallDisk {
    /// One of a size such as `512k` or `4m`, in a folder of its own.
    ///
    /// # Panics
    /// Nothing may be mounted here.
    pub fn mount(size: &str) -> Self {
        let own = tempfile::tempdir().unwrap();
        Self::mounted(own.path().to_owned(), Some(own), size)
    }

    /// One of a size such as `512k` or `4m`, at a path.
    ///
    /// # Panics
    /// Nothing may be mounted here.
    pub fn mount_at(folder: &Path, size: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        Self::mounted(folder.to_owned(), None, size)
    }

    fn mounted(folder: PathBuf, own: Option<TempDir>, size: &str) -> Self {
        mount(&folder, &format!("size={size},mode=0700"));
        Self { folder, _own: own }
    }

    /// Mounts it anew with options such as `ro`.
    ///
    /// # Panics
    /// It can't be.
    pub fn remount(&self, options: &str) {
        mount(&self.folder, &format!("remount,{options}"));
    }

    /// A path on it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes all room, and gives the file that holds it.
    ///
    /// # Panics
    /// There is more room than such a disk has.
    pub fn fill(&self) -> PathBuf {
        let path = self.path("ballast");
        let error = fs::write(&path, vec![1; TOO_MANY]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        path
    }
}

fn mount(folder: &Path, options: &str) {
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "gitops-test"])
        .arg(folder)
        .output()
        .expect("the tests need the program `mount` (Debian: `apt-get install mount`)");
    assert!(
        mount.status.success(),
        "this test fills a small tmpfs and may not mount one: run it as root, or in a user namespace by \
         `unshare --map-root-user --mount cargo test`: {}",
        String::from_utf8_lossy(&mount.stderr),
    );
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
