use std::path::Path;

use super::environment::ssh;
use super::{Call, GitProgram, Trust};
use crate::credentials::Credentials;
use crate::url::{GitUrl, Transport};

impl GitProgram {
    /// A call whose ends are those of a connection to the `git upload-pack` of a URL; over http it is one to a helper
    /// that connects when it is told to. The mirror is needed for a fetch only.
    pub fn connect(
        &self,
        mirror: Option<&Path>,
        url: &GitUrl,
        credentials: &Credentials,
        trust: &Trust,
    ) -> Call {
        let git = || self.call().with_server(url, credentials, trust);
        let call = match url.transport() {
            Transport::Local(_) => git().args(["upload-pack", url.address()]),
            Transport::Http { .. } => {
                let helper = format!("remote-{}", url.protocol());
                let git = match mirror {
                    Some(mirror) => git().in_repository(mirror),
                    None => git(),
                };
                git.args([&helper, url.address(), url.address()])
            }
            Transport::Ssh { host, port, path } => {
                let port = port.map(|port| format!(" -p {port}")).unwrap_or_default();
                let script = format!("exec {} -o SendEnv=GIT_PROTOCOL{port} \"$@\"", ssh(credentials));
                let command = format!("git-upload-pack {}", quoted(path));
                let shell = Call::of(Path::new("/bin/sh")).with_server(url, credentials, trust);
                shell.args(["-c", &script, "sh", host, &command])
            }
        };
        call.variable("GIT_PROTOCOL", "version=2")
    }
}

/// One word for any shell of a server.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        assert_eq!(quoted("/srv/a b.git"), "'/srv/a b.git'");
        assert_eq!(quoted("x'; rm -rf $HOME!"), r"'x'\''; rm -rf $HOME'\!''");
    }
}
