use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use gitops_core::capability::{Confirmation, DryRun, Health, Progress, Watch};
use gitops_core::{
    Applied, Change, Cx, Diagnostic, Error, ErrorKind, Key, Live, Ownership, Result, Scope, Secret,
    SecretKey, Target, TargetInfo, Time, Uid, Value, Version,
};
use zeroize::Zeroizing;

use crate::declare::module::root_kind;
use crate::disk;
use crate::root::journal::Journal;
use crate::root::{Folder, Place, Records};
use crate::state_server::StateServer;
use crate::target::backend::Backend;
use crate::target::builder::{Options, TerraformBuilder};
use crate::target::drift::Lookout;
use crate::target::site::Site;
use crate::tool::json::{Redact, StateFile};
use crate::tool::process::Environment;
use crate::tool::shown::ShownPlans;
use crate::tool::{Tool, ToolInfo};

/// Root modules of Terraform and OpenTofu as objects: a plan of the tool is the preview, and exactly that plan is
/// applied.
///
/// Each root works in a folder of its own below the work folder, which holds the files as declared, the tool's data,
/// saved plans (secrets in clear, so nobody else may read them) and, where a root declares no backend, its state. The
/// work folder must last as long as the roots do.
///
/// # Guarantees
/// - **What was shown is what runs.** A change names the digest of a plan's effect. It is applied only if the saved
///   plan has that digest, and state, declaration, workspace and program are those that it was made from. Else it is
///   a conflict that says what moved, and nothing is done.
/// - **Unchanged costs nothing.** A root whose declaration, state and program are as they were left starts no
///   process.
/// - **No silent duplicate.** The tool's own report of each resource is in a file before and after the resource is
///   made. After a kill, a resource whose creation may have happened is not created again until a state or a person
///   says what became of it.
/// - **No orphan.** A run that an earlier process of ours began is found by its environment, waited for, and never
///   doubled.
/// - **Locks are never broken.** Who holds one, and since when, is in the error.
///
/// # Cancel safety
/// A dropped `apply` interrupts the tool, which ends what it is at and writes its state. It is killed only after the
/// time that [`TerraformBuilder::patience`] gives it.
#[derive(Clone)]
pub struct Terraform(Arc<Inner>);

pub(crate) struct Inner {
    workshop: Workshop,
    pulled: Mutex<BTreeMap<Key, Pulled>>,
    lookout: Lookout,
    shown: ShownPlans,
    at_work: Mutex<BTreeMap<Key, Arc<Redact>>>,
    /// The warnings of each root that the last look for drift told.
    told: Mutex<BTreeMap<Key, Vec<String>>>,
}

/// A state that was asked for, and when.
#[derive(Clone)]
pub(crate) struct Pulled {
    pub place: Place,
    pub at: Time,
    pub state: Option<StateFile>,
}

/// All that the roots of one target share.
pub(crate) struct Workshop {
    pub tool: Tool,
    pub work: PathBuf,
    pub records: Records,
    pub environment: Environment,
    pub secrets: Vec<Secret>,
    pub keys: Keys,
    pub plugin_cache: Option<PathBuf>,
    pub mirror: Option<PathBuf>,
    /// The folders of which a root reads nothing but its own.
    pub private: Vec<PathBuf>,
    pub backend: Backend,
    /// The server in which states may be that were applied while it was the backend.
    pub former_server: Option<Arc<StateServer>>,
    pub options: Options,
    /// Roots of others, by name, with their owners.
    pub elsewhere: BTreeMap<String, String>,
    /// Who is told of the tool's warnings.
    pub warnings: Option<Warnings>,
}

/// Who is told of warnings.
pub(crate) type Warnings = Arc<dyn Fn(Diagnostic) + Send + Sync>;

impl Workshop {
    /// The server that keeps states, or kept them once.
    ///
    /// # Errors
    /// `Invalid` if there is none: the state is out of reach then.
    pub fn server(&self) -> Result<&Arc<StateServer>> {
        self.backend.server().or(self.former_server.as_ref()).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "its state is kept in a state server that is not set up any more").help(
                "give the target its state server back (`backend: managed`), or `gitops confirm ROOT state absent`",
            )
        })
    }
}

/// The keys under which plans and secrets are compared: made once, kept in the work folder, never shown. Or those that are made of
/// a key that is kept elsewhere.
pub(crate) struct Keys {
    pub secrets: SecretKey,
    pub effects: Zeroizing<[u8; 32]>,
}

impl Keys {
    pub fn of(key: &SecretKey) -> Self {
        let made = |of: &str| *Secret::new(format!("\0gitops terraform {of}"), key).digest().as_bytes();
        Self { secrets: SecretKey::new(made("secrets")), effects: Zeroizing::new(made("effects")) }
    }

    pub fn open(cx: &Cx, work: &Path) -> Result<Self> {
        let path = work.join("key");
        let bytes = if let Some(bytes) = disk::read(&path, 64)? {
            bytes
        } else {
            let bytes = cx.random_bytes::<64>().to_vec();
            disk::replace(&path, &bytes, false)?;
            bytes
        };
        let (first, second) = bytes.split_at(bytes.len().min(32));
        match (<[u8; 32]>::try_from(first), <[u8; 32]>::try_from(second)) {
            (Ok(secrets), Ok(effects)) => {
                Ok(Self { secrets: SecretKey::new(secrets), effects: Zeroizing::new(effects) })
            }
            _ => Err(Error::new(ErrorKind::Corrupt, format!("the key {} is damaged", path.display()))
                .help("remove it: plans that were shown before are then stale, nothing else is lost")),
        }
    }
}

impl Terraform {
    /// Puts a target together: the program, by name or path, and a work folder of its own.
    pub fn builder(program: impl Into<PathBuf>, work: impl Into<PathBuf>) -> TerraformBuilder {
        TerraformBuilder::new(program.into(), work.into())
    }

    pub(crate) fn new(workshop: Workshop) -> Self {
        Self(Arc::new(Inner {
            workshop,
            pulled: Mutex::default(),
            lookout: Lookout::default(),
            shown: ShownPlans::default(),
            at_work: Mutex::default(),
            told: Mutex::default(),
        }))
    }

    /// Which tool it is, and of what version.
    pub async fn tool(&self, cx: &Cx) -> Result<ToolInfo> {
        self.0.workshop.tool.info(cx).await.cloned()
    }

    /// How many processes were started so far.
    pub fn processes(&self) -> u64 {
        self.0.workshop.tool.program.started()
    }

    /// The name by which a [`StateServer`](crate::StateServer) keeps the state of a root in a workspace.
    pub fn state_name(key: &Key, workspace: &str) -> String {
        crate::state_server::name_of(key, workspace)
    }

    pub(crate) fn lookout(&self) -> &Lookout {
        &self.0.lookout
    }

    pub(crate) fn shown(&self) -> &ShownPlans {
        &self.0.shown
    }

    /// What is secret in the apply of a root that is under way.
    /// Takes what a look for drift has to tell of a root, and whether it is other than at the last look.
    pub(crate) fn has_news(&self, key: &Key, now: Vec<String>) -> bool {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.insert(key.clone(), now);
        before.as_ref() != told.get(key)
    }

    pub(crate) fn at_work(&self, key: &Key) -> Option<Arc<Redact>> {
        self.0.at_work.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// An apply of a root begins, of which this is secret; or it is over.
    pub(crate) fn set_at_work(&self, key: &Key, redact: Option<Redact>) {
        let mut at_work = self.0.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        match redact {
            Some(redact) => drop(at_work.insert(key.clone(), Arc::new(redact))),
            None => drop(at_work.remove(key)),
        }
    }

    pub(crate) fn weak(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    /// The target again, if anybody still has it.
    pub(crate) fn again(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(Self)
    }

    pub(crate) fn workshop(&self) -> &Workshop {
        &self.0.workshop
    }

    pub(crate) fn pulled(&self, key: &Key) -> Option<Pulled> {
        self.0.pulled.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn set_pulled(&self, key: &Key, pulled: Pulled) {
        self.0.pulled.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), pulled);
    }

    /// One root as it is; what is wrong with it is its own matter and no other's.
    ///
    /// `is_held` says that whoever asks applied it.
    async fn look(&self, cx: &Cx, key: Key, is_held: bool) -> Result<Option<Live>> {
        if let Err(error) = check_kind(&key) {
            return Ok(Some(Live::unreadable(key, &error)));
        }
        self.lookout().know(&key);
        let look = async {
            let mut site = Site::enter(self, &key, cx).await?;
            let live = site.live(cx).await?;
            match is_held && live.is_none() {
                true => site.check_known().map(|()| None),
                false => Ok(live),
            }
        };
        match look.await {
            // Nothing is here, and somebody else has it: to make it would make everything a second time.
            Ok(None) => Ok(self.workshop().elsewhere.get(key.name()).map(|owner| of_another(key, owner))),
            Err(error) if !is_over(&error) => Ok(Some(Live::unreadable(key, &error))),
            live => live,
        }
    }
}

#[async_trait]
impl Target for Terraform {
    fn info(&self) -> TargetInfo {
        // What lands late is a process of this machine, and it is looked for before anything else is done.
        let options = &self.workshop().options;
        TargetInfo::new("terraform")
            .concurrency(options.concurrency)
            .preview_timeout(options.plan_timeout)
            .apply_timeout(options.apply_timeout)
            .lands_within(Duration::ZERO)
            .protected([root_kind()])
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let keys: Vec<Key> = scope.keys().cloned().collect();
        let looks = keys.into_iter().map(|key| {
            let is_held = scope.is_held(&key);
            self.look(cx, key, is_held)
        });
        let looks = futures::stream::iter(looks).buffered(self.workshop().options.concurrency);
        Ok(looks.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        check_kind(change.key())?;
        // What was begun is finished and written down, even if nobody waits for it any more.
        let (target, cx, change) = (self.clone(), cx.clone(), change.clone());
        let work = async move { Site::enter(&target, change.key(), &cx).await?.apply(&cx, &change).await };
        tokio::spawn(work).await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Internal, "the apply came to no end").because(error).outcome_unknown())
        })
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }

    fn confirmation(&self) -> Option<&dyn Confirmation> {
        Some(self)
    }

    fn progress(&self) -> Option<&dyn Progress> {
        Some(self)
    }

    /// There only if an interval is set: without it, every reconciliation looks at every root's state.
    fn watch(&self) -> Option<&dyn Watch> {
        self.workshop().options.drift_every.map(|_| self as &dyn Watch)
    }
}

/// What the tool itself says that it is at, line by line.
impl Progress for Terraform {
    fn at(&self, _: &Cx, key: &Key) -> Option<String> {
        let report = Folder::at(&self.workshop().work, key).journal();
        let redact = self.at_work(key)?;
        Journal::read(&report, &redact).ok()?.at(&redact)
    }
}

/// A root that another application holds.
fn of_another(key: Key, owner: &str) -> Live {
    let mut live = Live::new(key, Uid::new(format!("of {owner}")), Version::new("elsewhere"), Value::Null);
    live.ownership = Ownership::Owner(owner.to_owned());
    live
}

fn check_kind(key: &Key) -> Result<()> {
    match *key.kind() == root_kind() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Unsupported, "this target keeps objects of the kind `Root`")),
    }
}

/// An end of the context is the whole call's; anything else is one root's own.
pub(crate) fn is_over(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout)
}
