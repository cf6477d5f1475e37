//! `gitops run`: keeps the target equal to the source until stopped.

use std::pin::pin;

use futures::FutureExt;
use futures::future::join_all;
use gitops_app::Inputs;
use gitops_app::config::{Applications, Config};
use gitops_app::session::{Access, Session};
use gitops_core::{Cx, Error, Result, Supervisor};

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
    let (mut applications, mut chosen) = load(app)?;
    let kept = |error: Error| {
        app.screen.complain(&output::error::human(&error.into()));
        app.screen.note(&format!("{} goes on with the configuration as it was.", paint(YELLOW, "It")));
    };
    let mut is_first = true;
    loop {
        each::orphans(app, &applications).await;
        let inner = cx.child();
        let mut work = Box::pin(keep_all(app, &applications, &chosen, is_first, &inner));
        let reloaded = tokio::select! {
            ended = &mut work => return ended.map(|exit| Exit::gravest([exit, stopped(app)])),
            reloaded = Inputs::of(&applications).reloaded(&cx, || load(app), kept) => reloaded,
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

fn load(app: &App) -> Result<(Applications, Vec<Config>)> {
    let applications = app.applications()?;
    let chosen = choose(app, &applications)?;
    Ok((applications, chosen))
}

/// How many applications plan at once.
const AT_ONCE: usize = 16;

/// Keeps all applications at work at once. None waits for another, and the end of one does not end the others.
async fn keep_all(
    app: &App,
    applications: &Applications,
    chosen: &[Config],
    is_first: bool,
    cx: &Cx,
) -> Ended {
    let supervisor = Supervisor::new(AT_ONCE);
    let mut work = pin!(keep_each(app, applications, chosen, is_first, cx, &supervisor));
    let mut engines = pin!(supervisor.run(cx));
    tokio::select! {
        biased;
        ended = &mut work => {
            cx.cancel();
            engines.await;
            ended
        }
        // All that were started have stopped. One that is only being opened is not waited for.
        () = &mut engines => work.now_or_never().unwrap_or(Ok(Exit::Ok)),
    }
}

async fn keep_each(
    app: &App,
    applications: &Applications,
    chosen: &[Config],
    is_first: bool,
    cx: &Cx,
    supervisor: &Supervisor,
) -> Ended {
    if let ([config], true) = (chosen, is_first) {
        let app = app.of(applications, config);
        let session = app.open(Access::Write, progress::stream(&app)).await?;
        keep(&app, session, chosen, supervisor).await?;
        return Ok(Exit::Ok);
    }
    let each = chosen.iter().map(|config| async {
        let app = app.of(applications, config);
        let failure = until_open(&app, cx, chosen, supervisor).await.err()?;
        app.screen.complain(&output::error::human(&failure));
        Some(failure.exit)
    });
    Ok(Exit::gravest(join_all(each).await.into_iter().flatten()))
}

/// An application that can't be opened, because its target is away or another process has its state, is tried again.
async fn until_open(app: &App, cx: &Cx, chosen: &[Config], supervisor: &Supervisor) -> Result<(), Failure> {
    let mut told = None;
    while !cx.is_cancelled() {
        match app.open(Access::Write, progress::stream(app)).await {
            Ok(session) => return keep(app, session, chosen, supervisor).await,
            Err(error) => {
                let text = escape(&error.with_help());
                if told.as_ref() != Some(&text) {
                    let name = &app.config().name;
                    app.screen.note(&format!("[{name}] can't be opened, and is tried again: {text}"));
                }
                told = Some(text);
            }
        }
        if cx.sleep(app.config().sync.interval).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Returns once the engine has ended.
async fn keep(
    app: &App,
    session: Session,
    chosen: &[Config],
    supervisor: &Supervisor,
) -> Result<(), Failure> {
    app.note_pin(&session).await?;
    let targets: Vec<String> = session.config.targets.iter().map(ToString::to_string).collect();
    let (targets, name) = (escape(&targets.join(", ")), &session.config.name);
    app.screen.note(&format!("Keeping {targets} equal to what {name} declares; Ctrl-C stops."));
    let (name, interval) = (name.clone(), session.config.sync.interval);
    let needs = needs(app, chosen);
    supervisor.add(session.engine, &needs, interval)?;
    Ok(supervisor.ended_of(&name).await?)
}

/// What an application waits for of what this process keeps. What another process keeps is not known here, and is told.
fn needs<'a>(app: &'a App, chosen: &[Config]) -> Vec<&'a str> {
    let is_kept = |need: &&str| chosen.iter().any(|config| config.name == *need);
    let needs = app.config().needs.iter().map(String::as_str);
    let (kept, others): (Vec<&str>, Vec<&str>) = needs.partition(is_kept);
    for need in others {
        let name = &app.config().name;
        app.screen.note(&format!(
            "{} {name} needs {need}, which this process does not keep, and does not wait for it.",
            paint(YELLOW, "Warning:")
        ));
    }
    kept
}

fn stopped(app: &App) -> Exit {
    let again = app.command("run");
    app.screen.note(&format!("Stopped: every change that was sent is recorded. Go on:  {again}"));
    match app.interrupt.is_pressed() {
        true => Exit::Interrupted,
        false => Exit::Ok,
    }
}
