//! Files of our own: private, replaced whole, never written through a link.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use gitops_core::{Error, ErrorKind, Result};

/// Makes a folder, and those above it, that only the owner may enter.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| failed("create", path, error))
}

/// Replaces a file with one that only the owner may read: the old content is there, or the new.
pub(crate) fn replace(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut temp = tempfile::Builder::new().prefix(".gitops-tmp-").tempfile_in(folder)?;
        temp.write_all(bytes)?;
        let mode = if executable { 0o700 } else { 0o600 };
        temp.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        temp.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| failed("write", path, error))
}

/// A new, empty file that only the owner may read.
pub(crate) fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map_err(|error| failed("create", path, error))
}

/// The content of a file; nothing if there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let bytes = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, error)),
        Ok(metadata) if metadata.len() > limit => {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} has {} bytes", path.display(), metadata.len()),
            )
            .with("limit", limit));
        }
        Ok(_) => std::fs::read(path),
    };
    bytes.map(Some).map_err(|error| failed("read", path, error))
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

/// An error of the disk with the path and the way out.
pub(crate) fn failed(tried: &str, path: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let help = if full { "free some space, then try again" } else { "check the path and its rights" };
    let error = Error::from(error);
    Error::new(error.kind(), format!("can't {tried} {}: {}", path.display(), error.message())).help(help)
}

/// Runs work that waits for the disk where it doesn't hold up other tasks.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::new(ErrorKind::Cancelled, "the runtime is shutting down")
                .because(error)
                .outcome_unknown()),
        },
    }
}
