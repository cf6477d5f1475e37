//! An application that is ready to work: the engine, put together from the configuration.

mod builder;
mod unready;

pub use crate::mounting::Access;
pub use builder::SessionBuilder;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use gitops_core::{
    AuditLog, Commit, Cx, Diagnostic, Digest, Engine, EntryKind, ErrorKind, Key, Live, Parts, Result,
    Revision, Scope, StateDir, Target,
};
use gitops_git::GitSource;
use gitops_terraform::Terraform;

use crate::config::{Config, TargetKind};
use crate::heard::Heard;
use crate::home::ClusterState;
use crate::runner::Runner;

/// One application, ready to work.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The configuration that it was made from.
    pub config: Config,
    pub(crate) git: GitSource,
    has_state: bool,
    /// What nobody knows who can't read the state; nothing where there is none.
    pub(crate) mark: Option<Digest>,
    targets: BTreeMap<String, Arc<dyn Target>>,
    roots: BTreeMap<String, Terraform>,
    heard: Arc<Heard>,
    audit: Arc<dyn AuditLog>,
    at_work: AtWork,
}

/// Where it is seen who works with the state.
enum AtWork {
    /// By the lock of its folder.
    InFolder,
    /// By its lease in the cluster.
    InCluster(Box<ClusterState>),
    /// This process was given the state by whoever has it.
    Here,
}

/// What a state may move to, which else is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moving {
    /// The name that the application had before: its state is this one's.
    pub renamed_from: Option<String>,
    /// Whether the state goes on although its source or a target is at another place now.
    pub rebind: bool,
}

impl Session {
    /// Puts together what an application works with.
    pub fn builder(config: &Config) -> SessionBuilder {
        SessionBuilder::new(config)
    }

    /// The target of a name, if it is one of roots.
    pub fn target_of_roots(&self, target: &str) -> Option<&Terraform> {
        self.roots.get(target)
    }

    /// Whether there is a state: the application was applied before, and what is remembered of that is at hand, with the key
    /// under which its secrets are compared.
    pub fn has_state(&self) -> bool {
        self.has_state
    }

    /// The warnings so far: by the engine, and by targets when they were asked.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.heard.warnings()
    }

    /// The keys of everything that is declared or owned.
    pub fn keys(&self) -> Vec<Key> {
        let declared = self.engine.desired().into_iter().flat_map(|desired| desired.objects().keys());
        declared.chain(self.engine.inventory().entries().keys()).cloned().collect()
    }

    /// An object as it is now.
    pub async fn live(&self, cx: &Cx, key: &Key) -> Result<Option<Live>> {
        let Some(target) = self.targets.get(key.target()) else { return Ok(None) };
        let scope: Scope = std::iter::once(key.clone()).collect();
        Ok(target.observe(cx, &scope).await?.pop())
    }

    /// The roots that we own, each with the target that can ask the providers about it.
    pub fn roots(&self) -> impl Iterator<Item = (&Key, &Terraform)> {
        let owned = (!self.roots.is_empty()).then(|| self.engine.inventory().entries().keys());
        owned.into_iter().flatten().filter_map(|key| Some((key, self.roots.get(key.target())?)))
    }

    /// What objects are made of, for targets that show it: the resources of root modules.
    pub async fn components(&self, cx: &Cx) -> Result<Parts> {
        let mut found = Parts::new();
        for target in
            self.config.targets.iter().filter(|target| matches!(target.kind, TargetKind::Terraform(_)))
        {
            let scope: Scope = self.keys().into_iter().filter(|key| key.target() == target.name).collect();
            let live = self.targets[&target.name].observe(cx, &scope).await?;
            found.extend(live.into_iter().map(|live| (live.key, live.components)));
        }
        Ok(found)
    }

    /// The commit that last changed lines of a file, or the file where no lines are given, as a revision has it; of a
    /// file that is gone the commit that deleted it. Nothing where the source can't tell.
    pub async fn last_commit(
        &self,
        cx: &Cx,
        revision: &Revision,
        path: &str,
        lines: Option<RangeInclusive<u32>>,
    ) -> Result<Option<Commit>> {
        let Some(history) = self.engine.source().history() else { return Ok(None) };
        if let Some(lines) = lines {
            match history.blame(cx, revision, path, lines).await {
                Ok(commit) => return Ok(Some(commit)),
                // The place is not in the file: a program rendered it.
                Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(history.log(cx, revision, path, 1).await?.into_iter().next())
    }

    /// A file as a revision has it; nothing if there is no such file.
    pub async fn file(&self, cx: &Cx, revision: &Revision, path: &str) -> Result<Option<Arc<[u8]>>> {
        let snapshot = self.engine.source().fetch(cx, revision).await?;
        let (mut folder, mut at) = (snapshot.root, String::new());
        for name in path.split('/') {
            let entries = snapshot.tree.list(&at, &folder)?;
            let Some(entry) = entries.into_iter().find(|entry| entry.name == name) else { return Ok(None) };
            at = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            match entry.kind {
                EntryKind::File { .. } if at == path => return snapshot.tree.read(&at, &entry.id).map(Some),
                EntryKind::File { .. } | EntryKind::Link => return Ok(None),
                EntryKind::Folder => folder = entry.id,
            }
        }
        Ok(None)
    }

    /// Who made a revision, when and why, where the source still knows it.
    pub async fn commit(&self, cx: &Cx, revision: &Revision) -> Option<Commit> {
        self.engine.source().history()?.describe(cx, revision).await.ok()
    }

    /// The audit log, wherever the configuration keeps it, to be read.
    pub fn audit(&self) -> &dyn AuditLog {
        &*self.audit
    }

    /// Who works with the application now; nothing if nobody does, or this process was given the state.
    ///
    /// # Errors
    /// A lock or a lease that can't be read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn runner(&self, cx: &Cx) -> Result<Option<Runner>> {
        match &self.at_work {
            AtWork::Here => Ok(None),
            AtWork::InCluster(state) => {
                let lease = state.lease();
                Ok(lease.holder(cx).await?.map(|holder| Runner::of_lease(&lease, holder)))
            }
            AtWork::InFolder => match StateDir::peek(&self.config.state) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                peek => {
                    let peek = peek?;
                    let holder = cx.off_thread(move |_| peek.holder()).await??;
                    Ok(holder.map(Runner::of_folder))
                }
            },
        }
    }
}
