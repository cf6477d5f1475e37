//! The folder that holds the state: who may use it, and what is refused in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gitops_core::internals::journal::{Journal, JournalIo, Lineage};
use gitops_core::{Cx, Document, ErrorKind, Secret, State, StateDir, StateStore};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_opening_is_refused_and_names_the_process() {
    let folder = private();
    let path = folder.path().join("deep/state");
    let held = StateDir::open(&path, &Cx::system()).unwrap();
    let error = StateDir::open(&path, &Cx::system()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let process = format!("used by process {} since 2", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    assert!(error.help_text().unwrap().contains("stop it"));
    drop(held);
    StateDir::open(&path, &Cx::system()).unwrap();
}

#[test]
fn everything_in_it_is_private() {
    let folder = private();
    let (path, cx) = (folder.path().join("state"), Cx::system());
    let state = StateDir::open(&path, &cx).unwrap();
    state.secret_key(&cx).unwrap();
    state.audit().unwrap();
    Journal::init(state.journal_io(), Lineage::new(cx.random_bytes()), 1).unwrap();
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

#[test]
fn the_secret_key_is_made_once() {
    let folder = private();
    let cx = Cx::system();
    let digest = || {
        let state = StateDir::open(folder.path(), &cx).unwrap();
        Secret::new("hunter2", &state.secret_key(&cx).unwrap()).digest()
    };
    assert_eq!(digest(), digest());
    std::fs::write(folder.path().join("secret-key"), "short").unwrap();
    let state = StateDir::open(folder.path(), &cx).unwrap();
    assert_eq!(state.secret_key(&cx).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_look_sees_what_the_holder_wrote_and_makes_nothing() {
    let folder = private();
    let (path, cx) = (folder.path().join("state"), Cx::system());
    assert_eq!(StateDir::peek(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    let held = StateDir::open(&path, &cx).unwrap();
    let document = Document { epoch: 1, bytes: b"content".to_vec() };
    held.store().swap(&cx, "inventory", None, document.clone()).await.unwrap();
    let before = listing(&path);
    let peek = StateDir::peek(&path).unwrap();
    assert_eq!(peek.store().load(&cx, "inventory").await.unwrap().unwrap().document, document);
    assert!(Journal::read(&mut peek.journal_io(), None).is_err());
    assert!(peek.store().swap(&cx, "pin", None, document).await.is_err());
    assert_eq!(listing(&path), before);
}

#[tokio::test]
async fn an_engine_that_only_looks_can_write_nothing() {
    let folder = private();
    let cx = Cx::system();
    let held = StateDir::open(folder.path(), &cx).unwrap();
    Journal::init(held.journal_io(), Lineage::new([1; 16]), 1).unwrap();
    let before = listing(folder.path());
    let peek = StateDir::peek(folder.path()).unwrap();
    let mut journal = peek.journal_io();
    let state = State::from(peek);
    let document = Document { epoch: 1, bytes: Vec::new() };
    assert!(state.store().swap(&cx, "inventory", None, document).await.is_err());
    assert!(journal.append(b"x").is_err());
    assert!(state.audit().record(&cx, &crate::audit::entries(0..1)).await.is_err());
    assert_eq!(listing(folder.path()), before);
}

fn listing(path: &Path) -> Vec<String> {
    let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_folder_is_refused() {
    let folder = private();
    let (file, dangling, circle) =
        (folder.path().join("file"), folder.path().join("dangling"), folder.path().join("circle"));
    std::fs::write(&file, "theirs").unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).unwrap();
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    for path in [&file, &dangling, &circle, &file.join("below")] {
        let error = StateDir::open(path, &Cx::system()).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "theirs");
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_link_to_a_folder_is_the_folder() {
    let folder = private();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let held = StateDir::open(&link, &Cx::system()).unwrap();
    assert_eq!(held.path(), real.canonicalize().unwrap());
    assert_eq!(StateDir::open(&real, &Cx::system()).unwrap_err().kind(), ErrorKind::Locked);
}

#[test]
fn a_folder_that_others_may_use_is_refused() {
    let folder = private();
    for mode in [0o777, 0o770, 0o750, 0o701, 0o1700 | 0o004] {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let looked = StateDir::peek(folder.path()).unwrap_err();
        for error in [StateDir::open(folder.path(), &Cx::system()).unwrap_err(), looked] {
            assert_eq!(error.kind(), ErrorKind::Forbidden);
            assert!(error.help_text().unwrap().contains("chmod 700"));
        }
    }
}

/// Needs the right to give files away; where that is missing, the folder of somebody else is the root's.
#[test]
fn a_folder_of_another_user_is_refused() {
    let folder = private();
    let theirs = match std::os::unix::fs::chown(folder.path(), Some(12_345), None) {
        Ok(()) => folder.path(),
        Err(_) => Path::new("/"),
    };
    let error = StateDir::peek(theirs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.help_text().unwrap().contains("chown"), "{error:?}");
}

#[test]
fn a_link_in_place_of_the_lock_is_not_written_through() {
    let folder = private();
    let theirs = folder.path().join("theirs");
    std::fs::write(&theirs, "theirs").unwrap();
    let path = folder.path().join("state");
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&theirs, path.join("lock")).unwrap();
    assert_eq!(StateDir::open(&path, &Cx::system()).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
}

/// A folder of nobody else.
fn private() -> tempfile::TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new().permissions(mode).tempdir().unwrap()
}

#[test]
fn a_folder_that_was_given_up_is_free_at_once_also_while_programs_are_started() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    std::thread::scope(|scope| {
        // A child has a copy of every file that is open while it is started.
        for _ in 0..2 {
            scope.spawn(|| (0..100).for_each(|_| drop(std::process::Command::new("true").status())));
        }
        for _ in 0..2000 {
            drop(StateDir::open(&path, &Cx::system()).unwrap());
        }
    });
}
