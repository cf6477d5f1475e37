//! From a configuration to a session.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gitops_core::{
    ApprovalCheck, Cx, Digest, Engine, EngineBuilder, ErrorKind, Event, EventSink, Gate, MemoryAudit,
    Options, Result, Secret, SecretKey, Source, State, StateDir,
};

use super::{Access, AtWork, Moving, Session};
use crate::clusters::Clusters;
use crate::config::{Config, TargetKind};
use crate::gates;
use crate::heard::Heard;
use crate::home::{self, ClusterState, Home};
use crate::known;
use crate::mounting::Mounting;
use crate::orphans;
use crate::place;
use crate::source;
use crate::targets;

/// Puts a [`Session`] together.
#[must_use]
pub struct SessionBuilder {
    config: Config,
    access: Access,
    events: Arc<dyn EventSink>,
    moving: Moving,
    home: Option<Home>,
    clusters: Clusters,
    approval_check: Option<Arc<dyn ApprovalCheck>>,
    only_orders: bool,
}

impl SessionBuilder {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            access: Access::Look,
            events: Arc::new(|_: &Event| {}),
            moving: Moving::default(),
            home: None,
            clusters: Clusters::default(),
            approval_check: None,
            only_orders: false,
        }
    }

    /// What is done with state and targets; [`Access::Look`] without it.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// The state may be written and the targets are looked at alone, also with [`Access::Write`]: for what a person orders, such
    /// as a suspension. Nothing is made of a target that is not there yet.
    pub fn only_orders(mut self) -> Self {
        self.only_orders = true;
        self
    }

    /// Somebody who is told of everything that happens.
    pub fn events(mut self, events: Arc<dyn EventSink>) -> Self {
        self.events = events;
        self
    }

    /// What the state may move to.
    pub fn moving(mut self, moving: Moving) -> Self {
        self.moving = moving;
        self
    }

    /// Keeps the state elsewhere than in the state folder, which then holds only what can be fetched again.
    pub fn home(mut self, home: Home) -> Self {
        self.home = Some(home);
        self
    }

    /// Shares connections and watches with other sessions that were given the same.
    pub fn clusters(mut self, clusters: Clusters) -> Self {
        self.clusters = clusters;
        self
    }

    /// Who is asked, before something is applied by an approval that was given in a review, whether that still stands: for an application
    /// that is kept at work, [its forge](crate::review::OnForge).
    pub fn approval_check(mut self, check: Option<Arc<dyn ApprovalCheck>>) -> Self {
        self.approval_check = check;
        self
    }

    /// Opens source, targets and state.
    ///
    /// # Errors
    /// `Invalid` with diagnostics for faults of the configuration; `Locked` if another process has the state, or a cluster keeps it
    /// and it is to be written: that takes the lease of the application, and [`home`](Self::home);
    /// whatever keeps source or targets from being opened.
    pub async fn open(self, cx: &Cx) -> Result<Session> {
        // Whoever opens one need not carry all of what that takes.
        Box::pin(self.opened(cx)).await
    }

    async fn opened(self, cx: &Cx) -> Result<Session> {
        let Self { config, access, events, moving, home, clusters, approval_check, only_orders } = self;
        let of_targets = if only_orders { Access::Look } else { access };
        let is_folder = home.is_none() && config.home.is_none();
        let config = match is_folder {
            true => place::checked(cx, config, moving.renamed_from.as_deref()).await?,
            false => config,
        };
        let heard = Arc::new(Heard::new(events));
        let git = source::open(cx, &config)?;
        let cluster = match &home {
            None => Box::pin(ClusterState::of(cx, &config)).await?,
            Some(_) => None,
        };
        let (home, has_state) = match (home, &cluster) {
            (Some(home), _) => (home, true),
            (None, Some(_)) if access == Access::Write => return Err(home::locked(&config)),
            (None, Some(cluster)) => Box::pin(cluster.seen(cx)).await?,
            (None, None) => folder(cx, &config, access).await?,
        };
        let Home { state, audit_log, secrets, root_states, recover_from_store } = home;
        let mark = has_state.then(|| Secret::new("\0the mark of a state", &secrets).digest());
        let (sync, audit) = (&config.sync, state.audit().clone());
        let builder = Engine::builder(&config.name)
            .source(Arc::new(git.clone()))
            .options(Options::default().prune(sync.prune).drift(sync.drift).adopt(sync.adopt))
            .ready_timeout(sync.ready_timeout)
            .events(heard.clone())
            // An order says nothing of a source: an emergency stop can be ended wherever that is by now.
            .rebind(moving.rebind || only_orders)
            .state(state)
            .recover_from_store(recover_from_store);
        let builder = approval_check.into_iter().fold(builder, EngineBuilder::approval_check);
        let mut builder = moving.renamed_from.iter().fold(builder, EngineBuilder::renamed_from);
        let (mut opened, mut roots) = (BTreeMap::new(), BTreeMap::new());
        let has_roots = config.targets.iter().any(|target| matches!(target.kind, TargetKind::Terraform(_)));
        let left = match has_roots && is_folder {
            true => orphans::roots_that_were_left(cx, &config, &git.info().name).await,
            false => BTreeMap::new(),
        };
        for target in &config.targets {
            let mounting = Mounting {
                cx: cx.clone(),
                application: config.name.clone(),
                target: target.name.clone(),
                path: target.path.clone(),
                access: of_targets,
                secrets: secrets.clone(),
                audit: audit.clone(),
                events: heard.clone(),
                folder: config.state.join(target.kind.folder()).join(&target.name),
                base: config.base().to_owned(),
            };
            let states = root_states.as_ref().map(|states| states(&target.name));
            let found = targets::open(&config, target, mounting, (states, &left), &clusters).await?;
            opened.insert(target.name.clone(), found.mount.target().clone());
            roots.extend(found.roots.map(|found| (target.name.clone(), found)));
            builder = builder.mount(&target.name, &target.path, found.mount);
        }
        if is_folder {
            // Of what the debug form holds no secret is shown, and all of the set-up is.
            let setup = Digest::of(format!("{config:?}").as_bytes());
            builder = builder.keep_in(config.state.join(KEPT), setup);
        }
        let gates = config.gates.iter().map(|gate| Arc::new(gate.clone()) as Arc<dyn Gate>);
        let gates = gates.chain(gates::of(&config)?);
        let engine = gates.fold(builder, EngineBuilder::gate).open(cx).await?;
        if is_folder && access == Access::Write {
            known::remember(&config)?;
        }
        let audit_log =
            audit_log.unwrap_or_else(|| home::of_folder_renamed(&config, moving.renamed_from.as_deref()));
        let at_work = match cluster {
            Some(cluster) => AtWork::InCluster(Box::new(cluster)),
            None if is_folder => AtWork::InFolder,
            None => AtWork::Here,
        };
        let mut session = Session {
            engine,
            config,
            git,
            has_state,
            mark,
            targets: opened,
            roots,
            heard,
            audit: audit_log,
            at_work,
        };
        if access == Access::Look {
            // What a process at work does not correct, no plan that somebody looks at may promise. A lock that can't be read is
            // told by who asks for it.
            let runner = session.runner(cx).await.ok().flatten();
            let noted = runner.map(|runner| runner.noted).unwrap_or_default();
            let held = noted.contested.into_iter().map(|held| (held.key, held.until));
            session.engine.held_elsewhere(held.collect());
            let doubted = noted.doubted.into_iter().map(|doubted| (doubted.approval, doubted.reason()));
            session.engine.doubted_elsewhere(doubted.collect());
        }
        Ok(session)
    }
}

/// The file in the state folder in which an engine keeps what its last plan knew.
const KEPT: &str = "~plan";

/// The state folder, and whether it has a state. To look at it takes no lock, and nothing is written.
async fn folder(cx: &Cx, config: &Config, access: Access) -> Result<(Home, bool)> {
    let path = config.state.clone();
    let open = move |cx: &Cx| -> Result<_> {
        match access {
            Access::Look => look(&path),
            Access::Write => {
                let folder = StateDir::open(&path, cx)?;
                let secrets = folder.secret_key(cx)?;
                Ok((folder.into(), Some(secrets)))
            }
        }
    };
    let (state, secrets) = cx.off_thread(open).await??;
    // Where nothing was applied yet, no secret was compared yet.
    let has_state = secrets.is_some();
    let secrets = secrets.unwrap_or_else(|| SecretKey::new(cx.random_bytes()));
    Ok((Home { state, audit_log: None, secrets, root_states: None, recover_from_store: false }, has_state))
}

/// The state as it is, and the key of its secrets; an application that was never applied has an empty one. What is written
/// to it is lost.
fn look(path: &Path) -> Result<(State, Option<SecretKey>)> {
    match StateDir::peek(path) {
        Ok(peek) => {
            let secrets = peek.secret_key()?;
            Ok((State::from(peek).with_audit(Arc::new(MemoryAudit::new())), secrets))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((State::in_memory(), None)),
        Err(error) => Err(error),
    }
}
