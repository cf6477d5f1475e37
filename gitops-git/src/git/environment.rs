//! What the `git` program may know of its surroundings: an allow-list, and nothing of `GIT_*`.

use std::ffi::OsString;
use std::path::Path;

use crate::credentials::Credentials;
use crate::url::{GitUrl, Transport};

/// Variables that are handed on: where programs are, where certificates are, which proxy to use.
const INHERITED: [&str; 15] = [
    "PATH",
    "TMPDIR",
    "HOME",
    "USER",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "LD_LIBRARY_PATH",
    "SSH_AUTH_SOCK",
];

/// What every call gets: no configuration but ours, no prompt, English messages.
const FIXED: [(&str, &str); 9] = [
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_SSH_VARIANT", "ssh"),
];

/// A folder in which there is no `.netrc`: with one, git would be somebody although nobody said who, or somebody else than
/// was said, and a token that is no longer good would not be noticed.
const NO_HOME: &str = "/dev/null";

/// Answers git's question for user and password from two variables of its environment.
const HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$GITOPS_GIT_USER" "$GITOPS_GIT_SECRET"; }; f"#;

pub(super) type Variable = (OsString, OsString);

/// The environment of a call that asks nobody.
pub(super) fn plain() -> Vec<Variable> {
    let inherited = INHERITED.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    inherited.chain(FIXED.iter().map(|(name, value)| (name.into(), value.into()))).collect()
}

/// The environment of a call that talks to a server.
pub(super) fn for_server(url: &GitUrl, credentials: &Credentials) -> Vec<Variable> {
    let mut variables = plain();
    let mut set = |name: &str, value: &str| variables.push((name.into(), value.into()));
    set("GIT_ALLOW_PROTOCOL", url.protocol());
    if let Transport::Http { .. } = url.transport() {
        set("HOME", NO_HOME);
    }
    match credentials {
        Credentials::Token { user, secret } => {
            set("GITOPS_GIT_USER", user);
            set("GITOPS_GIT_SECRET", secret.expose());
        }
        _ => set("GIT_SSH_COMMAND", &ssh(credentials)),
    }
    variables
}

/// The helper that answers with the token, if there is one: to the URL's own server and to nobody else, such as a proxy that
/// asks who we are.
pub(super) fn credential_helper(url: &GitUrl, credentials: &Credentials) -> Option<String> {
    let server = url.server().filter(|_| matches!(credentials, Credentials::Token { .. }))?;
    Some(format!("credential.{server}.helper={HELPER}"))
}

/// No question, no unknown host, no surprise from a configuration file.
const SSH: &str = "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ClearAllForwardings=yes \
                   -o PermitLocalCommand=no -o ConnectTimeout=30 -o ServerAliveInterval=15";

/// The beginning of an ssh command, for a shell.
pub(super) fn ssh(credentials: &Credentials) -> String {
    match credentials {
        Credentials::SshKey { path, known_hosts } => ssh_with(path, known_hosts),
        _ => SSH.to_owned(),
    }
}

fn ssh_with(key: &Path, known_hosts: &Path) -> String {
    let file = |name: &str, path: &Path| format!(" -o '{name}=\"{}\"'", path.display());
    let only = " -o IdentitiesOnly=yes -o IdentityAgent=none -o GlobalKnownHostsFile=/dev/null";
    format!("{SSH}{only}{}{}", file("IdentityFile", key), file("UserKnownHostsFile", known_hosts))
}
