//! Where a repository is.

mod parse;

use std::fmt;
use std::path::{Path, PathBuf};

use gitops_core::Result;

/// Where a repository is: a folder of this machine, or a server over https, http or ssh.
///
/// | Written | Means |
/// | --- | --- |
/// | `./site.git`, `/srv/site.git`, `site` | a folder: bare, or a worktree with `.git` in it |
/// | `file:///srv/site.git` | the same, with `%20` and the like decoded |
/// | `https://host[:port]/path`, `http://…` | a server over http; without user and password |
/// | `ssh://[user@]host[:port]/path`, `[user@]host:path` | a server over ssh |
///
/// Refused: other schemes and helpers (`ext::…`), URLs, users and hosts that begin with `-`, passwords in the URL,
/// and control characters, encoded ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    address: String,
    transport: Transport,
}

/// How a repository is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A folder of this machine.
    Local(PathBuf),
    /// A server over http, `secure` with TLS.
    Http {
        secure: bool,
        /// With brackets if it is an IPv6 address, without port, in lower case.
        host: String,
    },
    /// A server over ssh.
    Ssh {
        /// With the user before it, if one was written, and without brackets.
        host: String,
        port: Option<u16>,
        /// As the server's shell gets it, before it is quoted.
        path: String,
    },
}

impl GitUrl {
    /// Reads a URL or path; a relative path stays relative.
    ///
    /// # Errors
    /// `Invalid`, or `Unsupported` for a scheme that is not in the table above.
    pub fn parse(text: &str) -> Result<Self> {
        parse::url(text)
    }

    /// The same, with a relative path taken from a folder.
    ///
    /// # Errors
    /// `Invalid` if the path is not UTF-8 once it is absolute, `Storage` if there is no current folder.
    pub fn relative_to(self, base: &Path) -> Result<Self> {
        match self.transport {
            Transport::Local(path) => parse::folder(std::path::absolute(base.join(path))?),
            _ => Ok(self),
        }
    }

    /// The folder, if the repository is on this machine.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.transport {
            Transport::Local(path) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// What is given to the `git` program; never begins with `-`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Scheme, host and port of a server over http.
    pub(crate) fn server(&self) -> Option<&str> {
        let Transport::Http { .. } = self.transport else { return None };
        let (scheme, rest) = self.address.split_once("://")?;
        Some(&self.address[..scheme.len() + 3 + rest.find('/')?])
    }

    /// The name of the one protocol that `git` may speak.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.transport {
            Transport::Local(_) => "file",
            Transport::Http { secure: true, .. } => "https",
            Transport::Http { secure: false, .. } => "http",
            Transport::Ssh { .. } => "ssh",
        }
    }
}

/// The URL; there is no credential in it.
impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
