//! cargo-deny with the rules of `deny.toml`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::{cache, cargo_tool, process, workspace};

const VERSION: &str = "0.20.2";
/// The folder in which this version of cargo-deny looks for the advisories.
const DATABASE: &str = "advisory-db-3157b0e258782691";

/// Checks bans, licences and sources, and advisories where their data is given.
pub fn run() -> Result<()> {
    let tool = cargo_tool::installed("cargo-deny", VERSION, &[])?;
    check(&mut Command::new(&tool), &["bans", "licenses", "sources"])?;
    let Some(data) = advisories()? else {
        eprintln!("WARNING: advisories were NOT checked: no RustSec data.");
        eprintln!("  = help: set GITOPS_ADVISORY_DB to a .tgz of the RustSec advisory-db");
        return Ok(());
    };
    check(Command::new(&tool).env("GITOPS_ADVISORIES", data), &["advisories"])
}

fn check(command: &mut Command, which: &[&str]) -> Result<()> {
    command.args(["--all-features", "--locked", "--offline", "check", "--hide-inclusion-graph"]);
    process::run(command.args(which).current_dir(workspace::root()))
}

/// The unpacked advisory data, if an archive of it was given.
fn advisories() -> Result<Option<PathBuf>> {
    let Some(archive) = archive()? else { return Ok(None) };
    let key = cache::key(&[&fs::read(&archive).at(&archive)?]);
    cache::folder("advisories", &key, |part| unpack(&archive, &part.join(DATABASE))).map(Some)
}

fn archive() -> Result<Option<PathBuf>> {
    let beside = workspace::root().join("../shared/rustsec-advisory-db.tgz");
    match env::var_os("GITOPS_ADVISORY_DB").map(PathBuf::from) {
        Some(named) if !named.is_file() => Err(Failure::new(format!("{} is not a file", named.display()))
            .help("GITOPS_ADVISORY_DB names a .tgz of the RustSec advisory-db")),
        Some(named) => Ok(Some(named)),
        None => Ok(Some(beside).filter(|path| path.is_file())),
    }
}

fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let git = into.join(".git");
    fs::create_dir_all(&git).at(&git)?;
    process::output(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(into))?;
    // cargo-deny takes the age of the data from this file of a clone.
    let fetched = git.join("FETCH_HEAD");
    File::create(&fetched).at(&fetched).map(drop)
}
