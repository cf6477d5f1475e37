//! Telling which files may have moved.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{CreateKind, EventKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};
use smol_str::SmolStr;
use tokio::sync::Notify;

use super::path::{Place, file_kind, file_of_side, is_temp};
use crate::capability::MovedObjects;
use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Key, Result};

/// How many keys are kept before it is cheaper to say that any file may have moved.
const MAX_KEYS: usize = 10_000;

/// The watch of one directory. It starts with the first question, which is answered with [`MovedObjects::Any`]: what
/// came before was not seen.
#[derive(Default)]
pub(super) struct Watching {
    seen: Arc<Seen>,
    watcher: Mutex<Option<RecommendedWatcher>>,
}

/// What was seen and not yet told.
#[derive(Default)]
struct Seen {
    moves: Mutex<Moves>,
    wake: Notify,
}

#[derive(Default)]
struct Moves {
    keys: BTreeSet<Key>,
    any: bool,
    /// Whether folders came or went: what happens in a new folder is seen only once it is watched, too.
    stale: bool,
}

impl Watching {
    /// Takes what was seen; `None` if nothing was.
    pub(super) fn take(&self) -> Option<MovedObjects> {
        let mut moves = self.seen.moves();
        let keys = std::mem::take(&mut moves.keys);
        match std::mem::take(&mut moves.any) {
            true => Some(MovedObjects::Any),
            false if keys.is_empty() => None,
            false => Some(MovedObjects::Keys(keys.into_iter().collect())),
        }
    }

    /// Waits until something is seen; may return needlessly.
    pub(super) async fn seen(&self, cx: &Cx) -> Result<()> {
        cx.bounded(async {
            self.seen.wake.notified().await;
            Ok(())
        })
        .await
    }

    /// Whether every folder is watched.
    pub(super) fn is_current(&self) -> bool {
        lock(&self.watcher).is_some() && !self.seen.moves().stale
    }

    /// Watches every folder below the root. The watch before ends only when this one has begun.
    pub(super) fn start(&self, root: &Path, target: &SmolStr) -> Result<()> {
        self.seen.moves().stale = false;
        let watcher = watcher(root, target, self.seen.clone());
        self.seen.moves().any = true;
        let (watcher, result) = match watcher {
            Ok(watcher) => (Some(watcher), Ok(())),
            Err(error) => (None, Err(failed(root, error))),
        };
        *lock(&self.watcher) = watcher;
        result
    }
}

fn watcher(root: &Path, target: &SmolStr, seen: Arc<Seen>) -> notify::Result<RecommendedWatcher> {
    let (root, target) = (root.canonicalize()?, target.clone());
    let folder = root.clone();
    let handler = move |event: notify::Result<notify::Event>| seen.note(&root, &target, event);
    let mut watcher = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false))?;
    watcher.watch(&folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

impl Seen {
    fn moves(&self) -> MutexGuard<'_, Moves> {
        lock(&self.moves)
    }

    fn note(&self, root: &Path, target: &SmolStr, event: notify::Result<notify::Event>) {
        let mut moves = self.moves();
        match event {
            Ok(event) => moves.note(root, target, &event),
            Err(_) => moves.note_folders(),
        }
        let news = moves.any || !moves.keys.is_empty();
        drop(moves);
        if news {
            self.wake.notify_one();
        }
    }
}

impl Moves {
    fn note(&mut self, root: &Path, target: &SmolStr, event: &notify::Event) {
        match event.kind {
            _ if event.need_rescan() => self.note_folders(),
            EventKind::Access(_) => {}
            _ => event.paths.iter().for_each(|path| {
                if path == root || is_of_folder(event.kind, path) {
                    self.note_folders();
                } else {
                    self.note_key(key_of(root, target, path));
                }
            }),
        }
    }

    fn note_folders(&mut self) {
        self.any = true;
        self.stale = true;
    }

    fn note_key(&mut self, key: Option<Key>) {
        self.keys.extend(key);
        if self.keys.len() > MAX_KEYS {
            self.keys.clear();
            self.any = true;
        }
    }
}

/// Whether a folder may have come or gone. What was moved away can't be asked any more.
fn is_of_folder(kind: EventKind, path: &Path) -> bool {
    match kind {
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => true,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => !is_side(path),
        EventKind::Modify(ModifyKind::Name(_)) => path.is_dir() || (!is_side(path) && !path.exists()),
        _ => false,
    }
}

fn is_side(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| file_of_side(name).is_some())
}

/// The key of the file that a path is, or is a side file of; `None` for what concerns no file.
fn key_of(root: &Path, target: &SmolStr, path: &Path) -> Option<Key> {
    let mut parts = Vec::new();
    for component in path.strip_prefix(root).ok()?.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    let name = parts.pop().filter(|name| !is_temp(name))?;
    parts.push(file_of_side(name).unwrap_or(name));
    let key = Key::new(target.clone(), file_kind(), "", parts.join("/"));
    Place::of(&key).is_ok().then_some(key)
}

fn failed(root: &Path, error: notify::Error) -> Error {
    let message = format!("can't watch `{}`: {error}", root.display());
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => Error::new(ErrorKind::Limit, message)
            .help("raise `fs.inotify.max_user_watches`; until then drift is found at each interval"),
        _ => Error::new(ErrorKind::Unavailable, message).help(
            "see whether the root is there and can be read; until then drift is found at each interval",
        ),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
