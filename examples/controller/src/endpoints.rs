//! What operators and probes ask: is it alive, is it ready, what did it count.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use gitops_core::{Cx, Result};
use tokio::net::TcpListener;

use crate::metrics::Metrics;

#[derive(Clone)]
struct Shared {
    cx: Cx,
    metrics: Arc<Metrics>,
}

/// Listens, and answers until the context is cancelled. Returns the address and the task that answers.
///
/// `/healthz` says that the process is alive, `/readyz` that the process leads, reached the source of each application that it leads, and is not stopping,
/// `/metrics` gives what was counted.
///
/// # Errors
/// An address that can't be listened on.
pub async fn serve(cx: &Cx, listen: SocketAddr, metrics: Arc<Metrics>) -> Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(counted))
        .with_state(Shared { cx: cx.clone(), metrics });
    let stop = cx.clone();
    tokio::spawn(async move {
        let served =
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = served.await {
            tracing::error!(%error, "the endpoints ended");
        }
    });
    Ok(address)
}

async fn ready(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    match (shared.cx.is_cancelled(), shared.metrics.reached_sources()) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "a source was not reached yet\n"),
        (false, true) => (StatusCode::OK, "ready\n"),
    }
}

async fn counted(State(shared): State<Shared>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shared.metrics.text())
}
