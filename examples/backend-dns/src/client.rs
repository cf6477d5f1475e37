use std::time::Duration;

use gitops_core::{Error, ErrorKind, Result, Retry, Secret};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes.
const LIMIT: usize = 4 << 20;

/// Asks the DNS service, one connection a request.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    token: Secret,
}

impl Client {
    /// A client of the service at `host:port`, with the token that it asks for.
    pub fn new(address: impl Into<String>, token: Secret) -> Self {
        Self { address: address.into(), token }
    }

    /// Sends one request to a path below `/zones`, and gives the answer; null if there is none.
    ///
    /// # Errors
    /// `Unavailable` if the service can't be reached: nothing was done. Once the request is sent, the outcome is unknown until
    /// the answer is there.
    ///
    /// # Cancel safety
    /// A dropped request may have been carried out.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let unreachable = |error: std::io::Error| Error::new(ErrorKind::Unavailable, error.to_string());
        let lost =
            |error: hyper::Error| Error::new(ErrorKind::Unavailable, error.to_string()).outcome_unknown();
        let request = self.request(method, path, body)?;
        let stream = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let answer = async { read(sender.send_request(request).await.map_err(lost)?).await };
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Request<Full<Bytes>>> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/?=".contains(&byte);
        if !path.bytes().all(is_plain) {
            return Err(Error::new(ErrorKind::Invalid, "a zone has letters, digits, dots and hyphens only"));
        }
        Request::builder()
            .method(method)
            .uri(format!("/zones{path}"))
            .header("host", &self.address)
            .header("authorization", format!("Bearer {}", self.token.expose()))
            .header("content-type", "application/json")
            .header("connection", "close")
            .body(Full::from(body.map(Value::to_string).unwrap_or_default()))
            .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
    }
}

async fn read(answer: Response<Incoming>) -> Result<Value> {
    let (head, body) = answer.into_parts();
    let cut = |_| Error::new(ErrorKind::Unavailable, "the answer was cut short").outcome_unknown();
    let body = Limited::new(body, LIMIT).collect().await.map_err(cut)?.to_bytes();
    if head.status.is_success() {
        return match body.is_empty() {
            true => Ok(Value::Null),
            false => Ok(serde_json::from_slice(&body).map_err(|error| Error::from(error).outcome_unknown())?),
        };
    }
    let kind = match head.status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::Limit,
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    let error = Error::new(kind, format!("{}: {}", head.status, String::from_utf8_lossy(&body)));
    let wait = head.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    Err(match wait {
        Some(seconds) => error.retry_when(Retry::After(Duration::from_secs(seconds))),
        // The service may have failed in the middle of it.
        None if head.status == StatusCode::INTERNAL_SERVER_ERROR => error.outcome_unknown(),
        None => error,
    })
}
