//! A state folder after each cut and each flipped bit: an error that says where, never another state.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::{Path, PathBuf};

use gitops_core::*;
use support::World;

struct Kept {
    world: World,
    folder: tempfile::TempDir,
}

impl Kept {
    /// A state folder after two reconciliations: everything that is begun in it is ended.
    async fn new() -> Self {
        let (world, folder) = (World::with(&[("a", "1")]), private());
        let kept = Self { world, folder };
        for files in [&[("a", "1")][..], &[("a", "2"), ("b", "needs: a")]] {
            kept.world.declare(files);
            let state = StateDir::open(kept.folder.path(), &kept.world.cx).unwrap();
            kept.engine(state.into()).await.unwrap().reconcile(&kept.world.cx).await.unwrap();
        }
        kept
    }

    async fn engine(&self, state: State) -> Result<Engine> {
        self.world
            .builder("test")
            .target("t", self.world.memory.clone())
            .state(state)
            .open(&self.world.cx)
            .await
    }

    /// The inventory that an engine would go on from, as one text.
    async fn inventory(&self) -> Result<String> {
        let engine = self.engine(StateDir::peek(self.folder.path())?.into()).await?;
        let inventory = engine.inventory();
        let open: Vec<_> = inventory.open().collect();
        let entries: Vec<_> = inventory.entries().iter().collect();
        Ok(format!("{} {:?} {entries:?} {open:?}", inventory.owner(), inventory.accepted()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn assert_damage_is_found(&self, path: &Path, damaged: &[u8], what: &str) {
        std::fs::write(path, damaged).unwrap();
        let error = self.inventory().await.expect_err(&format!("{what} went unnoticed"));
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{what}: {error:?}");
        let text = format!("{error} {error:?}");
        let places = ["byte", "document", "anchor", "frame", "path"];
        assert!(places.iter().any(|place| text.contains(place)), "{what} has no place: {text}");
        assert!(error.help_text().is_some(), "{what} has no way out: {text}");
    }
}

const FILES: [&str; 3] = ["journal", "journal.anchor", "store/inventory"];

#[tokio::test]
async fn any_flipped_bit_is_found() {
    let kept = Kept::new().await;
    let sound = kept.inventory().await.unwrap();
    for name in FILES {
        let path = kept.file(name);
        let bytes = std::fs::read(&path).unwrap();
        // Each bit of each byte in turn: every byte is met, and every bit of many.
        for (place, bit) in (0..bytes.len()).flat_map(|place| [(place, place % 8), (place, (place / 8) % 8)])
        {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            kept.assert_damage_is_found(&path, &damaged, &format!("bit {bit} of byte {place} of {name}"))
                .await;
        }
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(kept.inventory().await.unwrap(), sound);
    }
}

#[tokio::test]
async fn any_cut_is_found() {
    let kept = Kept::new().await;
    for name in FILES {
        let path = kept.file(name);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            kept.assert_damage_is_found(&path, &bytes[..cut], &format!("{name} cut at {cut}")).await;
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_found() {
    let kept = Kept::new().await;
    for name in ["journal", "store/inventory"] {
        let bytes = std::fs::read(kept.file(name)).unwrap();
        std::fs::remove_file(kept.file(name)).unwrap();
        assert_eq!(kept.inventory().await.expect_err(name).kind(), ErrorKind::Corrupt);
        std::fs::write(kept.file(name), bytes).unwrap();
    }
    // An anchor is a guard and holds nothing of its own; the next reconciliation keeps it anew.
    std::fs::remove_file(kept.file("journal.anchor")).unwrap();
    kept.inventory().await.unwrap();
    kept.world.declare(&[("a", "3"), ("b", "needs: a")]);
    let state = StateDir::open(kept.folder.path(), &kept.world.cx).unwrap();
    let mut engine = kept.engine(state.into()).await.unwrap();
    engine.reconcile(&kept.world.cx).await.unwrap();
    assert!(kept.file("journal.anchor").exists());
}

/// A folder of nobody else.
fn private() -> tempfile::TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new().permissions(mode).tempdir().unwrap()
}

/// Met with somebody who removed a state folder, as a message had told, while a process worked with it: both wrote one journal.
#[tokio::test]
async fn a_folder_that_was_taken_away_from_a_process_is_not_written_beside() {
    for is_made_anew in [false, true] {
        let kept = Kept::new().await;
        let state = StateDir::open(kept.folder.path(), &kept.world.cx).unwrap();
        let mut first = kept.engine(state.into()).await.unwrap();
        kept.world.declare(&[("a", "3")]);
        first.reconcile(&kept.world.cx).await.unwrap();
        let aside = private();
        std::fs::rename(kept.folder.path(), aside.path().join("moved")).unwrap();
        let mut second = None;
        if is_made_anew {
            copy(&aside.path().join("moved"), kept.folder.path());
            let state = StateDir::open(kept.folder.path(), &kept.world.cx).unwrap();
            second = Some(kept.engine(state.into()).await.unwrap());
        }
        kept.world.declare(&[("a", "4")]);
        let writes = kept.world.memory.writes();
        let error = first.reconcile(&kept.world.cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage, "{error:?}");
        assert!(format!("{error:?}").contains("moved, removed or replaced"), "{error:?}");
        assert_eq!(kept.world.memory.writes(), writes, "no change without its intent");
        drop(first);
        if let Some(mut second) = second {
            second.reconcile(&kept.world.cx).await.unwrap();
            drop(second);
            kept.inventory().await.unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
