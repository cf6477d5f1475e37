//! The HTTP side: health, metrics, and what forges send.

mod answer;
mod connection;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gitops_core::{Cx, Result};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::answer::{Answer, not_allowed, text};
use crate::board::Board;
use crate::metrics::Metrics;
use crate::webhooks::{Delivery, Endpoints};

/// How many connections are open at once; more wait to be accepted.
const CONNECTIONS: usize = 256;

/// How long a connection may take from its first byte to its last.
const WHOLE: Duration = Duration::from_secs(30);

/// How long the server waits after a connection could not be accepted: most likely there are too many files open.
const REST: Duration = Duration::from_millis(200);

/// What a process answers over HTTP; [`Server`](crate::Server) says what.
#[derive(Clone)]
pub(crate) struct Http(Arc<Shared>);

struct Shared {
    board: Board,
    metrics: Arc<Metrics>,
    endpoints: RwLock<Arc<Endpoints>>,
}

impl Http {
    /// Answers from a board and from metrics; takes no webhooks yet.
    pub fn new(board: Board, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { board, metrics, endpoints: RwLock::default() }))
    }

    /// Takes webhooks from now on as these say, and no longer as others said before.
    pub fn take(&self, endpoints: Endpoints) {
        *self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(endpoints);
    }

    /// Listens, and answers in tasks of its own until the context is cancelled; gives the address.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub async fn listen(&self, cx: &Cx, address: SocketAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            gitops_core::Error::from(error)
                .with("address", address)
                .help("another process has the address; choose another one, `--listen 127.0.0.1:8081`")
        })?;
        let address = listener.local_addr()?;
        tokio::spawn(accept(cx.clone(), listener, self.clone()));
        Ok(address)
    }

    fn endpoints(&self) -> Arc<Endpoints> {
        self.0.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer to a request.
    async fn answer(&self, cx: &Cx, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        match (path.as_str(), path.strip_prefix("/webhooks/")) {
            ("/healthz", _) if is_get => text(StatusCode::OK, "alive\n"),
            ("/readyz", _) if is_get => self.ready(cx),
            ("/metrics", _) if is_get => answer::metrics(self.0.metrics.text()),
            ("/healthz" | "/readyz" | "/metrics", _) => not_allowed("GET, HEAD"),
            (_, Some(_)) if *request.method() != Method::POST => not_allowed("POST"),
            (_, Some(forge)) => self.webhook(cx, forge, request).await,
            _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    fn ready(&self, cx: &Cx) -> Answer {
        if cx.is_cancelled() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        let (is_ready, lines) = self.0.board.readiness();
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, format!("{}\n{lines}", if is_ready { "ready" } else { "not ready" }))
    }

    async fn webhook(&self, cx: &Cx, forge: &str, request: Request<Incoming>) -> Answer {
        let endpoints = self.endpoints();
        let Some(limit) = endpoints.limit(forge) else {
            self.0.metrics.webhook("unknown", "no-such-forge");
            return text(StatusCode::NOT_FOUND, "no forge of this kind is configured with a secret\n");
        };
        let (head, body) = request.into_parts();
        let body = match connection::whole(cx, body, limit).await {
            Ok(body) => body,
            Err(answer) => {
                self.0.metrics.webhook(forge, "unreadable");
                return answer;
            }
        };
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let (status, result, said) = match endpoints.deliver(forge, header, &body, cx.now()) {
            Delivery::Taken => (StatusCode::ACCEPTED, "taken", "taken\n"),
            Delivery::CameBefore => (StatusCode::ACCEPTED, "repeated", "it came before\n"),
            Delivery::Elsewhere => (StatusCode::ACCEPTED, "elsewhere", "it is of no repository of ours\n"),
            Delivery::Forged => (StatusCode::UNAUTHORIZED, "forged", "its signature is not right\n"),
            Delivery::Unreadable => (StatusCode::BAD_REQUEST, "unreadable", "it can't be read\n"),
        };
        self.0.metrics.webhook(forge, result);
        text(status, said)
    }
}

/// Accepts connections until the context is cancelled.
async fn accept(cx: Cx, listener: TcpListener, http: Http) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let place = room.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = cx.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (cx, http) = (cx.clone(), http.clone());
                tokio::spawn(async move {
                    connection::serve(&cx, stream, &http).await;
                    drop(place);
                });
            }
            Err(_) if cx.sleep(REST).await.is_err() => return,
            Err(_) => {}
        }
    }
}
