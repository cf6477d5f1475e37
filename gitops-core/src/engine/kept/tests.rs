#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

// Files are a backend, which the engine knows nothing of: this test alone looks up to it.
use super::super::super::backend::directory::{Directory, FileRender};
use super::*;
use crate::cx::{Clock, System, Time};
use crate::engine::ApplyOptions;
use crate::engine::state_dir::StateDir;
use crate::source::{Source, SourceInfo};
use crate::state::record::Record;

/// Files of which each set is a revision.
#[derive(Default)]
struct Files(Mutex<BTreeMap<String, String>>);

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("memory", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        let text = format!("{:?}", self.0.lock().unwrap());
        Ok(Revision::new(Digest::of(text.as_bytes()).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = self.0.lock().unwrap().clone();
        Snapshot::from_files("memory", revision.clone(), files)
    }
}

/// A clock that is ahead of the file system's: a file that was written just now has been as it is for long.
struct Ahead;

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> Time {
        System.now().after(std::time::Duration::from_secs(60))
    }

    async fn wait_until(&self, _: Time) {
        std::future::pending::<()>().await;
    }
}

/// An engine whose journal is folded once it is larger than the documents.
async fn process(cx: &Cx, folder: &Path, files: &Arc<Files>) -> Engine {
    let place = |name: &str| folder.join(name);
    Engine::builder("site")
        .source(files.clone())
        .render(Arc::new(FileRender::new("dir")))
        .target("dir", Arc::new(Directory::open(place("live"), "dir").unwrap()))
        .state(StateDir::open(&place("state"), cx).unwrap())
        .keep_in(place("kept"), Digest::of(b"one"))
        .fold_at(1)
        .open(cx)
        .await
        .unwrap()
}

async fn apply(cx: &Cx, engine: &mut Engine) -> Result<crate::engine::Report> {
    let plan = engine.plan(cx).await?;
    engine.apply(cx, &plan, &ApplyOptions::naming_the_plan("alice")).await
}

#[tokio::test]
async fn documents_are_not_written_from_entries_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (cx, files) = (Cx::new(Arc::new(Ahead), Arc::new(System)), Arc::new(Files::default()));
    let declare = |name: &str, text: &str| files.0.lock().unwrap().insert(name.to_owned(), text.to_owned());
    for name in ["a", "b", "c", "d", "e", "f"] {
        declare(name, "first\n");
    }
    apply(&cx, &mut process(&cx, folder.path(), &files).await).await.unwrap();
    process(&cx, folder.path(), &files).await.plan(&cx).await.unwrap();

    // The value of an entry that nobody asks for before the journal is folded.
    let path = folder.path().join("kept");
    let mut bytes = std::fs::read(&path).unwrap();
    let entry = bytes.windows(9).rposition(|text| text == b"\"version\"").unwrap();
    bytes[entry] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut engine = process(&cx, folder.path(), &files).await;
    assert!(engine.ledger.goes_on());
    engine.take_over(&cx, "alice").await.unwrap();
    let key = |name: &str| Key::new("dir", crate::value::GroupKind::new("", "File"), "", name);
    let entry = engine.inventory().entries().get(&key("b")).unwrap().clone();
    engine.ledger.commit(&vec![Record::Adopt { key: key("a"), entry }; 30]).await.unwrap();
    let error = engine.ledger.compact_if_due(&cx).await.unwrap_err();
    assert!(error.to_string().contains("what the last plan kept of the inventory is damaged"), "{error}");
    engine.remove_if_damaged();
    drop(engine);
    assert!(!path.exists());

    let engine = process(&cx, folder.path(), &files).await;
    assert_eq!(engine.inventory().entries().len(), 6);
}

#[tokio::test]
async fn a_plan_that_needs_what_cannot_be_read_reads_all_of_it_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (cx, files) = (Cx::new(Arc::new(Ahead), Arc::new(System)), Arc::new(Files::default()));
    let declare = |name: &str, text: &str| files.0.lock().unwrap().insert(name.to_owned(), text.to_owned());
    let names = ["a", "b", "c", "d", "e", "f"];
    names.iter().for_each(|name| drop(declare(name, "first\n")));
    apply(&cx, &mut process(&cx, folder.path(), &files).await).await.unwrap();
    process(&cx, folder.path(), &files).await.plan(&cx).await.unwrap();

    let path = folder.path().join("kept");
    let mut bytes = std::fs::read(&path).unwrap();
    let entry = bytes.windows(9).rposition(|text| text == b"\"version\"").unwrap();
    bytes[entry] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    names.iter().for_each(|name| drop(declare(name, "second\n")));
    let mut engine = process(&cx, folder.path(), &files).await;
    assert!(engine.ledger.goes_on());
    assert_eq!(engine.plan(&cx).await.unwrap().steps.len(), names.len());
}
