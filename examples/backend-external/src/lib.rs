//! A backend in Python: feature flags in a `SQLite` database.
//!
//! [`gitops_core::backend::service::External`] starts `flags.py`, asks it by JSON lines, bounds and ends it. Names, versions and owner
//! labels are in the table, and each request is one transaction: so the target is keyed.

use std::path::Path;

use gitops_core::backend::service::{External, Program, ServiceTarget};
use gitops_core::{Cx, Result, Value};

/// The program, next to this crate's manifest.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/flags.py");

/// The flags of a database file, as a target.
///
/// # Errors
/// `NotFound` if there is no `python3` on the `PATH`.
pub async fn flags(cx: &Cx, database: &Path) -> Result<ServiceTarget<External>> {
    let settings = Value::map([("database", Value::from(&*database.to_string_lossy()))]);
    let program = Program::new("python3").arg(SCRIPT).settings(settings);
    Ok(ServiceTarget::new(External::start(cx, program).await?))
}
