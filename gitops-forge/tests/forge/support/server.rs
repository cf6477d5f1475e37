//! A server that answers as a handler says, unless it is told to misbehave.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gitops_forge::conformance::Fault;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::net::TcpListener;

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// As it came.
    pub target: String,
    /// The parts of the path, decoded.
    pub parts: Vec<String>,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn parts(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }
}

/// What a server answers.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Answered {
    pub fn json(status: u16, body: impl Into<Value>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.into().to_string().into() }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers what is asked.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    async fn answer(&self, asked: &Asked) -> Answered;
}

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// What the kit asks for.
    Kit(Fault),
    /// The forge is not asked; this is the answer.
    Answer(Answered),
    /// The forge is asked twice.
    Double,
}

struct Planned {
    trouble: Trouble,
    is_write: bool,
}

/// A server on this machine; it ends with the runtime that it was started on.
#[derive(Clone)]
pub struct Server {
    port: u16,
    handler: Arc<dyn Handler>,
    planned: Arc<Mutex<VecDeque<Planned>>>,
    seen: Arc<Mutex<Vec<(Asked, u16)>>>,
}

impl Server {
    pub async fn start(handler: Arc<dyn Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, handler, planned: Arc::default(), seen: Arc::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = accepting.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| serving.answer(request));
                    // An error of a connection is what a fault is for.
                    let connection = hyper::server::conn::http1::Builder::new();
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Plans a trouble for the next call that writes, or reads.
    pub fn plan(&self, trouble: Trouble, is_write: bool) {
        self.planned.lock().unwrap().push_back(Planned { trouble, is_write });
    }

    pub fn fail_next(&self, fault: Fault, is_write: bool) {
        self.plan(Trouble::Kit(fault), is_write);
    }

    /// What was asked so far, with the status of the answer.
    pub fn seen(&self) -> Vec<(Asked, u16)> {
        self.seen.lock().unwrap().clone()
    }

    /// How many calls the forge has got that write.
    pub fn writes(&self) -> u64 {
        self.seen().iter().filter(|(asked, _)| asked.method != Method::GET).count() as u64
    }

    fn take(&self, method: &Method) -> Option<Trouble> {
        let mut planned = self.planned.lock().unwrap();
        let is_write = method != Method::GET;
        let at = planned.iter().position(|planned| planned.is_write == is_write)?;
        planned.remove(at).map(|planned| planned.trouble)
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        let asked = read(request).await?;
        let lost = || io::Error::other("lost");
        match self.take(&asked.method) {
            None => Ok(whole(self.ask(&asked).await)),
            Some(Trouble::Double) => {
                self.ask(&asked).await;
                Ok(whole(self.ask(&asked).await))
            }
            Some(Trouble::Answer(answer)) => Ok(whole(answer)),
            Some(Trouble::Kit(Fault::LoseAnswer)) => {
                self.ask(&asked).await;
                Err(lost())
            }
            Some(Trouble::Kit(Fault::LoseRequest)) => Err(lost()),
            Some(Trouble::Kit(Fault::Patience(seconds))) => {
                let body = serde_json::json!({"message": "slow down"});
                Ok(whole(Answered::json(429, body).header("retry-after", seconds.to_string())))
            }
            Some(Trouble::Kit(Fault::Broken)) => Ok(whole(Answered::empty(502))),
            Some(Trouble::Kit(Fault::Half)) => Ok(half(self.ask(&asked).await)),
            Some(Trouble::Kit(_)) => std::future::pending().await,
        }
    }

    async fn ask(&self, asked: &Asked) -> Answered {
        let answer = self.handler.answer(asked).await;
        self.seen.lock().unwrap().push((asked.clone(), answer.status));
        answer
    }
}

async fn read(request: Request<Incoming>) -> io::Result<Asked> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    Ok(Asked {
        method: head.method,
        target: head.uri.to_string(),
        parts: head.uri.path().split('/').skip(1).map(decoded).collect(),
        query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
        headers: head.headers,
        body,
    })
}

fn whole(answer: Answered) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(full(answer.body)).unwrap()
}

fn full(body: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Half of the body, then the end of the connection.
fn half(answer: Answered) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    let half = answer.body.slice(..answer.body.len() / 2);
    let length = answer.body.len();
    let frames = [Ok(Frame::data(half)), Err(io::Error::other("cut"))];
    let mut response = whole(Answered { body: Bytes::new(), ..answer });
    response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    response.map(|_| StreamBody::new(futures::stream::iter(frames)).boxed_unsync())
}
