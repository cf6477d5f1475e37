//! `gitops run`: keeps the target equal to the source until stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::join;
use gitops_app::config::{Applications, Config};
use gitops_app::{Inputs, Refused, Reloaded, Roster, Taken, place};
use gitops_core::{Cx, Error, Result, Supervisor};
use gitops_server::{Followed, Following, Server};
use tokio::sync::watch;

use super::kept::Kept;
use super::{Ended, each};
use crate::app::App;
use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::output::style::{BOLD, YELLOW, escape, paint};

/// Ends only when asked to, at `--timeout`, or when going on would be unsafe. If the configuration changes, or a secret that
/// it names, what is under way is finished first; then it goes on with what the files say now.
pub async fn run(app: &App, args: &RunArgs) -> Ended {
    let cx = app.until_stopped().with_programs(args.programs.into());
    until_stopped(app, &cx, None).await
}

/// The same with a server that is told of it, and follows the requests of the repositories.
pub async fn until_stopped(app: &App, cx: &Cx, server: Option<&Server>) -> Ended {
    let applications = app.applications()?;
    // Before anything is opened: what changes after that is noticed.
    let inputs = Inputs::of(&applications);
    let first = Configured::new(app, cx, server, applications, &inputs)?;
    let is_alone = AtomicBool::new(first.chosen.len() == 1);
    let (supervisor, refused) = (Supervisor::new(AT_ONCE), watch::Sender::new(None));
    let keeping = Keeping { app, server, supervisor, is_alone, refused };
    let work = async {
        let ended = keeping.work(cx, first, inputs).await;
        cx.cancel();
        ended
    };
    let (ended, ()) = join(Box::pin(work), keeping.supervisor.run(cx)).await;
    ended.map(|exit| Exit::gravest([exit, stopped(app, server)]))
}

/// A configuration that can be used.
struct Configured {
    applications: Applications,
    /// Those that the command line means.
    chosen: Vec<Config>,
    following: Option<Following>,
}

impl Configured {
    /// A forge that can't be opened is found here, while what was there before is at work.
    fn new(
        app: &App,
        cx: &Cx,
        server: Option<&Server>,
        applications: Applications,
        inputs: &Inputs,
    ) -> Result<Self> {
        let chosen = match &app.chosen {
            Some(name) => vec![applications.named(name)?.clone()],
            None => applications.all.clone(),
        };
        let prepare = |server: &Server| server.prepare(cx, &applications, &chosen, inputs);
        let following = server.map(prepare).transpose()?;
        Ok(Self { applications, chosen, following })
    }
}

/// How many applications plan at once.
const AT_ONCE: usize = 16;

/// What a process keeps at work, while its configuration changes.
pub(super) struct Keeping<'a> {
    app: &'a App,
    pub server: Option<&'a Server>,
    pub supervisor: Supervisor,
    /// Whether the command has just begun with one application: if that can't be opened or go on, the command says so and ends.
    /// After a change of the configuration each is one of those that the files name, and is tried again.
    is_alone: AtomicBool,
    /// The configuration that the files hold now, if it can't be used.
    pub refused: watch::Sender<Option<Refused>>,
}

/// One application, and the names of all that this process keeps.
pub(super) struct Member {
    app: App,
    pub all: Vec<String>,
}

impl Keeping<'_> {
    /// Keeps all applications at work at once. None waits for another, and the end of one does not end the others. Whoever a change of
    /// the configuration does not concern goes on and notices nothing of it.
    async fn work(&self, cx: &Cx, first: Configured, mut inputs: Inputs) -> Ended {
        let (mut roster, mut reviews) = (Roster::new(), Roster::new());
        let mut exits: BTreeMap<String, Exit> = BTreeMap::new();
        self.take(cx, (&mut roster, &mut reviews), &first, &inputs, true).await;
        let failure = loop {
            let ended = tokio::select! {
                biased;
                ended = roster.next() => ended,
                () = follow(&mut reviews) => unreachable!("it goes on while this does"),
                reloaded = self.reloaded(cx, &inputs) => {
                    inputs = reloaded.inputs;
                    let usable = reloaded.usable;
                    self.is_alone.store(false, Ordering::Relaxed);
                    self.take(cx, (&mut roster, &mut reviews), &usable, &inputs, false).await;
                    // Who has ended begins anew, or is gone.
                    let ended = std::mem::take(&mut exits).into_keys();
                    ended.filter(|name| roster.get(name).is_none()).for_each(|name| self.forget(&name));
                    continue;
                }
            };
            let Some((name, ended, is_by_itself)) = ended else { break None };
            if !is_by_itself && roster.get(&name).is_none() {
                self.forget(&name);
            }
            match ended {
                Err(failure) if self.is_alone() => break Some(failure),
                Err(failure) => {
                    let why = output::error::human(&failure);
                    self.app.screen.complain(&format!("{} {why}", paint(BOLD, format_args!("[{name}]"))));
                    if is_by_itself {
                        exits.insert(name, failure.exit);
                    }
                }
                Ok(()) => {}
            }
        };
        // In good order: what was begun on a forge has come to its end.
        cx.cancel();
        while reviews.next().await.is_some() {}
        failure.map_or_else(|| Ok(Exit::gravest(exits.into_values())), Err)
    }

    pub fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    /// An application has left the configuration, and its engine has ended.
    fn forget(&self, name: &str) {
        // One that could not go on has its place still.
        let _ = self.supervisor.remove(name).now_or_never();
        if let Some(server) = self.server {
            server.board().leave(name);
            server.metrics().forget(name);
        }
    }

    /// Waits for a configuration that is another one and can be used.
    async fn reloaded(&self, cx: &Cx, inputs: &Inputs) -> Reloaded<Configured> {
        let Self { app, server, .. } = self;
        let kept = |error: Error| {
            server.inspect(|server| server.configured(false));
            self.refused.send_replace(Some(Refused::new(cx.now(), Some(error.to_string()))));
            app.screen.complain(&output::error::human(&error.into()));
            app.screen.note(&format!("{} goes on with the configuration as it was.", paint(YELLOW, "It")));
        };
        let usable = |applications, inputs: &Inputs| Configured::new(app, cx, *server, applications, inputs);
        inputs.reloaded(cx, || app.applications(), usable, kept).await
    }

    /// Takes a configuration over: only what differs from before is stopped, and begun anew.
    async fn take<'k>(
        &'k self,
        cx: &Cx,
        (roster, reviews): (&mut Applied<'k>, &mut Roster<'k, Arc<Followed>, ()>),
        configured: &Configured,
        inputs: &Inputs,
        is_first: bool,
    ) {
        let Configured { applications, chosen, following } = configured;
        let all: Vec<String> = chosen.iter().map(|config| config.name.clone()).collect();
        let member = |config: &Config| Member { app: self.app.of(applications, config), all: all.clone() };
        let wanted = chosen.iter().map(|config| (config.name.clone(), inputs.mark(config), member(config)));
        let are_apart = |one: &Member, other: &Member| {
            let both = [one.app.config().clone(), other.app.config().clone()];
            place::check_apart(&both).is_ok()
        };
        // Whoever needs one that stops hears of it before another one comes that needs it in turn.
        let taken = roster.take(cx, wanted, are_apart, |member, own| {
            let (app, whole) = (member.app.within(own), cx.clone());
            Box::pin(async move {
                let metrics = self.server.map(|server| server.metrics().of(&app.config().name));
                let (was_open, has_worked) = (AtomicBool::default(), AtomicBool::default());
                let kept = Kept { app, whole, metrics, member, keeping: self, was_open, has_worked };
                let ended = kept.until_open().await;
                // Its state is free, whatever became of it.
                kept.metrics.inspect(|metrics| metrics.leads(false));
                ended
            })
        });
        for name in taken.renewed.iter().chain(&taken.left) {
            // Once it was polled, it is out: what it needed is no part of the graph any more.
            let _ = self.supervisor.remove(name).now_or_never();
        }
        if let (Some(server), Some(following)) = (self.server, following) {
            server.take_up(following);
            server.configured(true);
            let wanted = following
                .each()
                .map(|followed| (followed.name().to_owned(), followed.mark(), followed.clone()));
            let _ = reviews.take(
                cx,
                wanted,
                |_, _| true,
                |followed, cx| Box::pin(async move { followed.run(&cx).await }),
            );
        }
        self.refused.send_replace(None);
        if !is_first {
            self.app.screen.note(&said(&taken));
        }
        each::orphans(self.app, applications).await;
    }
}

/// The applications at work.
type Applied<'k> = Roster<'k, Member, Result<(), Failure>>;

/// What came of a change of the configuration, for people.
fn said(taken: &Taken) -> String {
    let parts = [
        ("begun anew", &taken.renewed),
        ("new", &taken.begun),
        ("gone, and what it owns stays", &taken.left),
    ];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> =
        parts.map(|(what, names)| format!("{} ({what})", escape(&names.join(", ")))).collect();
    match parts.is_empty() {
        true => "The configuration changed: no application differs.".to_owned(),
        false => format!("The configuration changed: {}. All others go on.", parts.join("; ")),
    }
}

/// Works on the requests of repositories as long as it is polled.
async fn follow(reviews: &mut Roster<'_, Arc<Followed>, ()>) {
    while reviews.next().await.is_some() {}
    std::future::pending::<()>().await;
}

fn stopped(app: &App, server: Option<&Server>) -> Exit {
    let again = app.command(if server.is_some() { "serve" } else { "run" });
    app.screen.note(&format!("Stopped: every change that was sent is recorded. Go on:  {again}"));
    match app.interrupt.is_pressed() {
        true => Exit::Interrupted,
        false => Exit::Ok,
    }
}
