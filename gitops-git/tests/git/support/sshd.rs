use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitops_git::Credentials;

use super::needed;

/// A real ssh server on a free port of this machine: each connection is handed to an `sshd -i` of its own.
pub struct Sshd {
    folder: PathBuf,
    port: u16,
}

impl Sshd {
    /// A server with a host key of its own that lets one key in, and no variable.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// The same with more lines of configuration.
    pub fn start_with(folder: &Path, lines: &str) -> Self {
        let program = needed("GITOPS_SSHD", Some("/usr/sbin/sshd"));
        let folder = folder.join("ssh");
        fs::create_dir(&folder).unwrap();
        for name in ["host", "user", "stranger"] {
            keygen(&folder.join(name));
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
        let config = folder.join("sshd_config");
        fs::write(&config, configuration(&folder) + lines).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { folder, port };
        server.know("known_hosts", "host");
        std::thread::spawn(move || serve(&listener, &program, &config));
        server
    }

    pub fn url(&self, repository: &Path) -> String {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, repository.display())
    }

    /// Who the server lets in, and the server's true key.
    pub fn credentials(&self) -> Credentials {
        self.credentials_of("user", "known_hosts")
    }

    pub fn credentials_of(&self, key: &str, known_hosts: &str) -> Credentials {
        Credentials::SshKey { path: self.folder.join(key), known_hosts: self.folder.join(known_hosts) }
    }

    /// Writes a file of known hosts in which this server has one of the keys.
    pub fn know(&self, file: &str, key: &str) {
        let public = fs::read_to_string(self.folder.join(format!("{key}.pub"))).unwrap();
        fs::write(self.folder.join(file), format!("[127.0.0.1]:{} {public}", self.port)).unwrap();
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    )
}

fn serve(listener: &TcpListener, program: &Path, config: &Path) {
    for connection in listener.incoming() {
        let (input, output) = {
            let stream = connection.unwrap();
            (OwnedFd::from(stream.try_clone().unwrap()), OwnedFd::from(stream))
        };
        let mut sshd = Command::new(program);
        sshd.arg("-i")
            .arg("-f")
            .arg(config)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::null());
        let mut child = sshd.spawn().unwrap();
        std::thread::spawn(move || child.wait());
    }
}

fn keygen(path: &Path) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(keygen.status().expect("ssh-keygen comes with ssh").success());
}
