//! The document stores: compare and swap, epochs, damage.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gitops_core::{Cx, Document, ErrorKind, FileStore, MemoryStore, StateStore, Version};

fn document(epoch: u64, content: &str) -> Document {
    Document { epoch, bytes: content.as_bytes().to_vec() }
}

fn files() -> (tempfile::TempDir, FileStore, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    let path = folder.path().join("a");
    (folder, store, path)
}

async fn swap(
    store: &dyn StateStore,
    expect: Option<&Version>,
    document: Document,
) -> gitops_core::Result<Version> {
    store.swap(&Cx::system(), "a", expect, document).await
}

async fn content(store: &dyn StateStore) -> Option<String> {
    let stored = store.load(&Cx::system(), "a").await.unwrap();
    stored.map(|stored| String::from_utf8(stored.document.bytes).unwrap())
}

async fn obeys_compare_and_swap(store: &dyn StateStore) {
    assert_eq!(content(store).await, None);
    let first = swap(store, None, document(1, "one")).await.unwrap();
    assert!(swap(store, None, document(1, "two")).await.unwrap_err().is_conflict());
    let second = swap(store, Some(&first), document(1, "two")).await.unwrap();
    assert!(swap(store, Some(&first), document(1, "three")).await.unwrap_err().is_conflict());
    assert_eq!(content(store).await.as_deref(), Some("two"));
    let stored = store.load(&Cx::system(), "a").await.unwrap().unwrap();
    assert_eq!(stored.version, second);
    let back = swap(store, Some(&second), document(1, "one")).await.unwrap();
    assert_ne!(back, first, "an old content that came back had its old version");
}

async fn refuses_an_engine_that_was_deposed(store: &dyn StateStore) {
    let version = swap(store, None, document(2, "new")).await.unwrap();
    let error = swap(store, Some(&version), document(1, "old")).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("epoch 2"), "{error}");
    assert_eq!(content(store).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn both_stores_replace_only_what_was_seen() {
    obeys_compare_and_swap(&MemoryStore::new()).await;
    obeys_compare_and_swap(&files().1).await;
}

#[tokio::test]
async fn both_stores_refuse_an_engine_that_was_deposed() {
    refuses_an_engine_that_was_deposed(&MemoryStore::new()).await;
    refuses_an_engine_that_was_deposed(&files().1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_saw_the_same_version_one_wins() {
    let (folder, store, _) = files();
    let version = swap(&store, None, document(1, "start")).await.unwrap();
    // A store of its own each, as in another process.
    let stores: Vec<_> = (0..16).map(|_| FileStore::open(folder.path()).unwrap()).collect();
    let race = stores.into_iter().map(|store| {
        let version = version.clone();
        tokio::spawn(async move { swap(&store, Some(&version), document(1, "mine")).await.is_ok() })
    });
    let race: Vec<_> = race.collect();
    let mut winners = 0;
    for racer in race {
        winners += usize::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn a_load_sees_what_a_dropped_swap_has_done() {
    let (_folder, store, _) = files();
    for number in 0..20 {
        let before = store.load(&Cx::system(), "a").await.unwrap().map(|stored| stored.version);
        let swap = swap(&store, before.as_ref(), document(1, &number.to_string()));
        // Polled once, then dropped: the work may have begun.
        let _ = futures::FutureExt::now_or_never(swap);
        let seen = content(&store).await;
        tokio::task::yield_now().await;
        assert_eq!(content(&store).await, seen, "what was read changed afterwards");
    }
}

#[tokio::test]
async fn a_flip_of_any_bit_is_found() {
    let (_folder, store, path) = files();
    swap(&store, None, document(3, "content")).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, damaged).unwrap();
        let error = store.load(&Cx::system(), "a").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "bit {bit}: {error}");
    }
}

#[tokio::test]
async fn a_cut_at_any_byte_is_found_and_empty_is_not_new() {
    let (_folder, store, path) = files();
    swap(&store, None, document(3, "content")).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = store.load(&Cx::system(), "a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "cut at {length}");
        assert!(swap(&store, None, document(9, "new")).await.is_err(), "damage was written over");
    }
}

#[tokio::test]
async fn a_document_under_another_name_is_found() {
    let (folder, store, path) = files();
    swap(&store, None, document(1, "content")).await.unwrap();
    std::fs::copy(&path, folder.path().join("b")).unwrap();
    let error = store.load(&Cx::system(), "b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_document_of_a_newer_version_is_left_as_it_is() {
    let (_folder, store, path) = files();
    let version = swap(&store, None, document(1, "content")).await.unwrap();
    let mut newer = std::fs::read(&path).unwrap();
    newer[8] = 2;
    std::fs::write(&path, &newer).unwrap();
    let error = swap(&store, Some(&version), document(1, "ours")).await.unwrap_err();
    assert_eq!((error.kind(), std::fs::read(&path).unwrap()), (ErrorKind::Unsupported, newer));
    insta::assert_snapshot!(error.message(), @"the document was written by a newer version: format 2, this one knows 1");
}

#[tokio::test]
async fn files_are_private_and_nothing_is_left_beside_them() {
    let (folder, store, path) = files();
    drop(store);
    let temps = folder.path().join(".temporary");
    let stray = temps.join(".gitops-tmp-dead");
    std::fs::write(&stray, "cut short").unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    swap(&store, None, document(1, "content")).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&temps).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!stray.exists());
    let count = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(
        (count(folder.path()), count(&temps)),
        (3, 0),
        "the document, the lock, and a folder of nothing"
    );
}

#[tokio::test]
async fn what_an_earlier_version_left_beside_the_documents_goes() {
    let (folder, store, path) = files();
    swap(&store, None, document(1, "content")).await.unwrap();
    drop(store);
    std::fs::remove_dir(folder.path().join(".temporary")).unwrap();
    let stray = folder.path().join(".gitops-tmp-dead");
    std::fs::write(&stray, "cut short").unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    assert!(!stray.exists() && path.exists());
    let stored = store.load(&Cx::system(), "a").await.unwrap().unwrap();
    swap(&store, Some(&stored.version), document(1, "more")).await.unwrap();
}

#[tokio::test]
async fn no_link_is_followed() {
    let (folder, store, path) = files();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::write(&elsewhere, "theirs").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(store.load(&Cx::system(), "a").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(swap(&store, None, document(1, "ours")).await.is_err());
    assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "theirs");
}

#[tokio::test]
async fn a_name_that_could_leave_the_folder_is_refused() {
    let (_folder, store, _) = files();
    let long = "x".repeat(129);
    for name in ["", ".", "..", "../a", "a/b", ".lock", "A", "ä", "a b", long.as_str()] {
        let error = store.load(&Cx::system(), name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
    }
}

#[tokio::test]
async fn a_read_only_store_makes_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let store = FileStore::read_only(&absent);
    assert_eq!(content(&store).await, None);
    assert_eq!(swap(&store, None, document(1, "x")).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!absent.exists());
}
