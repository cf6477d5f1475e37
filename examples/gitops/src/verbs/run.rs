//! `gitops run`: keeps the target equal to the source until stopped.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{join, join_all};
use gitops_app::Inputs;
use gitops_app::config::{Applications, Config};
use gitops_app::forge::Environment;
use gitops_app::rollback::{Step, Watch};
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, Error, Event, EventSink, Result, Supervisor};
use gitops_server::Server;

use super::{Ended, each};
use crate::app::App;
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::output::style::{YELLOW, escape, paint};
use crate::progress;

/// Ends only when asked to, at `--timeout`, or when going on would be unsafe. If the configuration changes, or a secret that
/// it names, what is under way is finished first; then it goes on with what the files say now.
pub async fn run(app: &App, args: &RunArgs) -> Ended {
    let cx = app.until_stopped().with_programs(args.programs.into());
    until_stopped(app, &cx, None).await
}

/// The same with a server that is told of it, and follows the requests of the repositories.
pub async fn until_stopped(app: &App, cx: &Cx, server: Option<&Server>) -> Ended {
    let mut applications = app.applications()?;
    let mut chosen = choose(app, &applications)?;
    // A forge that can't be opened is found while what was there before is at work.
    let usable = |applications: Applications| {
        let chosen = choose(app, &applications)?;
        server.map_or(Ok(()), |_| Server::check(cx, &chosen))?;
        Ok((applications, chosen))
    };
    let kept = |error: Error| {
        app.screen.complain(&output::error::human(&error.into()));
        app.screen.note(&format!("{} goes on with the configuration as it was.", paint(YELLOW, "It")));
    };
    let mut is_first = true;
    loop {
        each::orphans(app, &applications).await;
        let inner = cx.child();
        let work = Work { app, applications: &applications, chosen: &chosen, is_first, server };
        let mut work = Box::pin(work.keep_all(&inner));
        let reloaded = tokio::select! {
            ended = &mut work => return ended.map(|exit| Exit::gravest([exit, stopped(app, server)])),
            reloaded = Inputs::of(&applications).reloaded(cx, || app.applications(), usable, kept) => reloaded,
        };
        app.screen.note("The configuration changed: what is under way is finished, then it is taken over.");
        inner.cancel();
        work.await?;
        (applications, chosen) = reloaded;
        is_first = false;
    }
}

/// The applications that the command line means.
fn choose(app: &App, applications: &Applications) -> Result<Vec<Config>> {
    match &app.chosen {
        Some(name) => Ok(vec![applications.named(name)?.clone()]),
        None => Ok(applications.all.clone()),
    }
}

/// How many applications plan at once.
const AT_ONCE: usize = 16;

/// What is kept at work with one configuration.
struct Work<'a> {
    app: &'a App,
    applications: &'a Applications,
    chosen: &'a [Config],
    /// Whether it is the configuration that the command began with.
    is_first: bool,
    server: Option<&'a Server>,
}

impl Work<'_> {
    /// Keeps all applications at work at once. None waits for another, and the end of one does not end the others.
    async fn keep_all(&self, cx: &Cx) -> Ended {
        let supervisor = Supervisor::new(AT_ONCE);
        let following = match self.server {
            Some(server) => Some(server.follow(cx, self.applications, self.chosen)?),
            None => None,
        };
        let mut work = pin!(self.keep_each(cx, &supervisor));
        // Ends when it is asked to, and then in good order.
        let others = async {
            if let Some(following) = &following {
                following.run(cx).await;
            }
        };
        let mut others = pin!(join(supervisor.run(cx), others));
        tokio::select! {
            biased;
            ended = &mut work => {
                cx.cancel();
                others.await;
                ended
            }
            // All that were started have stopped. One that is only being opened is not waited for.
            _ = &mut others => work.now_or_never().unwrap_or(Ok(Exit::Ok)),
        }
    }

    async fn keep_each(&self, cx: &Cx, supervisor: &Supervisor) -> Ended {
        let keeps = |config: &Config| Kept {
            app: self.app.of(self.applications, config),
            chosen: self.chosen,
            supervisor,
            server: self.server,
        };
        if let ([config], true) = (self.chosen, self.is_first) {
            let kept = keeps(config);
            let session = Box::pin(kept.open()).await?;
            Box::pin(kept.keep(session)).await?;
            return Ok(Exit::Ok);
        }
        let each = self.chosen.iter().map(|config| async move {
            let kept = keeps(config);
            let failure = Box::pin(kept.until_open(cx)).await.err()?;
            kept.app.screen.complain(&output::error::human(&failure));
            Some(failure.exit)
        });
        Ok(Exit::gravest(join_all(each).await.into_iter().flatten()))
    }
}

/// One application that is kept at work.
struct Kept<'a> {
    app: App,
    /// All that this process keeps.
    chosen: &'a [Config],
    supervisor: &'a Supervisor,
    server: Option<&'a Server>,
}

impl Kept<'_> {
    /// An application that can't be opened, because its target is away or another process has its state, is tried again.
    async fn until_open(&self, cx: &Cx) -> Result<(), Failure> {
        let (mut told, name) = (None, &self.app.config().name);
        while !cx.is_cancelled() {
            match Box::pin(self.open()).await {
                Ok(session) => return Box::pin(self.keep(session)).await,
                Err(error) => {
                    if let Some(server) = self.server {
                        server.board().fail(name);
                        server.metrics().not_opened(name);
                    }
                    let text = escape(&error.with_help());
                    if told.as_ref() != Some(&text) {
                        self.app
                            .screen
                            .note(&format!("[{name}] can't be opened, and is tried again: {text}"));
                    }
                    told = Some(text);
                }
            }
            if cx.sleep(self.app.config().sync.interval).await.is_err() {
                break;
            }
        }
        self.server.inspect(|server| server.board().leave(name));
        Ok(())
    }

    async fn open(&self) -> Result<Session> {
        let name = &self.app.config().name;
        self.server.inspect(|server| server.board().expect(name));
        let stream = progress::stream(&self.app);
        let events: Arc<dyn EventSink> = match self.server {
            None => stream,
            Some(server) => {
                let metrics = server.metrics().of(name);
                Arc::new(move |event: &Event| {
                    stream.event(event);
                    metrics.event(event);
                })
            }
        };
        self.app.open(Access::Write, events).await
    }

    /// Returns once the engine has ended.
    async fn keep(&self, session: Session) -> Result<(), Failure> {
        let app = &self.app;
        app.note_orders(&session).await?;
        let targets: Vec<String> = session.config.targets.iter().map(ToString::to_string).collect();
        let (targets, name) = (escape(&targets.join(", ")), &session.config.name);
        app.screen.note(&format!("Keeping {targets} equal to what {name} declares; Ctrl-C stops."));
        let (name, interval) = (name.clone(), session.config.sync.interval);
        let config = session.config.clone();
        let handle = self.supervisor.add(session.engine, &self.needs(), interval)?;
        self.server.inspect(|server| server.board().open(&name, handle.clone()));
        let job = Environment::of(|name| std::env::var(name).ok()).ok().flatten();
        let watch = Watch::new(&app.cx, &config, handle, job.as_ref());
        let tell = |step: &Step| app.screen.note(&format!("[{}] {}", config.name, escape(&step.to_string())));
        let watched = async {
            watch.run(&app.cx, tell).await;
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = self.supervisor.ended_of(&name) => ended,
            () = watched => unreachable!("it is waited for until the engine has ended"),
        };
        match (self.server, &ended) {
            // It stays a failure for whoever asks.
            (Some(server), Err(_)) => server.board().end(&name),
            (Some(server), Ok(())) => server.board().leave(&name),
            (None, _) => {}
        }
        Ok(ended?)
    }

    /// What an application waits for of what this process keeps. What another process keeps is not known here, and is told.
    fn needs(&self) -> Vec<&str> {
        let is_kept = |need: &&str| self.chosen.iter().any(|config| config.name == *need);
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

fn stopped(app: &App, server: Option<&Server>) -> Exit {
    let again = app.command(if server.is_some() { "serve" } else { "run" });
    app.screen.note(&format!("Stopped: every change that was sent is recorded. Go on:  {again}"));
    match app.interrupt.is_pressed() {
        true => Exit::Interrupted,
        false => Exit::Ok,
    }
}
