use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Result, Secret, Time};
use http::{StatusCode, header};
use ring::signature::RsaKeyPair;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::json::{AppJson, InstallationJson, TokenJson};
use super::jwt;
use crate::fault::invalid;
use crate::http::{Answer, Ask, Auth, Credential, Transport, refusal};
use crate::value::RepositoryPath;

/// How long before its end a token is renewed. They are good for an hour.
const EARLY: Duration = Duration::from_secs(300);

/// A GitHub App: its id and its private key.
pub struct GitHubApp {
    id: String,
    key: RsaKeyPair,
    installation: Option<u64>,
}

impl GitHubApp {
    /// An app by its client id or app id, and the PEM file of its private key.
    ///
    /// # Errors
    /// `Invalid` for an id or a key that can't be used; the error shows nothing of the key.
    pub fn new(id: impl Into<String>, key: &Secret) -> Result<Self> {
        let id = id.into();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("the id of the app is empty or has a blank in it"));
        }
        Ok(Self { id, key: jwt::key(key.expose().as_bytes())?, installation: None })
    }

    /// The number of the installation, which saves a call; without it, the repository's own is looked up.
    #[must_use]
    pub fn installation(self, installation: u64) -> Self {
        Self { installation: Some(installation), ..self }
    }
}

impl fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubApp").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An app on a repository, with its present token.
pub(super) struct Installation {
    app: GitHubApp,
    repository: RepositoryPath,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    installation: Option<u64>,
    token: Option<(Credential, Time)>,
}

impl Installation {
    pub fn new(app: GitHubApp, repository: RepositoryPath) -> Self {
        let present = Present { installation: app.installation, token: None };
        Self { app, repository, present: Mutex::new(present) }
    }

    /// The login of the app's own account.
    pub async fn login(&self, cx: &Cx, transport: &Transport) -> Result<String> {
        let app: AppJson = self.read(cx, transport, &Ask::get("/app", &[])).await?;
        let unnamed = || Error::new(ErrorKind::Corrupt, "the forge does not tell the app's name");
        app.slug.map(|slug| format!("{slug}[bot]")).ok_or_else(unnamed)
    }

    async fn renewed(
        &self,
        cx: &Cx,
        transport: &Transport,
        present: &mut Present,
    ) -> Result<(Credential, Time)> {
        let installation = match present.installation {
            Some(installation) => installation,
            None => *present.installation.insert(self.find(cx, transport).await?),
        };
        let ask = Ask::post("/app/installations/{installation_id}/access_tokens", &[&installation]);
        let ask = ask.json(json!({"repositories": [self.repository.name()]}));
        let TokenJson { token, expires_at } = self.read(cx, transport, &ask).await?;
        let token = Zeroizing::new(token);
        Ok((Credential::new(header::AUTHORIZATION, "Bearer", &token)?, expires_at))
    }

    async fn find(&self, cx: &Cx, transport: &Transport) -> Result<u64> {
        let (owner, name) = (self.repository.owner(), self.repository.name());
        let ask = Ask::get("/repos/{owner}/{repo}/installation", &[&owner, &name]);
        let found: Result<InstallationJson> = self.read(cx, transport, &ask).await;
        let found = found.map_err(|error| match error.is_not_found() {
            true => error.help("install the app on the repository"),
            false => error,
        });
        Ok(found?.id)
    }

    /// A call as the app itself. The clock of the forge is known from its first answer: if ours is wrong, the second
    /// proof is good.
    async fn read<T: DeserializeOwned>(&self, cx: &Cx, transport: &Transport, ask: &Ask) -> Result<T> {
        let (answer, proof) = self.prove(cx, transport, ask).await?;
        let (answer, proof) = match answer.status {
            StatusCode::UNAUTHORIZED => self.prove(cx, transport, ask).await?,
            _ => (answer, proof),
        };
        match answer.status.is_success() {
            true => answer.json(ask),
            false => Err(refusal(ask, &answer, &proof, cx.now())),
        }
    }

    async fn prove(&self, cx: &Cx, transport: &Transport, ask: &Ask) -> Result<(Answer, Credential)> {
        let proof = jwt::signed(&self.app.key, &self.app.id, transport.forge_time(cx))?;
        let proof = Credential::new(header::AUTHORIZATION, "Bearer", &proof)?;
        let url = transport.base.url(&ask.target());
        let answer = transport.exchange(cx, ask, &url, vec![proof.header()]).await;
        // A token that was made and lost expires by itself: to ask for one has no outcome that matters.
        Ok((answer.map_err(Error::outcome_known)?, proof))
    }
}

#[async_trait]
impl Auth for Installation {
    async fn credential(&self, cx: &Cx, transport: &Transport) -> Result<Credential> {
        let mut present = self.present.lock().await;
        let now = transport.forge_time(cx);
        match &present.token {
            Some((token, until)) if until.since(now) > EARLY => Ok(token.clone()),
            _ => {
                let (token, until) = self.renewed(cx, transport, &mut present).await?;
                present.token = Some((token.clone(), until));
                Ok(token)
            }
        }
    }

    async fn refused(&self, credential: &Credential) -> bool {
        let mut present = self.present.lock().await;
        if present.token.as_ref().is_some_and(|(token, _)| token.is(credential)) {
            present.token = None;
        }
        true
    }
}
