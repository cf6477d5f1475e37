//! One application that `run` and `serve` keep at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join;
use gitops_app::NotePlace;
use gitops_app::forge::Environment;
use gitops_app::review::OnForge;
use gitops_app::rollback::{Step, Watch};
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, Error, ErrorKind, Event, EventSink, Result, Supervisor};
use gitops_server::ApplicationMetrics;

use super::run::{Keeping, Member};
use crate::app::App;
use crate::failure::Failure;
use crate::output::style::{YELLOW, escape, paint};
use crate::progress;

/// One application that is kept at work.
pub(super) struct Kept<'k> {
    /// Its context ends when the application is to stop.
    pub app: App,
    /// Ends when all are to stop.
    pub whole: Cx,
    /// What a server counts of it.
    pub metrics: Option<Arc<ApplicationMetrics>>,
    pub member: Arc<Member>,
    pub keeping: &'k Keeping<'k>,
    /// Whether its state was there.
    pub was_open: AtomicBool,
    /// Whether a reconciliation ended while it was open last.
    pub has_worked: AtomicBool,
}

impl Kept<'_> {
    /// An application that can't be opened, because its target is away or another process has its state, is tried again, unless it is
    /// alone. So is one that could not go on because its state could not be written for a while: it is read anew then.
    pub async fn until_open(&self) -> Result<(), Failure> {
        let (mut told, cx) = (None, &self.app.cx);
        while !cx.is_cancelled() {
            let opened = tokio::select! {
                biased;
                opened = self.open() => opened,
                // One that is only being opened is not waited for when all stop.
                () = self.whole.cancelled(), if !self.keeping.is_alone() => break,
            };
            match opened {
                Ok(session) => match Box::pin(self.keep(session, told.is_some())).await {
                    Err(failure) if passes(&failure.error) && !self.keeping.is_alone() => {
                        if self.has_worked.swap(false, Ordering::Relaxed) {
                            told = None;
                        }
                        self.tell_of_next("can't go on", &failure.error, &mut told);
                    }
                    ended => return ended,
                },
                Err(error) if self.keeping.is_alone() => return Err(error.into()),
                Err(_) if cx.is_cancelled() => break,
                Err(error) => self.tell_of_next("can't be opened", &error, &mut told),
            }
            if self.until_next().await.is_err() {
                break;
            }
        }
        self.keeping.server.inspect(|server| server.board().leave(&self.app.config().name));
        Ok(())
    }

    /// Says why an application is not at work, unless that was told last.
    fn tell_of_next(&self, what: &str, error: &Error, told: &mut Option<String>) {
        let name = &self.app.config().name;
        if let Some(server) = self.keeping.server {
            server.board().fail(name);
            server.metrics().not_opened(name);
        }
        let text = escape(&error.with_help());
        if told.as_ref() != Some(&text) {
            self.app.screen.note(&format!("[{name}] {what}, and is tried again: {text}"));
        }
        *told = Some(text);
    }

    /// Waits until the next try. A state folder that was there and is away is somebody's to put back: none is made in its place.
    async fn until_next(&self) -> Result<()> {
        let (config, cx) = (self.app.config(), &self.app.cx);
        cx.sleep(config.sync.interval).await?;
        while self.was_open.load(Ordering::Relaxed) && !config.state.is_dir() {
            cx.sleep(config.sync.interval).await?;
        }
        Ok(())
    }

    async fn open(&self) -> Result<Session> {
        let name = &self.app.config().name;
        self.keeping.server.inspect(|server| server.board().expect(name));
        let stream = progress::stream(&self.app);
        let events: Arc<dyn EventSink> = match &self.metrics {
            None => stream,
            Some(metrics) => {
                let metrics = metrics.clone();
                Arc::new(move |event: &Event| {
                    stream.event(event);
                    metrics.event(event);
                })
            }
        };
        // A server reviews on the forge anyway. What a run applies was approved in the state, and it needs no token of the forge.
        let check = self.keeping.server.and_then(|_| OnForge::of(self.app.config()));
        self.app.open_checking(Access::Write, events, check.map(|forge| Arc::new(forge) as _)).await
    }

    /// Returns once the engine has ended.
    async fn keep(&self, session: Session, is_again: bool) -> Result<(), Failure> {
        let app = &self.app;
        self.was_open.store(true, Ordering::Relaxed);
        app.note_orders(&session).await?;
        let targets: Vec<String> = session.config.targets.iter().map(ToString::to_string).collect();
        let (targets, name) = (escape(&targets.join(", ")), &session.config.name);
        if !is_again {
            app.screen.note(&format!("Keeping {targets} equal to what {name} declares; Ctrl-C stops."));
        }
        let (name, interval) = (name.clone(), session.config.sync.interval);
        let config = session.config.clone();
        if app.cx.is_cancelled() {
            return Ok(());
        }
        let Keeping { supervisor, server, .. } = self.keeping;
        // One that has ended because it could not go on.
        let _ = supervisor.remove(&name).await;
        // Before its engine tells of anything.
        self.metrics.iter().for_each(|metrics| metrics.leads(true));
        let handle = supervisor.add(session.engine, &self.needs(), interval)?;
        server.inspect(|server| server.board().open(&name, handle.clone()));
        let job = Environment::of(|name| std::env::var(name).ok()).ok().flatten();
        let (status, seen) = (handle.status(), handle.status());
        let watch = Watch::new(&app.cx, &config, handle, job.as_ref());
        let tell = |step: &Step| app.screen.note(&format!("[{}] {}", config.name, escape(&step.to_string())));
        let place = NotePlace::in_folder(&config.state);
        let is_written = AtomicBool::new(true);
        let wrote = |written: Result<()>| {
            if let (Err(error), true) = (&written, is_written.swap(written.is_ok(), Ordering::Relaxed)) {
                let why = escape(&error.with_help());
                app.screen.note(&format!("[{}] its state can't be written: {why}", config.name));
            }
            let written = written.map_err(|error| error.kind());
            server.inspect(|server| server.board().written(&config.name, app.cx.now(), written));
        };
        let noted = place.keep(&app.cx, status, self.keeping.refused.subscribe(), wrote);
        let watched = async {
            join(watch.run(&app.cx, tell), noted).await;
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = stopped_of(supervisor, &app.cx, &name) => ended,
            () = watched => unreachable!("it is waited for until the engine has ended"),
        };
        let has_worked = seen.borrow().last.as_ref().is_some_and(|last| last.result.is_some());
        self.has_worked.store(has_worked, Ordering::Relaxed);
        match (*server, &ended) {
            // It stays a failure for whoever asks.
            (Some(server), Err(_)) => server.board().end(&name),
            (Some(server), Ok(())) => server.board().leave(&name),
            (None, _) => {}
        }
        Ok(ended?)
    }

    /// What an application waits for of what this process keeps. What another process keeps is not known here, and is told.
    fn needs(&self) -> Vec<&str> {
        let is_kept = |need: &&str| self.member.all.iter().any(|name| name == need);
        let config = self.app.config();
        let needs = config.needs.iter().map(String::as_str);
        let (kept, others): (Vec<&str>, Vec<&str>) = needs.partition(is_kept);
        for need in others {
            self.app.screen.note(&format!(
                "{} {} needs {need}, which this process does not keep, and does not wait for it.",
                paint(YELLOW, "Warning:"),
                config.name
            ));
        }
        kept
    }
}

/// Whether an engine that ended may go on once it is opened anew: its state could not be read or written, and nothing of it is
/// damaged.
fn passes(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Storage | ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// Waits until an engine has ended by itself, or asks it to stop once the context is over.
async fn stopped_of(supervisor: &Supervisor, cx: &Cx, name: &str) -> Result<()> {
    let is_over = tokio::select! {
        ended = supervisor.ended_of(name) => return ended,
        () = cx.cancelled() => supervisor.remove(name).await,
    };
    // It may be out already, and stop just now.
    drop(is_over);
    supervisor.ended_of(name).await
}
