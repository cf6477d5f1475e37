//! One exchange with a server: bounded, timed, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gitops_core::{Cx, Error, ErrorKind, Result, Retry, Time};
use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::observe::{Call, CallObserver};
use super::{Answer, Ask, Base, Connection, tls};
use crate::fault::over_limit;
use crate::limits::ForgeLimits;

/// The way to one forge.
pub(crate) struct Transport {
    kind: &'static str,
    pub base: Base,
    pub limits: ForgeLimits,
    observer: Option<Arc<dyn CallObserver>>,
    connections: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// What every call of this forge has.
    headers: Vec<(HeaderName, HeaderValue)>,
    permits: Semaphore,
    /// How much the forge's clock is ahead of ours, in microseconds.
    ahead: AtomicI64,
}

impl Transport {
    pub fn new(
        kind: &'static str,
        api: &str,
        connection: Connection,
        headers: &[(HeaderName, &'static str)],
    ) -> Result<Self> {
        let Connection { url, limits, observer, authorities } = connection;
        let base = Base::parse(&url, api)?;
        let connections = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector(&base, &authorities)?);
        let agent = (header::USER_AGENT, concat!("gitops-forge/", env!("CARGO_PKG_VERSION")));
        let headers = headers.iter().chain([&agent]);
        let headers = headers.map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let permits = Semaphore::new(limits.concurrency.max(1));
        let ahead = AtomicI64::new(0);
        Ok(Self { kind, base, limits, observer, connections, headers, permits, ahead })
    }

    /// The time by the forge's clock, as far as it is known.
    pub fn forge_time(&self, cx: &Cx) -> Time {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Time::from_micros(cx.now().as_micros().saturating_add(ahead))
    }

    /// Sends a call and reads the whole answer, whatever its status.
    pub async fn exchange(
        &self,
        cx: &Cx,
        ask: &Ask,
        url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Answer> {
        cx.check()?;
        let permit =
            cx.bounded(async { Ok(self.permits.acquire().await.expect("it is never closed")) }).await;
        let _permit = permit.map_err(Error::outcome_known)?;
        let began = cx.now();
        let limited = cx.within(self.limits.time);
        let answer = limited.bounded(self.send(ask, url, headers)).await;
        let answer = answer.map_err(|error| of_write(ask, error));
        self.tell(ask, answer.as_ref().ok(), cx.now().since(began));
        if let Some(date) = answer.as_ref().ok().and_then(Answer::date) {
            let ahead = date.as_micros().saturating_sub(cx.now().as_micros());
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        answer
    }

    async fn send(&self, ask: &Ask, url: &str, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Answer> {
        let answer = self.connections.request(self.request(ask, url, headers)?).await;
        let answer = answer.map_err(|error| unreachable(ask, &error))?;
        let (parts, body) = answer.into_parts();
        let body = self.read(ask, body).await?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    fn request(
        &self,
        ask: &Ask,
        url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Request<Full<Bytes>>> {
        let body = ask.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let mut request = Request::builder().method(ask.method.clone()).uri(url);
        let json =
            body.is_some().then(|| (header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        for (name, value) in self.headers.iter().cloned().chain(headers).chain(json) {
            request = request.header(name, value);
        }
        request.body(Full::new(body.unwrap_or_default())).map_err(|error| {
            let unwritten = Error::new(ErrorKind::Invalid, "a call to the forge can't be written");
            unwritten.with("route", ask.route).because(error)
        })
    }

    async fn read(&self, ask: &Ask, body: Incoming) -> Result<Bytes> {
        let limit = self.limits.answer_bytes;
        let whole = Limited::new(body, limit).collect().await;
        whole.map(http_body_util::Collected::to_bytes).map_err(|error| {
            match error.downcast_ref::<LengthLimitError>() {
                Some(_) => over_limit("the forge's answer is too long", "answer_bytes", limit),
                None => {
                    Error::new(ErrorKind::Unavailable, "the forge's answer ended too early").because(error)
                }
            }
            .with("route", ask.route)
            .outcome_unknown()
        })
    }

    fn tell(&self, ask: &Ask, answer: Option<&Answer>, duration: std::time::Duration) {
        let Some(observer) = &self.observer else { return };
        let remaining = |answer: &Answer| {
            answer.number("x-ratelimit-remaining").or_else(|| answer.number("ratelimit-remaining"))
        };
        observer.called(&Call {
            forge: self.kind,
            method: method(&ask.method),
            route: ask.route,
            status: answer.map(|answer| answer.status.as_u16()),
            duration,
            bytes: answer.map_or(0, |answer| answer.body.len()),
            remaining: answer.and_then(remaining),
        });
    }
}

fn connector(base: &Base, authorities: &[Vec<u8>]) -> Result<HttpsConnector<HttpConnector>> {
    let config = match base.is_secure {
        true => tls::config(authorities)?,
        // Nothing is spoken but plain http to this machine.
        false => tls::nobody(),
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config);
    Ok(match base.is_secure {
        true => builder.https_only().enable_http1().build(),
        false => builder.https_or_http().enable_http1().build(),
    })
}

/// No answer came. What could not be sent was not done; of all else that writes, the outcome is unknown.
fn unreachable(ask: &Ask, error: &hyper_util::client::legacy::Error) -> Error {
    let unreachable = Error::new(ErrorKind::Unavailable, "the forge can't be reached")
        .with("route", ask.route)
        .with("because", causes(error));
    match error.is_connect() {
        true => unreachable,
        false => unreachable.outcome_unknown(),
    }
}

/// A chain of errors in one line. None of them holds what was sent.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What only reads has no outcome that could be unknown.
fn of_write(ask: &Ask, error: Error) -> Error {
    let retried = match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Timeout => error.retry_when(Retry::Now),
        _ => error,
    };
    if ask.is_write() { retried } else { retried.outcome_known() }
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "GET",
    }
}
