//! The HTTP side: health, metrics, and what forges send.

mod answer;
mod connection;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::plans::Plans;
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
    plans: RwLock<Option<Arc<Plans>>>,
    /// Whether plans are shown at an address of their own, and so not at any other.
    plans_apart: AtomicBool,
}

/// What is answered at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Everything, but for plans that have an address of their own.
    Main,
    /// Plans alone.
    Plans,
}

impl Http {
    /// Answers from a board and from metrics; takes no webhooks yet.
    pub fn new(board: Board, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            board,
            metrics,
            endpoints: RwLock::default(),
            plans: RwLock::default(),
            plans_apart: AtomicBool::new(false),
        }))
    }

    /// Shows these plans from now on.
    pub fn show(&self, plans: Option<Arc<Plans>>) {
        *self.0.plans.write().unwrap_or_else(PoisonError::into_inner) = plans;
    }

    /// Takes webhooks from now on as these say, and no longer as others said before.
    pub fn take(&self, endpoints: Endpoints) {
        *self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(endpoints);
    }

    /// Listens, and answers in tasks of its own until the context is cancelled; gives the address.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub async fn listen(&self, cx: &Cx, address: SocketAddr, door: Door) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            gitops_core::Error::from(error)
                .with("address", address)
                .help("another process has the address; choose another one, `--listen 127.0.0.1:8081`")
        })?;
        let address = listener.local_addr()?;
        if door == Door::Plans {
            self.0.plans_apart.store(true, Ordering::Relaxed);
        }
        tokio::spawn(accept(cx.clone(), listener, self.clone(), door));
        Ok(address)
    }

    fn endpoints(&self) -> Arc<Endpoints> {
        self.0.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer to a request.
    async fn answer(&self, cx: &Cx, door: Door, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(name) = path.strip_prefix("/plans/") {
            let is_here = door == Door::Plans || !self.0.plans_apart.load(Ordering::Relaxed);
            return match is_get {
                _ if !is_here => nothing_here(),
                false => not_allowed("GET, HEAD"),
                true => self.plan(cx, name).await,
            };
        }
        match (path.as_str(), path.strip_prefix("/webhooks/")) {
            _ if door == Door::Plans => nothing_here(),
            ("/healthz", _) if is_get => text(StatusCode::OK, "alive\n"),
            ("/readyz", _) if is_get => self.ready(cx),
            ("/metrics", _) if is_get => answer::metrics(self.0.metrics.text()),
            ("/healthz" | "/readyz" | "/metrics", _) => not_allowed("GET, HEAD"),
            (_, Some(_)) if *request.method() != Method::POST => not_allowed("POST"),
            (_, Some(forge)) => self.webhook(cx, forge, request).await,
            _ => nothing_here(),
        }
    }

    /// A plan, by the name that the comment links. Another name tells nothing of what there is.
    async fn plan(&self, cx: &Cx, name: &str) -> Answer {
        let plans = self.0.plans.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(plans) = plans else { return nothing_here() };
        match plans.find(&cx.shielded().within(WHOLE), name).await {
            Ok(Some((kind, body))) => answer::page(kind, body),
            Ok(None) => text(
                StatusCode::NOT_FOUND,
                "there is no such plan, or it is kept no longer: comment `/plan` on the request for a new one\n",
            ),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "it can't be read now\n"),
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

fn nothing_here() -> Answer {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// Accepts connections until the context is cancelled.
async fn accept(cx: Cx, listener: TcpListener, http: Http, door: Door) {
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
                    connection::serve(&cx, stream, &http, door).await;
                    drop(place);
                });
            }
            Err(_) if cx.sleep(REST).await.is_err() => return,
            Err(_) => {}
        }
    }
}
