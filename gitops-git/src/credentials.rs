use std::path::{Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result, Secret};

use crate::fault::{invalid, shown};
use crate::url::{GitUrl, Transport};

/// Who we are to a Git server.
///
/// A secret reaches the `git` program through its environment, never through its arguments, and is masked in
/// everything that the program prints.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// Nobody. Over ssh: who the ssh agent and the keys in `~/.ssh` say, and the hosts in `~/.ssh/known_hosts`.
    #[default]
    None,
    /// A user and a token or password, for http and https.
    Token {
        /// The user; many servers take any name beside a token.
        user: String,
        /// The token or password.
        secret: Secret,
    },
    /// A private key without passphrase, for ssh. No other key, no agent and no configuration is used.
    SshKey {
        /// The file of the private key.
        path: PathBuf,
        /// The file of the servers' public keys, in the format of `known_hosts`.
        known_hosts: PathBuf,
    },
}

impl Credentials {
    /// The same with relative paths taken from a folder.
    pub(crate) fn relative_to(self, base: &Path) -> Self {
        match self {
            Self::SshKey { path, known_hosts } => {
                Self::SshKey { path: base.join(path), known_hosts: base.join(known_hosts) }
            }
            other => other,
        }
    }

    /// Whether they can be used with a URL, and say what they mean.
    pub(crate) fn check(&self, url: &GitUrl) -> Result<()> {
        match (self, url.transport()) {
            (Self::None, _) => Ok(()),
            (Self::Token { user, secret }, Transport::Http { secure, host }) => {
                check_token(user, secret)?;
                check_wire(*secure, host)
            }
            (Self::Token { .. }, _) => Err(invalid("a token is for http and https URLs only")
                .help("take the token away, or use the https URL of the repository")),
            (Self::SshKey { path, known_hosts }, Transport::Ssh { .. }) => {
                check_path(path).and_then(|()| check_path(known_hosts))
            }
            (Self::SshKey { .. }, _) => Err(invalid("an ssh key is for ssh URLs only")
                .help("take the key away, or use the ssh URL of the repository")),
        }
    }
}

impl Credentials {
    /// What ssh does not tell where nobody is there to type: it says no more than that no key was let in.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match self {
            Self::SshKey { path, .. } if error.kind() == ErrorKind::Unauthenticated && !path.is_file() => {
                invalid("the private key is not there")
                    .with("path", path.display())
                    .because(error)
                    .help("name the file of the key: `auth: { ssh: { key: PATH } }`")
            }
            Self::SshKey { path, .. }
                if error.kind() == ErrorKind::Unauthenticated && has_passphrase(path) =>
            {
                let message = "the private key has a passphrase, and nobody is there to type it";
                Error::new(ErrorKind::Unauthenticated, message).with("key", path.display()).because(error).help(
                    "use a key without passphrase that may only read: `ssh-keygen -p -N '' -f COPY` takes it from a copy",
                )
            }
            _ => error,
        }
    }
}

/// The line above an OpenSSH key, in two halves: no file of the repository looks like a key.
const HEAD: &str = concat!("-----BEGIN OPENSSH ", "PRIVATE KEY-----");

/// How an OpenSSH key begins that is not encrypted: its format, and the name `none` of its cipher.
const OPEN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";

/// Whether the file of a private key can't be used without a passphrase.
fn has_passphrase(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let body = text.split_once(HEAD).map(|(_, body)| body.trim_start());
    body.is_some_and(|body| !body.starts_with(OPEN)) || text.contains("ENCRYPTED")
}

fn check_token(user: &str, secret: &Secret) -> Result<()> {
    let broken =
        [user, secret.expose()].iter().any(|text| text.is_empty() || text.contains(char::is_control));
    match broken {
        true => Err(invalid("the user or the token is empty or has a control character in it")
            .help("look for a line break at the end of the token's file")),
        false => Ok(()),
    }
}

fn check_wire(secure: bool, host: &str) -> Result<()> {
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match secure || loopback {
        true => Ok(()),
        false => Err(invalid("a token is not sent over plain http, where everybody can read it")
            .with("host", host)
            .help("use the https URL")),
    }
}

/// ssh gives some characters of a path a meaning of their own; there is no way to write them.
fn check_path(path: &Path) -> Result<()> {
    let text = path.to_str().unwrap_or("\0");
    match text.is_empty() || text.contains(|c: char| c.is_control() || "\"'\\$%".contains(c)) {
        true => Err(invalid(format!("ssh can't use the path `{}`", shown(&path.to_string_lossy(), 200)))
            .help("move the file to a path without quotes, `\\`, `$`, `%` and control characters")),
        false => Ok(()),
    }
}
