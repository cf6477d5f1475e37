//! Tells which documents of a folder may have changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::EventKind;
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Result};

/// The watch of one folder. It starts with the first question, which is answered at once: what came before was not
/// seen.
#[derive(Debug, Default)]
pub(super) struct Watching {
    seen: Arc<Seen>,
    watcher: Mutex<Option<RecommendedWatcher>>,
}

#[derive(Debug, Default)]
struct Seen {
    names: Mutex<BTreeSet<String>>,
    wake: Notify,
}

impl Watching {
    /// Returns when a document may have changed.
    pub async fn changed(&self, cx: &Cx, dir: &Path, name: &str) -> Result<()> {
        if self.start(dir)? {
            return Ok(());
        }
        cx.bounded(async {
            while !lock(&self.seen.names).remove(name) {
                self.seen.wake.notified().await;
            }
            Ok(())
        })
        .await
    }

    /// Whether it has just begun.
    fn start(&self, dir: &Path) -> Result<bool> {
        let mut watcher = lock(&self.watcher);
        if watcher.is_some() {
            return Ok(false);
        }
        let seen = self.seen.clone();
        let begun = RecommendedWatcher::new(move |event| seen.note(event), Config::default());
        let begun = begun.and_then(|mut begun| begun.watch(dir, RecursiveMode::NonRecursive).map(|()| begun));
        *watcher = Some(begun.map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("can't watch the store: {error}"))
                .with("path", dir.display())
        })?);
        Ok(true)
    }
}

impl Seen {
    fn note(&self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let names = event.paths.iter().filter_map(|path| path.file_name());
        lock(&self.names).extend(names.map(|name| name.to_string_lossy().into_owned()));
        self.wake.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
