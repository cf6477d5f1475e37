//! The OpenSSH server for the tests of Git over ssh: found, or installed where that changes no running system.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::process;

const INSTALLED: &str = "/usr/sbin/sshd";
const PRIVILEGE_SEPARATION: &str = "/run/sshd";
const WAY_OUT: &str = "install openssh-server, or set GITOPS_SSHD to the full path of an sshd";

/// The server's absolute path, which it insists on being started by.
pub fn path() -> Result<PathBuf> {
    let path = env::var_os("GITOPS_SSHD").map_or_else(|| PathBuf::from(INSTALLED), PathBuf::from);
    if !path.exists() && path == Path::new(INSTALLED) {
        install_package("openssh-server", WAY_OUT)?;
    }
    if !path.exists() {
        return Err(Failure::new(format!("there is no {}", path.display())).help(WAY_OUT));
    }
    if is_root()? {
        fs::create_dir_all(PRIVILEGE_SEPARATION).at(Path::new(PRIVILEGE_SEPARATION))?;
    }
    Ok(path)
}

/// Only as root, with apt, and where no service manager would start the server for real.
fn may_install() -> Result<bool> {
    let has_apt = Path::new("/usr/bin/apt-get").exists();
    let has_services = Path::new("/run/systemd/system").exists();
    Ok(has_apt && !has_services && is_root()?)
}

/// Installs a package of the system, where that changes no running system; elsewhere nothing is done.
pub fn install_package(package: &str, way_out: &str) -> Result<()> {
    if !may_install()? {
        return Ok(());
    }
    process::output(&mut apt_get(&["update", "-qq"]))?;
    let install = ["install", "-qq", "--no-install-recommends", package];
    process::output(&mut apt_get(&install)).map(drop).map_err(|failure| failure.help(way_out))
}

/// `RUNLEVEL=1` is the level in which Debian starts no network service.
fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}

fn is_root() -> Result<bool> {
    Ok(process::output(Command::new("id").arg("-u"))?.trim() == "0")
}
