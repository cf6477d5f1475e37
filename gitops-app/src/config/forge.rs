//! The forge on which requests to change the source are made.

use std::path::PathBuf;

use super::auth::{self, SecretPlace};
use super::node::{Node, Place, Shape};
use super::reader::{Fields, Reader, Written};

/// A forge, and the repository on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgeConfig {
    /// Which kind.
    pub kind: ForgeKind,
    /// Its URL, as a browser is given it; the public one of its kind if nothing.
    pub url: Option<String>,
    /// The repository, such as `owner/name`; that of the CI job if nothing.
    pub repository: Option<String>,
    /// Who we are; the variable of the kind's own CI if nothing.
    pub auth: Option<ForgeAuth>,
    /// The file with the certificates of the server's authorities.
    pub ca_file: Option<PathBuf>,
    /// The account of the token, where the forge does not tell it.
    pub account: Option<String>,
    /// Accounts that are programs, beside those of which the forge says it.
    pub bots: Vec<String>,
    /// What statuses begin with, and what tells the comments of several configurations apart.
    pub context: String,
    /// Whether a server keeps an issue for each application whose target was changed outside of Git and is not corrected.
    pub drift_issues: bool,
    /// The secrets with which its webhooks are signed: none where none are taken, two while one takes the place of the other.
    pub webhook_secrets: Vec<SecretPlace>,
    /// Where it is described, if it is in a file.
    pub place: Option<Written>,
}

/// The kind of a forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub, in the cloud or an Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea or Forgejo.
    Gitea,
}

/// Who we are to a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForgeAuth {
    /// The account of a token.
    Token(SecretPlace),
    /// A GitHub App.
    App {
        /// Its client id or app id.
        id: String,
        /// Its private key.
        key: SecretPlace,
    },
}

/// What statuses begin with, if nothing else is said.
pub const CONTEXT: &str = "gitops";

const KINDS: [(&str, ForgeKind); 3] =
    [("github", ForgeKind::GitHub), ("gitlab", ForgeKind::GitLab), ("gitea", ForgeKind::Gitea)];

const KEYS: [&str; 8] =
    ["url", "repository", "auth", "account", "bots", "context", "webhook", "drift_issues"];

impl ForgeKind {
    /// The key under which it is configured.
    pub fn key(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(key, _)| key)
    }

    /// The kind of a key.
    pub fn of(key: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind)
    }

    /// The URL that it has if nobody says another one.
    pub fn public_url(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some("https://github.com"),
            Self::GitLab => Some("https://gitlab.com"),
            Self::Gitea => None,
        }
    }
}

/// Reads `forge:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<ForgeConfig> {
    let kinds = KINDS.map(|(key, _)| key);
    let (key, place, node) = super::one_kind(reader, node, "`forge`", owner, &kinds, &[])?;
    let kind = ForgeKind::of(key)?;
    let what = format!("`{key}`");
    let fields = reader.fields(node, &what, place, &KEYS)?;
    let text = |name: &str| fields.get(name).map(|(_, node)| reader.text(node, &format!("`{name}`")));
    let url = match kind.public_url() {
        Some(_) => fields.get("url"),
        None => fields.require("url", "url: https://forge.example.org"),
    };
    let url = url.map(|(_, node)| super::source::url(reader, node));
    let auth = fields.get("auth").map(|(place, node)| read_auth(reader, node, place, kind));
    let (auth, ca_file) = match auth {
        Some(auth) => auth?,
        None => (None, None),
    };
    let (repository, account, context) = (text("repository"), text("account"), text("context"));
    if let (Some((place, _)), true) = (fields.get("account"), kind != ForgeKind::GitHub) {
        reader.fault("GO0112", place, "only GitHub does not say whose a token is", "remove `account`");
    }
    let webhook = fields.get("webhook").map(|(place, node)| webhook_secrets(reader, node, place));
    let drift_issues =
        fields.get("drift_issues").and_then(|(_, node)| reader.boolean(node, "`drift_issues`"));
    let bots = fields.get("bots").map(|(_, node)| reader.texts(node, "`bots`")).unwrap_or_default();
    Some(ForgeConfig {
        kind,
        url: flat(url)?,
        repository: flat(repository)?,
        auth,
        ca_file,
        account: flat(account)?,
        bots,
        drift_issues: drift_issues.unwrap_or_default(),
        context: flat(context)?.unwrap_or_else(|| CONTEXT.to_owned()),
        webhook_secrets: flat(webhook)?.unwrap_or_default(),
        place: Some(reader.written(place)),
    })
}

/// How many secrets are live at once.
const SECRETS: usize = 2;

fn webhook_secrets(reader: &Reader, node: &Node, owner: Place) -> Option<Vec<SecretPlace>> {
    const EXAMPLE: &str = "secrets: [{ env: WEBHOOK_SECRET }]";
    let fields = reader.fields(node, "`webhook`", owner, &["secrets"])?;
    let (place, node) = fields.require("secrets", EXAMPLE)?;
    let items = reader.items(node, "`secrets`", "write a list such as `[{ env: WEBHOOK_SECRET }]`");
    let secrets = items.iter().map(|item| auth::secret(reader, item, "a secret of `webhook`", item.place));
    // All are read before one is missed, so that every fault is found at once.
    let secrets: Vec<Option<SecretPlace>> = secrets.collect();
    if matches!(&node.shape, Shape::List(items) if !(1..=SECRETS).contains(&items.len())) {
        let message = "`secrets` must be one secret, or two while one takes the place of the other";
        reader.fault("GO0110", place, message, format!("write `{EXAMPLE}`"));
        return None;
    }
    Some(secrets).filter(|secrets| !secrets.is_empty())?.into_iter().collect()
}

/// Nothing for a key that is there and has a fault; the inner nothing for one that is not there.
#[expect(clippy::option_option, reason = "a key may be absent, right or wrong")]
fn flat<T>(found: Option<Option<T>>) -> Option<Option<T>> {
    match found {
        None => Some(None),
        Some(found) => found.map(Some),
    }
}

type Login = (Option<ForgeAuth>, Option<PathBuf>);

fn read_auth(reader: &Reader, node: &Node, owner: Place, kind: ForgeKind) -> Option<Login> {
    let keys: &[&str] =
        if kind == ForgeKind::GitHub { &["token", "app", "ca_file"] } else { &["token", "ca_file"] };
    let fields = reader.fields(node, "`auth`", owner, keys)?;
    let ca_file = flat(fields.get("ca_file").map(|(_, node)| reader.path(node, "`ca_file`")))?;
    if fields.get("token").is_none() && fields.get("app").is_none() && ca_file.is_some() {
        return Some((None, ca_file));
    }
    let auth = match fields.exactly_one(&["token", "app"], "token: { env: FORGE_TOKEN }")? {
        ("token", node) => ForgeAuth::Token(auth::secret(reader, node, "`token`", owner)?),
        (_, node) => app(reader, node, owner)?,
    };
    Some((Some(auth), ca_file))
}

fn app(reader: &Reader, node: &Node, owner: Place) -> Option<ForgeAuth> {
    let fields: Fields<'_> = reader.fields(node, "`app`", owner, &["id", "key"])?;
    let id = fields.require("id", "id: Iv23example").and_then(|(_, node)| reader.text(node, "`id`"));
    let key = fields.require("key", "key: { file: ./app.pem }");
    let key = key.and_then(|(place, node)| auth::secret(reader, node, "`key`", place));
    Some(ForgeAuth::App { id: id?, key: key? })
}
