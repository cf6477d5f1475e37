//! Calls of a forge's API, with who we are, what is kept, and what the forge asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::{Cx, Error, ErrorKind, Result, Retry, Time};
use http::{HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

use super::cache::Cache;
use super::patience::patience;
use super::{Answer, Ask, Auth, Base, Connection, Credential, Transport, refusal};
use crate::limits::ForgeLimits;

/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// The client of one adapter.
pub(crate) struct Client {
    transport: Transport,
    auth: Arc<dyn Auth>,
    cache: Mutex<Cache>,
    /// Until when the forge wants no call.
    pause: Mutex<Option<Time>>,
}

impl Client {
    /// The client of a connection, with who we are and what every call of this forge has.
    pub fn new(
        kind: &'static str,
        api: &str,
        connection: Connection,
        auth: Arc<dyn Auth>,
        headers: &[(HeaderName, &'static str)],
    ) -> Result<Self> {
        let cache = Mutex::new(Cache::new(connection.limits.kept_bytes));
        let transport = Transport::new(kind, api, connection, headers)?;
        Ok(Self { transport, auth, cache, pause: Mutex::new(None) })
    }

    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    pub fn limits(&self) -> &ForgeLimits {
        &self.transport.limits
    }

    pub fn base(&self) -> &Base {
        &self.transport.base
    }

    /// Makes a call and reads what it gives.
    pub async fn read<T: DeserializeOwned>(&self, cx: &Cx, ask: &Ask) -> Result<T> {
        self.call(cx, ask).await?.json(ask)
    }

    /// The same, with nothing where the forge has nothing.
    pub async fn find<T: DeserializeOwned>(&self, cx: &Cx, ask: &Ask) -> Result<Option<T>> {
        match self.read(cx, ask).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Removes something; what is gone already is no error.
    pub async fn remove(&self, cx: &Cx, ask: &Ask) -> Result<()> {
        match self.call(cx, ask).await {
            Err(error) if error.is_not_found() => Ok(()),
            removed => removed.map(drop),
        }
    }

    /// Makes a call; an answer that is no success is an error.
    pub async fn call(&self, cx: &Cx, ask: &Ask) -> Result<Answer> {
        self.call_at(cx, ask, self.transport.base.url(&ask.target())).await
    }

    /// The same at a URL that the forge gave, which must be its own.
    pub async fn call_at(&self, cx: &Cx, ask: &Ask, mut url: String) -> Result<Answer> {
        for _ in 0..=REDIRECTS {
            let (answer, credential) = self.authorized(cx, ask, &url).await?;
            if answer.status.is_success() {
                return Ok(answer);
            }
            url = match self.elsewhere(ask, &answer)? {
                Some(url) => url,
                None => return Err(self.refused(cx, ask, &answer, &credential)),
            };
        }
        Err(Error::new(ErrorKind::Unsupported, "the forge redirects again and again")
            .with("route", ask.route))
    }

    /// Sends a call, once more if what it was made with has just expired: what was not let in was not done.
    async fn authorized(&self, cx: &Cx, ask: &Ask, url: &str) -> Result<(Answer, Credential)> {
        let credential = self.auth.credential(cx, &self.transport).await?;
        let answer = self.send(cx, ask, url, &credential).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.auth.refused(&credential).await {
            let credential = self.auth.credential(cx, &self.transport).await?;
            return Ok((self.send(cx, ask, url, &credential).await?, credential));
        }
        Ok((answer, credential))
    }

    async fn send(&self, cx: &Cx, ask: &Ask, url: &str, credential: &Credential) -> Result<Answer> {
        self.check_pause(cx, ask)?;
        let mut headers = vec![credential.header()];
        let tag = if ask.is_by_url() { self.cache().tag(url) } else { None };
        headers.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag)));
        let answer = self.transport.exchange(cx, ask, url, headers).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED => self.cache().take(url).ok_or_else(|| forgotten(ask)),
            status if status.is_success() && ask.is_by_url() => {
                self.cache().put(url, &answer);
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    /// Where a redirect leads, if it may be followed: a read, on the same host.
    fn elsewhere(&self, ask: &Ask, answer: &Answer) -> Result<Option<String>> {
        if !answer.status.is_redirection() {
            return Ok(None);
        }
        let place = answer.header("location").and_then(|place| self.transport.base.redirect(place));
        match place.filter(|_| ask.is_by_url()) {
            Some(place) => Ok(Some(place)),
            None => Err(Error::new(ErrorKind::Unsupported, "the forge redirects to where nothing is sent")
                .with("route", ask.route)
                .with("status", answer.status.as_u16())
                .help("give the URL that the forge has now, and the repository's present name")),
        }
    }

    fn refused(&self, cx: &Cx, ask: &Ask, answer: &Answer, credential: &Credential) -> Error {
        if let Some(wait) = patience(answer, cx.now()) {
            *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.now().after(wait));
        }
        refusal(ask, answer, credential, cx.now())
    }

    /// A forge that asked for patience is not asked again before: GitHub bans who does.
    fn check_pause(&self, cx: &Cx, ask: &Ask) -> Result<()> {
        let until = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = until.map_or(std::time::Duration::ZERO, |until| until.since(cx.now()));
        match wait.is_zero() {
            true => Ok(()),
            false => {
                Err(Error::new(ErrorKind::Unavailable, "the forge asked to wait, and was not asked again")
                    .with("route", ask.route)
                    .retry_when(Retry::After(wait)))
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was kept went while the forge was asked about it.
fn forgotten(ask: &Ask) -> Error {
    Error::new(ErrorKind::Unavailable, "an answer that was kept is gone").with("route", ask.route)
}
