//! One connection: bounded in time and in bytes.

use std::convert::Infallible;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Result};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::answer::{Answer, text};
use super::{Door, Http, WHOLE};

/// How long a head may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long a head may be.
const HEAD_BYTES: usize = 16 << 10;

/// How long a body may take.
const BODY: Duration = Duration::from_secs(10);

/// Answers one request. What goes wrong with a connection is its client's to see.
pub(super) async fn serve(cx: &Cx, stream: TcpStream, http: &Http, door: Door) {
    let answer = service_fn(|request: Request<Incoming>| async move {
        let answer = http.answer(cx, door, request).await;
        Ok::<_, Infallible>(answer)
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).keep_alive(false);
    let connection = server.serve_connection(TokioIo::new(stream), answer);
    let bounded =
        async { connection.await.map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string())) };
    // A request to stop lets what was begun come to its end: nothing here takes long.
    let ended: Result<()> = cx.shielded().within(WHOLE).bounded(bounded).await;
    drop(ended);
}

/// The whole body, if it is neither too long nor too slow.
pub(super) async fn whole(cx: &Cx, body: Incoming, limit: usize) -> Result<Bytes, Answer> {
    let too_long = || text(StatusCode::PAYLOAD_TOO_LARGE, "it is too long\n");
    if usize::try_from(body.size_hint().lower()).map_or(true, |told| told > limit) {
        return Err(too_long());
    }
    let collected = async { Ok(Limited::new(body, limit).collect().await) };
    match cx.shielded().within(BODY).bounded(collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(text(StatusCode::BAD_REQUEST, "its body was cut short\n")),
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "its body is too slow\n")),
    }
}
