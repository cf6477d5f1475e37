//! Puts the engine together from the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::directory::FileRender;
use gitops_core::journal::MemoryJournalIo;
use gitops_core::{
    AuditEntry, Commit, Directory, Engine, ErrorKind, EventSink, FileAudit, Key, Live, Memory, MemoryAudit,
    MemoryStore,
};
use gitops_core::{Options, Plan, Provenance, Result, Revision, Scope, State, StateDir, Target};

use crate::app::App;
use crate::config::Config;
use crate::output::style::{YELLOW, escape, paint};
use crate::source;

/// The name under which keys call the folder.
const TARGET: &str = "dir";

/// One application, ready to work.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The configuration that it was made from.
    pub config: Config,
    target: Arc<dyn Target>,
}

/// What a verb does with state and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looks, also while another process is at work; makes and changes nothing.
    Look,
    /// Takes the state for itself.
    Write,
}

impl Session {
    /// Reads the configuration and opens source, target and state.
    ///
    /// # Errors
    /// `Invalid` with diagnostics for faults of the configuration; `Locked` if another process has the state;
    /// whatever keeps source or target from being opened.
    pub async fn open(app: &App, access: Access, events: Arc<dyn EventSink>) -> Result<Self> {
        let config = app.config()?;
        let source = source::open(&app.cx, &config)?;
        let state = match access {
            Access::Look => look(&config.state)?,
            Access::Write => StateDir::open(&config.state, &app.cx)?.into(),
        };
        let target = target(&config.root, access)?;
        let sync = &config.sync;
        let engine = Engine::builder(&config.name)
            .source(source)
            .render(Arc::new(FileRender::new(TARGET)))
            .target(TARGET, target.clone())
            .options(Options::default().prune(sync.prune).drift(sync.drift).adopt(sync.adopt))
            .events(events)
            .state(state)
            .open(&app.cx)
            .await?;
        Ok(Self { engine, config, target })
    }

    /// Says on standard error that the application is held to a revision, if it is.
    pub async fn note_pin(&self, app: &App) -> Result<()> {
        if let Some(pin) = self.engine.pinned(&app.cx).await? {
            let held = escape(&format!("to {} by {} since {}", pin.revision, pin.by, pin.since));
            let end = app.command("rollback --end");
            app.screen.note(&format!("{} {held}; `{end}` follows the source again.", paint(YELLOW, "Held")));
        }
        Ok(())
    }

    /// The keys of everything that is declared or owned.
    pub fn keys(&self) -> Vec<Key> {
        let declared = self.engine.desired().into_iter().flat_map(|desired| desired.objects().keys());
        declared.chain(self.engine.inventory().entries().keys()).cloned().collect()
    }

    /// An object as it is now.
    pub async fn live(&self, app: &App, key: &Key) -> Result<Option<Live>> {
        let scope: Scope = std::iter::once(key.clone()).collect();
        Ok(self.target.observe(&app.cx, &scope).await?.pop())
    }

    /// The commit that last changed a declaration, as the plan's revision has it; for a deleted object the commit
    /// that deleted it.
    pub async fn last_commit(&self, app: &App, plan: &Plan, place: &Provenance) -> Result<Option<Commit>> {
        let Some(history) = self.engine.source().history() else { return Ok(None) };
        if place.line > 0 {
            return history.blame(&app.cx, &plan.revision, &place.path, place.line).await.map(Some);
        }
        Ok(history.log(&app.cx, &plan.revision, &place.path, 1).await?.into_iter().next())
    }

    /// The first line of a revision's message, where the source still knows the revision.
    pub async fn summary(&self, app: &App, revision: &Revision) -> Option<String> {
        let commit = self.engine.source().history()?.describe(&app.cx, revision).await.ok()?;
        Some(commit.summary)
    }

    /// Where the audit log is.
    pub fn audit_path(&self) -> PathBuf {
        audit_path(&self.config)
    }
}

/// Where an application's audit log is, be there one or not.
pub fn audit_path(config: &Config) -> PathBuf {
    match StateDir::peek(&config.state) {
        Ok(peek) => peek.audit_path(),
        Err(_) => config.state.join("audit.jsonl"),
    }
}

/// The newest entries of an audit log, the newest last; none if there is no log.
pub fn audit_entries(path: &Path, limit: usize) -> Result<Vec<AuditEntry>> {
    match path.exists() {
        true => FileAudit::read(path, limit),
        false => Ok(Vec::new()),
    }
}

/// The state as it is; an application that was never applied has an empty one. What is written to it is lost.
fn look(path: &Path) -> Result<State> {
    match StateDir::peek(path) {
        Ok(peek) => Ok(State {
            store: peek.store(),
            journal: Box::new(peek.journal_io()),
            audit: Arc::new(MemoryAudit::new()),
            guard: None,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(State {
            store: Arc::new(MemoryStore::default()),
            journal: Box::new(MemoryJournalIo::new()),
            audit: Arc::new(MemoryAudit::new()),
            guard: None,
        }),
        Err(error) => Err(error),
    }
}

/// The folder. A look must not make it: one that is not there has no files.
fn target(root: &Path, access: Access) -> Result<Arc<dyn Target>> {
    match access == Access::Look && !root.exists() {
        true => Ok(Arc::new(Memory::new())),
        false => Ok(Arc::new(Directory::open(root, TARGET)?)),
    }
}
