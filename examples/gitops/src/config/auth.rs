//! How to log in to the source. Secrets come from the environment or a file, never from the configuration.

use std::path::{Path, PathBuf};

use super::node::{Node, Place, Shape};
use super::reader::Reader;

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    None,
    /// With a token, over HTTPS.
    Token {
        /// The user, where the server wants one.
        user: Option<String>,
        /// Where the token is.
        secret: SecretPlace,
    },
    /// With a key, over SSH.
    Ssh {
        /// The private key.
        key: PathBuf,
        /// The servers' keys.
        known_hosts: PathBuf,
    },
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// In this environment variable.
    Env(String),
    /// In this file; white space around it is left out.
    File(PathBuf),
}

const INLINE: &str =
    "name an environment variable or a file: `token: { env: NAME }` or `token: { file: PATH }`";

/// Reads `auth:`.
pub fn read(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<Auth> {
    let fields = reader.fields(node, "`auth`", owner, &["token", "ssh"])?;
    match fields.exactly_one(&["token", "ssh"], "token: { env: GIT_TOKEN }")? {
        ("token", node) => token(reader, node, owner, base),
        (_, node) => ssh(reader, node, owner, base),
    }
}

const TOKEN_KEYS: [&str; 3] = ["env", "file", "user"];

fn token(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<Auth> {
    if let Some(place) = inline_secret(node) {
        reader.fault_in_secret("GO0114", place, "a secret seems to be written into the file", INLINE);
        return None;
    }
    let fields = reader.fields(node, "`token`", owner, &TOKEN_KEYS)?;
    let user = fields.get("user").and_then(|(_, node)| reader.text(node, "`user`"));
    let secret = match fields.exactly_one(&["env", "file"], "env: GIT_TOKEN")? {
        ("env", node) => SecretPlace::Env(variable(reader, node)?),
        (_, node) => SecretPlace::File(base.join(reader.text(node, "`file`")?)),
    };
    Some(Auth::Token { user, secret })
}

/// Where something other than the known keys is given: most likely the secret itself, so it is never drawn.
fn inline_secret(node: &Node) -> Option<Place> {
    let Shape::Map(members) = &node.shape else { return Some(node.place) };
    let unknown = members.iter().find(|(name, _)| !TOKEN_KEYS.contains(&name.text.as_str()));
    unknown.map(|(_, value)| value.place)
}

/// The name of an environment variable; what can't be one is likely the secret itself.
fn variable(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.text(node, "`env`")?;
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !fits {
        let message = "`env` must be the name of an environment variable";
        reader.fault_in_secret("GO0110", node.place, message, "write its name, such as `GIT_TOKEN`");
    }
    fits.then_some(name)
}

fn ssh(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<Auth> {
    let fields = reader.fields(node, "`ssh`", owner, &["key", "known_hosts"])?;
    let path = |name: &str, example: &str| {
        let (_, node) = fields.require(name, example)?;
        reader.text(node, &format!("`{name}`")).map(|path| base.join(path))
    };
    let (key, known_hosts) =
        (path("key", "key: ./id_ed25519"), path("known_hosts", "known_hosts: ./known_hosts"));
    Some(Auth::Ssh { key: key?, known_hosts: known_hosts? })
}
