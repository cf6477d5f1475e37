//! A proxy between a client and the API server that fails on purpose.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::{TcpListener, TcpStream};

use super::{ApiServer, User};

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection ends before the server sees the request.
    LoseRequest,
    /// The server does what it is asked, and the connection ends instead of an answer.
    LoseAnswer,
    /// The server is not asked; this is the answer, with `Retry-After` if there are seconds.
    Answer(u16, Option<u32>),
    /// The answer comes so much later.
    Slow(Duration),
    /// The answer begins, and its body never comes: a connection that died without a word.
    Silence,
    /// The answer ends in the middle of its body.
    Cut,
    /// The answer is this one, of some time ago.
    Stale(String),
}

/// A way to the server that takes a list of faults, each for the next request that it fits.
#[derive(Clone)]
pub struct FaultProxy {
    port: u16,
    upstream: kube::Client,
    faults: Arc<Mutex<Vec<Planned>>>,
    /// How many objects a page has at most, whatever is asked for; 0 for what is asked for.
    page: Arc<AtomicUsize>,
    later_pages: Arc<AtomicUsize>,
}

struct Planned {
    /// Empty for any.
    method: &'static str,
    /// Part of path and query.
    part: String,
    fault: Fault,
    /// How many requests that it fits are let through before.
    passing: usize,
    times: usize,
}

type Answer = hyper::Response<http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>>;

impl FaultProxy {
    /// Begins to listen; it ends with the runtime that it was started on.
    pub async fn before(server: &ApiServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self {
            port,
            upstream: upstream(server).await,
            faults: Arc::default(),
            page: Arc::default(),
            later_pages: Arc::default(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Plans a fault for the next `times` requests of a method (empty: any) whose path and query contain `part`.
    pub fn fail(&self, method: &'static str, part: &str, times: usize, fault: Fault) {
        self.plan(Planned { method, part: part.to_owned(), fault, passing: 0, times });
    }

    /// Plans a fault for one request that fits, after so many that are let through.
    pub fn fail_after(&self, passing: usize, method: &'static str, part: &str, fault: Fault) {
        self.plan(Planned { method, part: part.to_owned(), fault, passing, times: 1 });
    }

    /// Has lists come in pages of so many objects at most, whatever is asked for.
    pub fn limit_pages(&self, objects: usize) {
        self.page.store(objects, Ordering::Relaxed);
    }

    /// How many pages of lists were asked for that were not the first one.
    pub fn later_pages(&self) -> usize {
        self.later_pages.load(Ordering::Relaxed)
    }

    fn plan(&self, planned: Planned) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(planned);
    }

    /// Forgets all planned faults.
    pub fn mend(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many planned faults have not come about.
    pub fn pending(&self) -> usize {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().map(|planned| planned.times).fold(0, usize::saturating_add)
    }

    async fn serve(self, stream: TcpStream) {
        let service = service_fn(move |request| self.clone().answer(request));
        // An error of a connection is what a fault is for.
        drop(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
        );
    }

    /// An error ends the connection without an answer.
    async fn answer(self, request: hyper::Request<Incoming>) -> io::Result<Answer> {
        let fault = self.take(request.method().as_str(), &request.uri().to_string());
        match fault {
            Some(Fault::LoseRequest) => Err(io::Error::other("lost")),
            Some(Fault::Answer(code, seconds)) => Ok(refusal(code, seconds)),
            Some(Fault::Stale(body)) => Ok(json(200, body)),
            Some(Fault::LoseAnswer) => {
                let answer = self.forward(request).await?;
                answer.into_body().collect().await?;
                Err(io::Error::other("lost"))
            }
            Some(Fault::Silence) => Ok(self.forward(request).await?.map(|_| Silent.boxed_unsync())),
            Some(Fault::Cut) => cut(self.forward(request).await?).await,
            Some(Fault::Slow(duration)) => {
                let answer = self.forward(request).await?;
                pause(duration).await;
                Ok(answer)
            }
            None => self.forward(request).await,
        }
    }

    fn take(&self, method: &str, uri: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |planned: &&mut Planned| {
            let of_method = planned.method.is_empty() || planned.method == method;
            planned.times > 0 && of_method && uri.contains(&planned.part)
        };
        let planned = faults.iter_mut().find(fits)?;
        if planned.passing > 0 {
            planned.passing -= 1;
            return None;
        }
        planned.times -= 1;
        Some(planned.fault.clone())
    }

    /// A path and query with our limit of a page.
    fn paged(&self, uri: &str) -> String {
        self.later_pages.fetch_add(usize::from(uri.contains("&continue=")), Ordering::Relaxed);
        match (self.page.load(Ordering::Relaxed), uri.split_once("limit=")) {
            (1.., Some((before, after))) => {
                let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}limit={}{rest}", self.page.load(Ordering::Relaxed))
            }
            _ => uri.to_owned(),
        }
    }

    async fn forward(&self, request: hyper::Request<Incoming>) -> io::Result<Answer> {
        let (mut parts, body) = request.into_parts();
        parts.headers.remove(http::header::HOST);
        parts.uri = self.paged(&parts.uri.to_string()).parse().map_err(io::Error::other)?;
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let request = http::Request::from_parts(parts, Body::from(body.to_vec()));
        let answer = self.upstream.send(request).await.map_err(io::Error::other)?;
        Ok(answer.map(|body| body.map_err(io::Error::other).boxed_unsync()))
    }
}

/// A body of which nothing ever comes.
struct Silent;

impl hyper::body::Body for Silent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Pending
    }
}

#[expect(clippy::disallowed_methods, reason = "the delay is the fault")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The client's own credentials go through; none are added.
async fn upstream(server: &ApiServer) -> kube::Client {
    let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig(User::Admin)).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info = kube::config::AuthInfo::default();
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

fn refusal(code: u16, seconds: Option<u32>) -> Answer {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"on purpose","reason":"Test","code":{code}}}"#
    );
    let mut answer = json(code, body);
    if let Some(seconds) = seconds {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer
}

fn json(code: u16, body: String) -> Answer {
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let answer = hyper::Response::builder().status(code).header("content-type", "application/json");
    answer.body(body).unwrap()
}

/// Half of the body, then the end of the connection.
async fn cut(answer: Answer) -> io::Result<Answer> {
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    let whole = bytes.len();
    let mut answer = hyper::Response::from_parts(
        parts,
        Full::new(half).map_err(|never: Infallible| match never {}).boxed_unsync(),
    );
    answer.headers_mut().insert(http::header::CONTENT_LENGTH, whole.into());
    Ok(answer)
}
