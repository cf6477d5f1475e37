//! A database server of its own for a test, on loopback.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

const WAY_OUT: &str =
    "install the system's package `postgresql`, or set GITOPS_POSTGRES to the folder of initdb and postgres";

/// A server's process with a fresh cluster; it ends with the value. The superuser is `postgres`, without a password.
pub struct Postgres {
    server: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Postgres {
    /// Starts a server, and waits until it takes connections.
    ///
    /// # Panics
    /// There are no programs of the database on this machine: the message says the way out.
    pub fn start() -> Self {
        let (programs, user) = (programs(), user());
        let folder = tempfile::tempdir().unwrap();
        let own = |path: &Path| user.map_or(Ok(()), |(id, group)| chown(path, Some(id), Some(group)));
        own(folder.path()).unwrap();
        let data = folder.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path()).env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
            if let Some((id, group)) = user {
                command.uid(id).gid(group);
            }
            command
        };
        let mut initdb = run("initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"]).arg(&data);
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let address = free_address();
        let mut server = run("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-h", "127.0.0.1", "-F", "-p"]);
        server.arg(address.port().to_string()).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut server = server.spawn().unwrap();
        wait_until_ready(&mut server);
        Self { server, address, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Asked to stop at once, it takes its own children with it.
        let id = self.server.id().to_string();
        let _ = Command::new("kill").args(["-s", "QUIT", &id]).status();
        let _ = self.server.wait();
    }
}

/// The server says when it takes connections; all that it says is read, or it would wait for a reader.
fn wait_until_ready(server: &mut Child) {
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    loop {
        let Some(Ok(line)) = lines.next() else { panic!("postgres ended: {}", said.join("\n")) };
        if line.contains("ready to accept connections") {
            break;
        }
        said.push(line);
    }
    thread::spawn(move || lines.for_each(drop));
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The folder of the programs: named, on the path, or where Debian has them.
fn programs() -> PathBuf {
    let named = std::env::var_os("GITOPS_POSTGRES").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|folder| {
        // A link on the path names the folder in which the other programs are.
        fs::canonicalize(folder.join("postgres")).ok()?.parent().map(Path::to_owned)
    });
    let mut of_debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    of_debian.sort();
    let has_all = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file());
    let found = named.into_iter().chain(on_path).chain(of_debian.into_iter().rev()).find(has_all);
    found.unwrap_or_else(|| panic!("there is no PostgreSQL server on this machine: {WAY_OUT}"))
}

/// Whom the server runs as: it refuses to run as root.
fn user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let of = |name: &str| Some((id(&["-u", name])?, id(&["-g", name])?));
    match id(&["-u"]) {
        Some(0) => Some(of("postgres").or_else(|| of("nobody")).expect("every system has a user nobody")),
        _ => None,
    }
}
