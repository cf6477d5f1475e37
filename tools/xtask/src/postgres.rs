//! The database server for the tests of an example: found, or installed where that changes no running system.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result};
use crate::sshd::install_package;

const FOLDER: &str = "/usr/lib/postgresql";
const WAY_OUT: &str = "install postgresql, or set GITOPS_POSTGRES to the folder of initdb and postgres";

/// The folder of the server's programs, unless whoever runs the tests named one or has them on the path.
pub fn folder() -> Result<Option<String>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_on_path = std::env::split_paths(&path).any(|folder| folder.join("initdb").exists());
    if is_on_path || std::env::var_os("GITOPS_POSTGRES").is_some() {
        return Ok(None);
    }
    if installed().is_none() {
        install_package("postgresql", WAY_OUT)?;
    }
    match installed() {
        Some(folder) => Ok(Some(folder)),
        None => Err(Failure::new(format!("there is no PostgreSQL below {FOLDER}")).help(WAY_OUT)),
    }
}

fn installed() -> Option<String> {
    let versions = fs::read_dir(Path::new(FOLDER)).ok()?.flatten().map(|version| version.path().join("bin"));
    let newest = versions.filter(|folder| folder.join("initdb").exists()).max()?;
    Some(newest.display().to_string())
}
