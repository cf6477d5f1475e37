//! The forge on which requests are made: found in the configuration and in the environment of a CI job, and opened.

mod as_written;
mod environment;
mod patiently;
mod tellable;

pub use as_written::{AsWritten, is_certain};
pub use environment::Environment;
pub use patiently::patiently;
pub use tellable::tellable;

use std::sync::Arc;

use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_forge::webhook::Webhooks;
use gitops_forge::{CallObserver, Connection, Forge, GitHub, GitHubApp, GitLab, Gitea, RepositoryPath};

use crate::config::{ForgeAuth, ForgeConfig, ForgeKind, SecretPlace};
use crate::source;

/// How the branches begin of requests that take a revision of an application back.
pub fn revert_branches(application: &str) -> String {
    format!("gitops/revert-{application}-")
}

/// What a person says of a forge; it goes before what the configuration and the environment say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Which kind it is.
    pub kind: Option<ForgeKind>,
    /// Its URL.
    pub url: Option<String>,
    /// The repository.
    pub repository: Option<String>,
}

/// A forge that was found, not yet opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Which kind it is.
    pub kind: ForgeKind,
    /// Its URL.
    pub url: String,
    /// The repository.
    pub repository: RepositoryPath,
    config: ForgeConfig,
}

impl Found {
    /// Puts together what a person, the configuration and the environment say of a forge, in that order.
    ///
    /// # Errors
    /// `Invalid` if something is missing, or if the job is of another repository than the configuration: a number would
    /// mean another request there.
    pub fn of(
        named: &Named,
        config: Option<&ForgeConfig>,
        environment: Option<&Environment>,
    ) -> Result<Self> {
        let kind = named.kind.or(config.map(|config| config.kind)).or(environment.map(|job| job.kind));
        let kind = kind.ok_or_else(|| missing("which forge it is", "--forge gitea"))?;
        // What is said of another kind of forge is said of another forge.
        let config = config.filter(|config| config.kind == kind);
        let environment = environment.filter(|job| job.kind == kind);
        let configured = config.and_then(|config| config.repository.clone());
        if let (Some(configured), Some(job)) = (&configured, environment)
            && !configured.eq_ignore_ascii_case(&job.repository)
        {
            let message =
                format!("the configuration is for `{configured}`, and the job is of `{}`", job.repository);
            return Err(Error::new(ErrorKind::Invalid, message)
                .help("correct `repository`, or remove it: the job says it"));
        }
        let repository =
            named.repository.clone().or(configured).or(environment.map(|job| job.repository.clone()));
        let repository =
            repository.ok_or_else(|| missing("which repository it is", "--repository owner/name"))?;
        let url = named.url.clone().or_else(|| config?.url.clone()).or_else(|| environment?.url.clone());
        let url = url.or_else(|| kind.public_url().map(str::to_owned));
        let url =
            url.ok_or_else(|| missing("where the forge is", "--forge-url https://forge.example.org"))?;
        let config = config.cloned().unwrap_or_else(|| ForgeConfig::of_environment(kind));
        let config = match environment {
            Some(job) if config.auth.is_none() && config.account.is_none() => {
                ForgeConfig { account: job.account.map(str::to_owned), ..config }
            }
            _ => config,
        };
        Ok(Self { kind, url, repository: RepositoryPath::parse(&repository)?, config })
    }

    /// What statuses begin with, and what tells the comments of several configurations apart.
    pub fn context(&self) -> &str {
        &self.config.context
    }

    /// What verifies the webhooks of the forge; nothing if the configuration names no secret for them.
    ///
    /// # Errors
    /// `Invalid` if a secret is not where it should be, or can't be one.
    pub fn webhooks(&self, cx: &Cx) -> Result<Option<Webhooks>> {
        let secrets = self.config.webhook_secrets.iter();
        let secrets: Vec<_> = secrets
            .map(|place| source::secret(cx, place, self.config.place.as_ref()))
            .collect::<Result<_>>()?;
        if secrets.is_empty() { Ok(None) } else { Webhooks::new(secrets).map(Some) }
    }

    /// Opens the forge; no call is made yet.
    ///
    /// # Errors
    /// `Invalid` if the token is not where it should be, or if URL, token, key or certificates can't be used.
    pub fn open(&self, cx: &Cx) -> Result<Arc<dyn Forge>> {
        self.connect(cx, Connection::to(&self.url))
    }

    /// The same, where somebody is told of each call.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_observed(&self, cx: &Cx, observer: impl CallObserver + 'static) -> Result<Arc<dyn Forge>> {
        self.connect(cx, Connection::to(&self.url).observer(observer))
    }

    fn connect(&self, cx: &Cx, connection: Connection) -> Result<Arc<dyn Forge>> {
        let Self { kind, repository, config, .. } = self;
        let (repository, bots) = (repository.clone(), config.bots.clone());
        let connection = match &config.ca_file {
            Some(path) => connection.authority(std::fs::read(path)?),
            None => connection,
        };
        let auth = config
            .auth
            .clone()
            .unwrap_or_else(|| ForgeAuth::Token(SecretPlace::Env(variable(*kind).to_owned())));
        let secret = |place| source::secret(cx, place, config.place.as_ref());
        let forge: Arc<dyn Forge> = match (kind, &auth) {
            (ForgeKind::GitHub, ForgeAuth::App { id, key }) => Arc::new(
                GitHub::as_app(connection, repository, GitHubApp::new(id, &secret(key)?)?)?.bots(bots),
            ),
            (ForgeKind::GitHub, ForgeAuth::Token(token)) => {
                let forge = GitHub::new(connection, repository, &secret(token)?)?.bots(bots);
                Arc::new(config.account.iter().fold(forge, GitHub::account))
            }
            (ForgeKind::GitLab, ForgeAuth::Token(token)) => {
                Arc::new(GitLab::new(connection, repository, &secret(token)?)?.bots(bots))
            }
            (ForgeKind::Gitea, ForgeAuth::Token(token)) => {
                Arc::new(Gitea::new(connection, repository, &secret(token)?)?.bots(bots))
            }
            (_, ForgeAuth::App { .. }) => {
                return Err(Error::new(ErrorKind::Unsupported, "only GitHub has apps"));
            }
        };
        Ok(forge)
    }
}

/// The environment variable of a token that nobody says anything of.
fn variable(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitHub => "GITHUB_TOKEN",
        ForgeKind::GitLab => "GITLAB_TOKEN",
        ForgeKind::Gitea => "GITEA_TOKEN",
    }
}

impl ForgeConfig {
    /// What holds where the configuration has no `forge`.
    fn of_environment(kind: ForgeKind) -> Self {
        Self {
            kind,
            url: None,
            repository: None,
            auth: None,
            ca_file: None,
            account: None,
            bots: Vec::new(),
            drift_issues: false,
            context: crate::config::FORGE_CONTEXT.to_owned(),
            webhook_secrets: Vec::new(),
            place: None,
        }
    }
}

fn missing(what: &str, option: &str) -> Error {
    let message = format!("nothing says {what}: not the command line, the configuration, or the environment");
    Error::new(ErrorKind::Invalid, message)
        .help(format!("write `{option}`, or `forge:` in the configuration"))
}
