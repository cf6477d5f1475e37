use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, SourceWatch};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::remote::common_folder;

/// Tells when a reference of a repository of this machine may have moved.
pub(crate) struct LocalWatch {
    changed: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl LocalWatch {
    /// Watches where Git writes references: loose ones below `refs`, packed ones beside it.
    ///
    /// # Errors
    /// `NotFound` or `Invalid` if it is not a repository, `Unavailable` if the system gives no more watches.
    pub fn new(repository: &Path) -> Result<Self> {
        let folder = common_folder(repository)?;
        // The first wait returns at once: nobody knows what happened before the watch.
        let changed = Arc::new(Notify::new());
        changed.notify_one();
        let notify = Arc::clone(&changed);
        let told = move |event: notify::Result<notify::Event>| {
            if !event.is_ok_and(|event| event.kind.is_access()) {
                notify.notify_one();
            }
        };
        let mut watcher = notify::recommended_watcher(told).map_err(unavailable)?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(unavailable)?;
        watcher.watch(&folder.join("refs"), RecursiveMode::Recursive).map_err(unavailable)?;
        Ok(Self { changed, _watcher: watcher })
    }
}

fn unavailable(error: notify::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the repository can't be watched")
        .because(error)
        .help("raise the system's limit of watches (fs.inotify.max_user_watches), or poll")
}

#[async_trait]
impl SourceWatch for LocalWatch {
    async fn changed(&self, cx: &Cx) -> Result<()> {
        cx.bounded(async {
            self.changed.notified().await;
            Ok(())
        })
        .await
    }
}
