//! What every verb works with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gitops_app::config::{Applications, Config};
use gitops_app::documents::Document;
use gitops_app::session::{Access, Moving, Session};
use gitops_app::{Backends, Clusters};
use gitops_core::{ApprovalCheck, Cx, EventSink, Pin, Result, Suspension};

use crate::cli::{Global, MovingArgs};
use crate::interrupt::Interrupt;
use crate::many::Many;
use crate::output::Screen;
use crate::output::style::{YELLOW, escape, paint};
use crate::output::when;

/// What every verb works with.
#[derive(Clone)]
pub struct App {
    /// Ends with the first Ctrl-C or at `--timeout`.
    pub cx: Cx,
    /// The same without `--timeout`.
    unbounded: Cx,
    /// Where answers and progress go.
    pub screen: Screen,
    /// Whether somebody pressed Ctrl-C.
    pub interrupt: Interrupt,
    /// The configuration's file, or a folder of such files.
    pub file: PathBuf,
    /// The name of the application that the command line chooses.
    pub chosen: Option<String>,
    /// The connections that applications share.
    clusters: Clusters,
    /// How many events were written as documents.
    pub events: Arc<AtomicU64>,
    /// The application that the verb works with, once the configuration was read.
    application: Option<Arc<Config>>,
    /// Whether the configuration may hold others.
    is_one_of_several: bool,
    /// What other applications tell, where the verb works with all of them.
    many: Option<Arc<Many>>,
}

impl App {
    /// Takes over what the command line says for every verb; the runtime must be running.
    pub fn new(global: &Global) -> Result<Self> {
        let unbounded = Cx::system();
        let cx = global.timeout.map_or_else(|| unbounded.clone(), |timeout| unbounded.within(timeout));
        let screen = Screen::new(global);
        let interrupt = Interrupt::listen(cx.clone(), screen)?;
        Ok(Self {
            cx,
            unbounded,
            screen,
            interrupt,
            file: global.file.clone(),
            chosen: global.application.clone(),
            clusters: Clusters::new(),
            events: Arc::new(AtomicU64::new(1)),
            application: None,
            is_one_of_several: false,
            many: None,
        })
    }

    /// The same for one application of the configuration.
    pub fn of(&self, applications: &Applications, config: &Config) -> Self {
        let application = Some(Arc::new(config.clone()));
        Self { application, is_one_of_several: applications.is_list, ..self.clone() }
    }

    /// The same with another application chosen.
    pub fn choosing(&self, chosen: Option<String>) -> Self {
        Self { chosen, ..self.clone() }
    }

    /// The same until a context ends.
    pub fn within(&self, cx: Cx) -> Self {
        Self { cx, ..self.clone() }
    }

    /// The same for one of several applications that a verb works with, which tells the others' teller.
    pub fn among(&self, applications: &Applications, config: &Config, many: &Arc<Many>) -> Self {
        Self { many: Some(many.clone()), ..self.of(applications, config) }
    }

    /// A context for what goes on until it is stopped: at `--timeout` it is cancelled, which ends it in good order,
    /// and no reconciliation of it has a deadline.
    pub fn until_stopped(&self) -> Cx {
        let (cx, unbounded) = (self.cx.clone(), self.unbounded.clone());
        tokio::spawn(async move {
            // Ends at the deadline, which is an error, or is never heard of again.
            let _ = cx.bounded(std::future::pending::<Result<()>>()).await;
            unbounded.cancel();
        });
        self.unbounded.clone()
    }

    /// Reads the configuration.
    pub fn applications(&self) -> Result<Applications> {
        Applications::load(&self.file, &Backends::new())
    }

    /// The connections that applications share.
    pub fn clusters(&self) -> Clusters {
        self.clusters.clone()
    }

    /// The application that the verb works with.
    pub fn config(&self) -> &Config {
        self.application.as_deref().expect("a verb that works with an application runs once one is chosen")
    }

    /// The application's name, where there may be others.
    pub fn name(&self) -> Option<&str> {
        self.application.as_deref().filter(|_| self.is_one_of_several).map(|config| config.name.as_str())
    }

    /// Whether the verb works with several applications.
    pub fn many(&self) -> Option<&Many> {
        self.many.as_deref()
    }

    /// Writes the answer: the text for people, or the document. Of several applications the documents become one.
    ///
    /// # Errors
    /// As [`Screen::answer`].
    pub fn answer<D: Document>(&self, document: &D, human: impl FnOnce() -> String) -> Result<()> {
        match self.many() {
            Some(many) if self.screen.is_json() => {
                many.take(document);
                Ok(())
            }
            _ => self.screen.answer(document, human),
        }
    }

    /// Opens the application.
    ///
    /// # Errors
    /// As [`SessionBuilder::open`](gitops_app::session::SessionBuilder::open).
    pub async fn open(&self, access: Access, events: Arc<dyn EventSink>) -> Result<Session> {
        self.open_moving(access, events, &MovingArgs::default()).await
    }

    /// The same for what is written into the state alone: no target is made that is not there.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_for_orders(&self, events: Arc<dyn EventSink>) -> Result<Session> {
        let session = Session::builder(self.config()).access(Access::Write).events(events).only_orders();
        session.clusters(self.clusters.clone()).open(&self.cx).await
    }

    /// The same for what asks whether approvals of reviews still stand before it goes by them.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_checking(
        &self,
        access: Access,
        events: Arc<dyn EventSink>,
        check: Option<Arc<dyn ApprovalCheck>>,
    ) -> Result<Session> {
        let session = Session::builder(self.config()).access(access).events(events).approval_check(check);
        session.clusters(self.clusters.clone()).open(&self.cx).await
    }

    /// The same for a state that may move to another name of the application, or to another source or place.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_moving(
        &self,
        access: Access,
        events: Arc<dyn EventSink>,
        moving: &MovingArgs,
    ) -> Result<Session> {
        let session =
            Session::builder(self.config()).access(access).events(events).clusters(self.clusters.clone());
        session.moving(Moving::from(moving)).open(&self.cx).await
    }

    /// Says on standard error that the application is pinned to a revision, or suspended, if it is.
    pub async fn note_orders(&self, session: &Session) -> Result<()> {
        if let Some(pin) = session.engine.pinned(&self.cx).await? {
            let ahead = ahead_of(&pin);
            let since = when::both(self.cx.now(), pin.since);
            let pinned = escape(&format!("to {} by {} since {since}{ahead}", pin.revision, pin.by));
            let end = self.command("rollback --end");
            self.screen
                .note(&format!("{} {pinned}; `{end}` follows the source again.", paint(YELLOW, "Pinned")));
        }
        if let Some(Suspension { reason, by, since, .. }) = session.engine.suspended(&self.cx).await? {
            let since = when::both(self.cx.now(), since);
            let why = escape(&format!("by {by} since {since}: {reason}"));
            let end = self.command("resume");
            self.screen
                .note(&format!("{} {why}. Nothing is written until `{end}`.", paint(YELLOW, "Suspended")));
        }
        Ok(())
    }

    /// A command for the person to type next, with the file if it is not the usual one, and the application if there may be
    /// others.
    pub fn command(&self, verb: &str) -> String {
        let file = match self.file.to_str() {
            Some("gitops.yaml") => String::new(),
            _ => format!(" -f {}", quoted(&self.file.to_string_lossy())),
        };
        let application = self.name().map(|name| format!(" -a {name}")).unwrap_or_default();
        format!("gitops{file}{application} {verb}")
    }
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c));
    match plain {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// That a pin is a request's head which is applied before its merge, as the end of a line.
pub fn ahead_of(pin: &Pin) -> String {
    let said = |request: &String| format!("; it is ahead of the branch until {request} is merged or closed");
    pin.ahead_of.as_ref().map(said).unwrap_or_default()
}
