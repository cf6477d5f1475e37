use futures::{Stream, TryStreamExt};
use gitops_core::{Cx, Error, ErrorKind, Result};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use serde_json::Value as Json;

use super::credential::Credentials;
use super::failure::Failure;
use super::refusal::{Asked, refused, unreachable};
use crate::client::warnings;

/// No answer that we ask for is longer: a page of a list holds 500 objects, an object 1.5 MiB at most.
const MAX_ANSWER: usize = 256 << 20;

/// Sends requests and tells what became of them.
pub(crate) struct Wire {
    client: kube::Client,
    server: String,
    /// Those that do not stand in the kubeconfig.
    credentials: Option<Credentials>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    uri: String,
    content: &'static str,
    accept: &'static str,
    body: Vec<u8>,
    asked: Asked,
    /// Whether the answer may come compressed.
    compressed: bool,
}

impl Call {
    pub fn get(uri: impl Into<String>) -> Self {
        Self::new(Method::GET, uri, "application/json", Vec::new(), Asked::to_read())
    }

    /// A server-side apply.
    pub fn apply(uri: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(Method::PATCH, uri, "application/apply-patch+yaml", body, Asked::to_write())
    }

    /// A JSON patch.
    pub fn patch(uri: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(Method::PATCH, uri, "application/json-patch+json", body, Asked::to_write())
    }

    pub fn post(uri: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(Method::POST, uri, "application/json", body, Asked::to_write())
    }

    pub fn put(uri: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(Method::PUT, uri, "application/json", body, Asked::to_write())
    }

    pub fn delete(uri: impl Into<String>, body: Vec<u8>) -> Self {
        Self::new(Method::DELETE, uri, "application/json", body, Asked::to_write())
    }

    /// A request that would write but is a dry run: it has no effect, whatever becomes of it.
    pub fn without_effect(mut self) -> Self {
        self.asked.writes = false;
        self
    }

    /// What is sent holds a secret, which the server's refusal could quote: its text is not shown.
    pub fn with_secret(mut self, secret: bool) -> Self {
        self.asked.secret |= secret;
        self
    }

    pub fn accept(mut self, media: &'static str) -> Self {
        self.accept = media;
        self
    }

    fn new(
        method: Method,
        uri: impl Into<String>,
        content: &'static str,
        body: Vec<u8>,
        asked: Asked,
    ) -> Self {
        let accept = "application/json";
        Self { method, uri: uri.into(), content, accept, body, asked, compressed: true }
    }
}

impl Wire {
    pub fn new(client: kube::Client, server: String, credentials: Option<Credentials>) -> Self {
        Self { client, server, credentials }
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// Of the kind that the server's refusal stands for. The outcome is unknown exactly if a write may have
    /// reached the server and no answer of it came back whole.
    pub async fn json(&self, cx: &Cx, call: Call) -> Result<Json, Failure> {
        self.json_and_warnings(cx, call).await.map(|(json, _)| json)
    }

    /// The same, and what the server warns of beside it.
    pub async fn json_and_warnings(&self, cx: &Cx, call: Call) -> Result<(Json, Vec<String>), Failure> {
        let asked = call.asked;
        let (headers, bytes) = self.answer(cx, call).await?;
        let object: serde_json::Result<serde_json::Map<String, Json>> = serde_json::from_slice(&bytes);
        let object = object.map_err(|error| {
            let what = format!("the API server's answer is no JSON object: {error}");
            asked.outcome(Error::new(ErrorKind::Unavailable, what))
        })?;
        Ok((Json::Object(object), warnings::of_headers(&headers)))
    }

    /// The answer's bytes.
    pub async fn bytes(&self, cx: &Cx, call: Call) -> Result<Vec<u8>, Failure> {
        self.answer(cx, call).await.map(|(_, bytes)| bytes)
    }

    async fn answer(&self, cx: &Cx, call: Call) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let asked = call.asked;
        let bearer = self.bearer(cx).await?;
        let answer = bounded(cx, asked, async {
            let (parts, body) = self.send(call, bearer).await?.into_parts();
            Ok((parts.headers, collect(body, asked).await?))
        });
        answer.await
    }

    /// The answer as it comes, for a watch. Only the wait for its beginning is bounded.
    pub async fn stream(
        &self,
        cx: &Cx,
        mut call: Call,
    ) -> Result<impl Stream<Item = Result<impl AsRef<[u8]> + use<>>> + use<>, Failure> {
        // A watch that begins with all there is would come as one compressed text after another, which no reader of one takes.
        call.compressed = false;
        let asked = call.asked;
        let bearer = self.bearer(cx).await?;
        let answer = bounded(cx, asked, self.send(call, bearer)).await?;
        let broken =
            |error| Error::new(ErrorKind::Unavailable, "the stream of events was cut").because(boxed(error));
        Ok(answer.into_body().into_data_stream().map_err(broken))
    }

    /// What says who we are, where the client does not know it by itself. Nothing was sent when this fails.
    async fn bearer(&self, cx: &Cx) -> Result<Option<HeaderValue>> {
        match &self.credentials {
            Some(credentials) => credentials.bearer(cx).await,
            None => Ok(None),
        }
    }

    async fn send(&self, call: Call, bearer: Option<HeaderValue>) -> Result<Response<Body>, Failure> {
        let Call { method, uri, content, accept, body, asked, compressed } = call;
        let request = Request::builder().method(method).uri(uri).header(header::ACCEPT, accept);
        let request = match compressed {
            true => request,
            false => request.header(header::ACCEPT_ENCODING, "identity"),
        };
        let request =
            bearer.iter().fold(request, |request, bearer| request.header(header::AUTHORIZATION, bearer));
        let request = request
            .header(header::CONTENT_TYPE, content)
            .body(Body::from(body))
            .map_err(|error| Error::new(ErrorKind::Invalid, "the request can't be written").because(error))?;
        let answer = self.client.send(request).await.map_err(|error| unreachable(error, asked))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        if let (StatusCode::UNAUTHORIZED, Some(credentials)) = (parts.status, &self.credentials) {
            credentials.refused(bearer.as_ref()).await;
        }
        let text = collect(body, asked).await.unwrap_or_default();
        Err(refused(parts.status, &parts.headers, &text, asked))
    }
}

/// Within the context's deadline; a read that ran out of time did nothing.
async fn bounded<T>(
    cx: &Cx,
    asked: Asked,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match cx.bounded(async { Ok(call.await) }).await {
        Ok(answer) => answer,
        Err(error) => Err(asked.outcome(error).into()),
    }
}

async fn collect(body: Body, asked: Asked) -> Result<Vec<u8>> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    let bytes = collected.map_err(|error| {
        let what = "the API server's answer ended before it was whole";
        asked.outcome(Error::new(ErrorKind::Unavailable, what).because(error))
    })?;
    Ok(bytes.to_bytes().to_vec())
}

fn boxed(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Box<dyn std::error::Error + Send + Sync> {
    error.into()
}
