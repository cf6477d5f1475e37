//! Puts the engine together from the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use gitops_core::capability::Readiness;
use gitops_core::journal::MemoryJournalIo;
use gitops_core::{
    Applied, AuditEntry, Commit, Diagnostic, Engine, EngineBuilder, Error, ErrorKind, EventSink, FileAudit,
    Gate, Key, Live, MemoryAudit, MemoryStore, Routes,
};
use gitops_core::{
    Options, OwnedState, Parts, Plan, Provenance, Result, Revision, Scope, SecretKey, State, StateDir, Target,
};

use crate::app::App;
use crate::config::{Config, TargetKind};
use crate::heard::Heard;
use crate::output::style::{YELLOW, escape, paint};
use crate::{rules, source, targets};

/// One application, ready to work.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The configuration that it was made from.
    pub config: Config,
    targets: BTreeMap<String, Arc<dyn Target>>,
    heard: Arc<Heard>,
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
        let heard = Arc::new(Heard::new(events));
        let source = source::open(&app.cx, &config)?;
        let (state, secrets) = match access {
            Access::Look => look(&config.state)?,
            Access::Write => {
                let folder = StateDir::open(&config.state, &app.cx)?;
                let secrets = folder.secret_key(&app.cx)?;
                (folder.into(), Some(secrets))
            }
        };
        // Where nothing was applied yet, no secret was compared yet.
        let secrets = secrets.unwrap_or_else(|| SecretKey::new(app.cx.random_bytes()));
        let (sync, audit) = (&config.sync, state.audit.clone());
        let mut builder = Engine::builder(&config.name)
            .source(source)
            .options(Options::default().prune(sync.prune).drift(sync.drift).adopt(sync.adopt))
            .ready_timeout(sync.ready_timeout)
            .events(heard.clone())
            .state(state);
        let (mut routes, mut targets, mut gates) = (Routes::new(), BTreeMap::new(), Vec::new());
        for target in &config.targets {
            let events = heard.clone();
            let opened = targets::open(&app.cx, &config, target, access, &secrets, &audit, events).await?;
            routes = routes.route(&target.path, opened.render);
            builder = builder.target(&target.name, opened.target.clone());
            if let Some(timeout) = target.ready_timeout() {
                builder = builder.ready_timeout_of(&target.name, timeout);
            }
            targets.insert(target.name.clone(), opened.target);
            gates.extend(opened.gate);
        }
        gates.extend(config.gates.iter().map(|gate| Arc::new(gate.clone()) as Arc<dyn Gate>));
        builder = gates.into_iter().fold(builder, EngineBuilder::gate);
        builder = rules::reviews(&config).into_iter().fold(builder, EngineBuilder::review);
        let engine = builder.render(Arc::new(routes)).open(&app.cx).await?;
        Ok(Self { engine, config, targets, heard })
    }

    /// What was remarked so far: by the engine, and by targets when they were asked.
    pub fn remarks(&self) -> Vec<Diagnostic> {
        self.heard.remarks()
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
        let Some(target) = self.targets.get(key.target()) else { return Ok(None) };
        let scope: Scope = std::iter::once(key.clone()).collect();
        Ok(target.observe(&app.cx, &scope).await?.pop())
    }

    /// What objects are made of, for targets that show it: the resources of root modules.
    pub async fn components(&self, app: &App) -> Result<Parts> {
        let mut found = Parts::new();
        for target in
            self.config.targets.iter().filter(|target| matches!(target.kind, TargetKind::Terraform(_)))
        {
            let scope: Scope = self.keys().into_iter().filter(|key| key.target() == target.name).collect();
            let live = self.targets[&target.name].observe(&app.cx, &scope).await?;
            found.extend(live.into_iter().map(|live| (live.key, live.components)));
        }
        Ok(found)
    }

    /// The objects of clusters that do not work at the moment, each with the reason. Nobody is waited for: each is looked at for
    /// a second, and all together for ten.
    pub async fn unready(&self, app: &App) -> Vec<(Key, Readiness)> {
        let all = app.cx.within(Duration::from_secs(10));
        let is_cluster = |name: &str| {
            let mut targets = self.config.targets.iter();
            targets.any(|target| target.name == name && matches!(target.kind, TargetKind::Kubernetes(_)))
        };
        let entries = self.engine.inventory().entries().iter();
        let asked = entries.filter(|(key, _)| is_cluster(key.target())).filter_map(|(key, entry)| {
            let health = self.targets.get(key.target())?.health()?;
            let applied = match entry.state {
                OwnedState::Deleting => Applied::Deleting,
                _ => Applied::Present { uid: entry.uid.clone()?, version: entry.version.clone()? },
            };
            let cx = all.within(Duration::from_secs(1));
            Some(async move {
                let readiness = health.ready(&cx, key, &applied).await;
                let unknown =
                    |error: Error| Readiness::Progressing(format!("it can't be looked at: {error}"));
                (key.clone(), readiness.unwrap_or_else(unknown))
            })
        });
        let asked: Vec<_> = asked.collect();
        let answers: Vec<_> = stream::iter(asked).buffered(16).collect().await;
        answers.into_iter().filter(|(_, readiness)| *readiness != Readiness::Ready).collect()
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

/// The state as it is, and the key of its secrets; an application that was never applied has an empty one. What is written to it is lost.
fn look(path: &Path) -> Result<(State, Option<SecretKey>)> {
    match StateDir::peek(path) {
        Ok(peek) => {
            let state = State {
                store: peek.store(),
                journal: Box::new(peek.journal_io()),
                audit: Arc::new(MemoryAudit::new()),
                guard: None,
            };
            Ok((state, peek.secret_key()?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let state = State {
                store: Arc::new(MemoryStore::default()),
                journal: Box::new(MemoryJournalIo::new()),
                audit: Arc::new(MemoryAudit::new()),
                guard: None,
            };
            Ok((state, None))
        }
        Err(error) => Err(error),
    }
}
