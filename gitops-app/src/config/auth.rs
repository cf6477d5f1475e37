//! How to log in to the source. Secrets come from the environment or a file, never from the configuration.

use std::path::PathBuf;

use super::node::{Node, Place, Shape};
use super::reader::{Fields, Reader};

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
pub enum SecretPlace {
    /// In this environment variable.
    Env(String),
    /// In this file; white space around it is left out.
    File(PathBuf),
}

const INLINE: &str =
    "name an environment variable or a file: `token: { env: NAME }` or `token: { file: PATH }`";

/// Reads `auth:`: how to log in, and the file with the certificates of the server's authorities.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<(Auth, Option<PathBuf>)> {
    let fields = reader.fields(node, "`auth`", owner, &["token", "ssh", "ca_file"])?;
    let ca_file = fields.get("ca_file").map(|(_, node)| reader.path(node, "`ca_file`"));
    let is_nobody = fields.get("token").is_none() && fields.get("ssh").is_none();
    if let Some(ca_file) = ca_file.clone().filter(|_| is_nobody) {
        return Some((Auth::None, Some(ca_file?)));
    }
    let auth = match fields.exactly_one(&["token", "ssh"], "token: { env: GIT_TOKEN }")? {
        ("token", node) => token(reader, node, owner),
        (_, node) => ssh(reader, node, owner),
    };
    Some((auth?, ca_file.flatten()))
}

const TOKEN_KEYS: [&str; 3] = ["env", "file", "user"];

fn token(reader: &Reader, node: &Node, owner: Place) -> Option<Auth> {
    let fields = secret_fields(reader, node, "`token`", owner, &TOKEN_KEYS)?;
    let user = fields.get("user").and_then(|(_, node)| reader.text(node, "`user`"));
    Some(Auth::Token { user, secret: secret_place(reader, &fields)? })
}

/// Where a secret is that nobody but its own place is said of.
pub fn secret(reader: &Reader, node: &Node, what: &'static str, owner: Place) -> Option<SecretPlace> {
    let fields = secret_fields(reader, node, what, owner, &TOKEN_KEYS[..2])?;
    secret_place(reader, &fields)
}

fn secret_fields<'n>(
    reader: &'n Reader,
    node: &'n Node,
    what: &'static str,
    owner: Place,
    keys: &[&str],
) -> Option<Fields<'n>> {
    if let Some(place) = inline_secret(node, keys) {
        reader.fault_in_secret("GO0114", place, "a secret seems to be written into the file", INLINE);
        return None;
    }
    reader.fields(node, what, owner, keys)
}

fn secret_place(reader: &Reader, fields: &Fields<'_>) -> Option<SecretPlace> {
    Some(match fields.exactly_one(&["env", "file"], "env: GIT_TOKEN")? {
        ("env", node) => SecretPlace::Env(variable(reader, node)?),
        (_, node) => SecretPlace::File(reader.path(node, "`file`")?),
    })
}

/// Where something other than the known keys is given: most likely the secret itself, so it is never drawn.
fn inline_secret(node: &Node, keys: &[&str]) -> Option<Place> {
    let Shape::Map(members) = &node.shape else { return Some(node.place) };
    let unknown = members.iter().find(|(name, _)| !keys.contains(&name.text.as_str()));
    unknown.map(|(_, value)| value.place)
}

/// The name of an environment variable; what can't be one is likely the secret itself.
fn variable(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "`env`")?;
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !fits {
        let message = "`env` must be the name of an environment variable";
        reader.fault_in_secret("GO0110", node.place, message, "write its name, such as `GIT_TOKEN`");
    }
    fits.then_some(name)
}

fn ssh(reader: &Reader, node: &Node, owner: Place) -> Option<Auth> {
    let fields = reader.fields(node, "`ssh`", owner, &["key", "known_hosts"])?;
    let path = |name: &str, example: &str| {
        let (_, node) = fields.require(name, example)?;
        reader.path(node, &format!("`{name}`"))
    };
    let (key, known_hosts) =
        (path("key", "key: ./id_ed25519"), path("known_hosts", "known_hosts: ./known_hosts"));
    Some(Auth::Ssh { key: key?, known_hosts: known_hosts? })
}
