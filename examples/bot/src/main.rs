//! A bot of a company's own: `bot REPOSITORY FOLDER` keeps two applications of one repository as they are declared. Events go
//! to standard output as JSON lines, and what was done into `FOLDER/audit.jsonl`; SIGTERM ends it in good order.

mod quotas;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use gitops_core::backend::directory::{Directory, FileRender};
use gitops_core::{
    Action, AuditEntry, AuditSink, CallReport, Cx, Diagnostic, Engine, Event, GroupKind, Key, Layer,
    MetricsLayer, Mount, Object, Part, Proposal, RateLimitLayer, Render, Resource, Result, RetryLayer, State,
    StateDir, Step, Supervisor, TimeoutLayer, TraceLayer, Typed, Value, Verdict, async_trait, gate,
    render_files,
};
use gitops_git::GitSource;
use quotas::{Quota, Quotas};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// An audit log of one's own. What is not durable when `record` returns is not done.
struct Log(std::fs::File);

#[async_trait]
impl AuditSink for Log {
    async fn record(&self, _: &Cx, entries: &[AuditEntry]) -> Result<()> {
        for entry in entries {
            writeln!(&self.0, "{}", serde_json::to_string(entry)?)?;
        }
        Ok(self.0.sync_data()?)
    }
}

/// One file for each quota: `{"limit": 5}`.
fn render_quotas() -> impl Render {
    render_files("quotas 1", |part: &Part<'_>| {
        let fault =
            |error: serde_json::Error| vec![Diagnostic::error("BOT001", part.path(), error.to_string())];
        let body = serde_json::from_slice(&part.bytes()?).map_err(fault)?;
        let key = Key::new("quotas", GroupKind::new("", Quota::KIND), "", part.path());
        Ok(vec![Object::new(key, Value::from_json(body), part.provenance(1))])
    })
}

fn keep_quotas(proposal: &Proposal<'_>) -> Verdict {
    let goes = |step: &Step| step.key.kind().kind() == Quota::KIND && step.action == Action::Delete;
    match proposal.plan.steps.iter().any(goes) {
        true => Verdict::deny("keep-quotas", "a quota is changed, and never removed"),
        false => Verdict::Allow,
    }
}

/// An application of the repository: the folder of its name. All of them have one mirror.
async fn open(cx: &Cx, url: &str, folder: &Path, name: &'static str, mount: Mount) -> Result<Engine> {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("audit.jsonl"))?;
    let state = State::from(StateDir::open(&folder.join(name), cx)?).with_audit(Arc::new(Log(log)));
    let source = GitSource::builder(url).path(name).mirrors(folder.join("mirrors")).build()?;
    let tell = move |event: &Event| println!("{}", json!({ "application": name, "event": event }));
    let engine = Engine::builder(name).source(Arc::new(source)).mount(name, "", mount);
    let engine = engine.gate(Arc::new(gate("keep-quotas", 1, keep_quotas))).events(Arc::new(tell));
    engine.state(state).open(cx).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, folder] = &arguments[..] else { panic!("usage: bot REPOSITORY FOLDER") };
    let (cx, folder, writes) = (Cx::system(), Path::new(folder), Arc::new(AtomicU64::new(0)));
    let count = writes.clone();
    let metrics = MetricsLayer::new(move |call: &CallReport<'_>| {
        count.fetch_add(u64::from(call.operation == "apply"), Relaxed);
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = cx.clone();
    tokio::spawn(async move { terminate.recv().await.map(|()| stop.cancel()) });

    let files = metrics.layer(Arc::new(Directory::open(folder.join("live"), "site")?));
    let site = Mount::new(files, Arc::new(FileRender::new("site")));
    let quotas = TimeoutLayer::new(Duration::from_secs(30)).layer(Arc::new(Typed(Quotas::default())));
    let quotas = RetryLayer::new(5).layer(RateLimitLayer::new(50, Duration::from_secs(1)).layer(quotas));
    let quotas = metrics.layer(TraceLayer.layer(quotas));
    let quotas = Mount::new(quotas, Arc::new(render_quotas()));
    let (supervisor, interval) = (Supervisor::new(4), Duration::from_secs(1));
    supervisor.add(open(&cx, url, folder, "site", site).await?, &[], interval)?;
    supervisor.add(open(&cx, url, folder, "quotas", quotas).await?, &["site"], interval)?;
    supervisor.run(&cx).await;
    println!("{}", json!({ "metrics": { "writes": writes.load(Relaxed) } }));
    Ok(())
}
