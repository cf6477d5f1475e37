//! Who looks on while another engine works.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use gitops_core::internals::journal::{FileJournalIo, JournalIo};
use gitops_core::{State, StateDir};

use crate::support::World;

/// A journal that is looked at, with how many bytes of it were read.
struct Counted(FileJournalIo, Arc<AtomicUsize>);

impl Counted {
    fn count(&self, bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
        self.1.fetch_add(bytes.as_ref().map_or(0, Vec::len), Relaxed);
        bytes
    }
}

impl JournalIo for Counted {
    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let bytes = self.0.read()?;
        Ok(self.count(bytes))
    }

    fn read_from(&mut self, offset: u64) -> Result<Option<Vec<u8>>> {
        let bytes = self.0.read_from(offset)?;
        Ok(self.count(bytes))
    }

    fn length(&mut self) -> Result<Option<u64>> {
        self.0.length()
    }

    fn read_anchor(&mut self) -> Result<Option<Vec<u8>>> {
        self.0.read_anchor()
    }

    fn append(&mut self, _: &[u8]) -> Result<()> {
        unreachable!("it is only looked at")
    }

    fn sync(&mut self) -> Result<()> {
        unreachable!("it is only looked at")
    }

    fn truncate(&mut self, _: u64) -> Result<()> {
        unreachable!("it is only looked at")
    }

    fn replace(&mut self, _: &[u8]) -> Result<()> {
        unreachable!("it is only looked at")
    }
}

#[tokio::test]
async fn who_looks_on_reads_what_was_written_since_and_knows_what_a_new_process_would_read() {
    let mut read = Vec::new();
    for count in [10, 300] {
        let names: Vec<String> = (0..count).map(|n| format!("o{n:03}")).collect();
        let files = |first: &'static str| {
            names.iter().enumerate().map(move |(n, name)| (name.as_str(), if n == 0 { first } else { "1" }))
        };
        let world = World::with(&files("1").collect::<Vec<_>>());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let owned = StateDir::open(&path, &world.cx).unwrap();
        let builder = || world.builder("test").target("t", world.memory.clone());
        let mut writer = builder().state(owned).open(&world.cx).await.unwrap();
        writer.reconcile(&world.cx).await.unwrap();

        let peek = StateDir::peek(&path).unwrap();
        let bytes = Arc::new(AtomicUsize::new(0));
        let journal = Counted(FileJournalIo::read_only(path.join("journal")), bytes.clone());
        let state = State::from(peek.clone()).with_journal(journal);
        let mut looker = builder().state(state).open(&world.cx).await.unwrap();
        assert!(bytes.swap(0, Relaxed) > count * 300, "all of it was read once");
        for change in ["2", "3", "4"] {
            world.declare(&files(change).collect::<Vec<_>>());
            writer.reconcile(&world.cx).await.unwrap();
            looker.catch_up(&world.cx).await.unwrap();
            let (seen, stored) = (looker.inventory(), peek.inventory(&world.cx).await.unwrap().unwrap());
            assert_eq!(
                seen.entries().iter().collect::<Vec<_>>(),
                stored.entries().iter().collect::<Vec<_>>()
            );
            assert_eq!(seen.complete(), stored.complete());
            read.push(bytes.swap(0, Relaxed));
        }
        looker.catch_up(&world.cx).await.unwrap();
        assert_eq!(bytes.swap(0, Relaxed), 0, "nothing was written");
    }
    assert!(read.iter().all(|bytes| (1..4096).contains(bytes)), "{read:?}");
}

/// Met as: `status` called the state another one than it had read, as long as the first apply had not got to a revision.
#[tokio::test]
async fn who_looks_at_a_state_that_nobody_began_finds_it_so() {
    let world = World::with(&[("a", "1")]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    drop(StateDir::open(&path, &world.cx).unwrap());
    let builder = || world.builder("test").target("t", world.memory.clone());
    let mut looker = builder().state(StateDir::peek(&path).unwrap()).open(&world.cx).await.unwrap();
    looker.catch_up(&world.cx).await.unwrap();
    assert!(looker.inventory().entries().is_empty());
    let owned = StateDir::open(&path, &world.cx).unwrap();
    builder().state(owned).open(&world.cx).await.unwrap().reconcile(&world.cx).await.unwrap();
    let error = looker.catch_up(&world.cx).await.unwrap_err();
    assert_eq!(error.help_text(), Some("open it again"), "somebody has begun one meanwhile: {error}");
}
