use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::process::fs;
use gitops_core::{
    Cx, Diagnostic, Error, ErrorKind, FileStore, Result, Secret, SecretKey, StateStore, Value,
};

use crate::disk;
use crate::root::Records;
use crate::state_server::StateServer;
use crate::target::backend::Backend;
use crate::target::terraform::{Keys, Terraform, Warnings, Workshop};
use crate::tool::Tool;
use crate::tool::process::{Environment, Program, is_kept_back};

/// Puts a [`Terraform`] target together.
#[must_use]
pub struct TerraformBuilder {
    program: PathBuf,
    work: PathBuf,
    records: Option<Arc<dyn StateStore>>,
    only_looks: bool,
    key: Option<SecretKey>,
    passed: Vec<String>,
    secrets: BTreeMap<String, Secret>,
    mirror: Option<PathBuf>,
    plugin_cache: Option<PathBuf>,
    backend: Backend,
    former_server: Option<Arc<StateServer>>,
    options: Options,
    warnings: Option<Warnings>,
    private: Vec<PathBuf>,
    elsewhere: BTreeMap<String, String>,
}

/// How the target goes about it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many roots are worked on at once.
    pub concurrency: usize,
    /// How long a saved plan may be applied after it was made.
    pub keep_plans: Duration,
    /// How long a plan may take, with the initialisation before it.
    pub plan_timeout: Duration,
    /// How long an apply may take before it is interrupted.
    pub apply_timeout: Duration,
    /// How long an apply may take to end after it was interrupted.
    pub patience: Duration,
    /// How long a state that is kept elsewhere is taken for unchanged.
    pub pull_every: Duration,
    /// How often the target is asked for drift; never if nothing.
    pub drift_every: Option<Duration>,
    /// Types of resources that may be made twice.
    pub repeatable: BTreeSet<String>,
}

impl TerraformBuilder {
    pub(crate) fn new(program: PathBuf, work: PathBuf) -> Self {
        let options = Options {
            concurrency: 4,
            keep_plans: Duration::from_secs(600),
            plan_timeout: Duration::from_secs(3600),
            apply_timeout: Duration::from_secs(24 * 3600),
            patience: Duration::from_secs(600),
            pull_every: Duration::from_secs(300),
            drift_every: None,
            repeatable: BTreeSet::from(["terraform_data".to_owned()]),
        };
        Self {
            program,
            work,
            records: None,
            only_looks: false,
            key: None,
            passed: Vec::new(),
            secrets: BTreeMap::new(),
            mirror: None,
            plugin_cache: None,
            backend: Backend::Declared,
            former_server: None,
            options,
            warnings: None,
            private: Vec::new(),
            elsewhere: BTreeMap::new(),
        }
    }

    /// A folder of which a root may read nothing but its own: where this application, or another one, keeps its state. It need
    /// not be there yet. The work folder is always one of them.
    ///
    /// It holds where the system has Landlock (Linux 5.13 or newer); else the listener of [`warnings`](Self::warnings) is
    /// told once.
    pub fn private(mut self, folder: impl Into<PathBuf>) -> Self {
        self.private.push(folder.into());
        self
    }

    /// A root that somebody else holds, such as an application that has another name now: where nothing is here, it is that
    /// owner's, and nothing is made a second time.
    pub fn held_elsewhere(mut self, name: impl Into<String>, owner: impl Into<String>) -> Self {
        self.elsewhere.insert(name.into(), owner.into());
        self
    }

    /// Somebody who is told what the tool warns of when it plans: deprecated arguments, checks that do not hold. Nobody by
    /// default.
    pub fn warnings(mut self, listener: impl Fn(Diagnostic) + Send + Sync + 'static) -> Self {
        self.warnings = Some(Arc::new(listener));
        self
    }

    /// Keeps what must not be forgotten in a store of its own: the work folder may be another one each time then. By default it lies
    /// in the work folder.
    ///
    /// Whoever works with the store is the only one who does. What an apply printed stays in its own work folder: of one that came to
    /// no end in another folder, each resource that it was to make and that is not in the state is in doubt.
    pub fn records(mut self, store: Arc<dyn StateStore>) -> Self {
        self.records = Some(store);
        self
    }

    /// Reads what another process keeps in a store, and writes nothing there: what that one has under way is left to it.
    pub fn looking_at(mut self, store: Arc<dyn StateStore>) -> Self {
        self.records = Some(store);
        self.only_looks = true;
        self
    }

    /// Compares plans and secrets under keys that are made of this one, in every work folder. By default each work folder has keys
    /// of its own, and a plan that was shown is stale in another one.
    pub fn keyed(mut self, key: SecretKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Hands a variable of this process's environment on to the tool. Nothing of `TF_*` can be handed on, nor what every
    /// run has of its own.
    pub fn pass_env(mut self, name: impl Into<String>) -> Self {
        self.passed.push(name.into());
        self
    }

    /// Sets a variable of the tool's environment: a credential. Its value is hidden wherever it appears.
    pub fn secret_env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.secrets.insert(name.into(), value);
        self
    }

    /// Takes providers from a folder only, laid out as `providers mirror` makes it, and never from the network.
    pub fn mirror(mut self, folder: impl Into<PathBuf>) -> Self {
        self.mirror = Some(folder.into());
        self
    }

    /// Shares providers that were fetched between all roots.
    pub fn plugin_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.plugin_cache = Some(folder.into());
        self
    }

    /// Keeps the states of all roots in a server of ours, in the place of whatever backend they declare.
    pub fn state_server(mut self, server: Arc<StateServer>) -> Self {
        self.backend = Backend::Ours(server);
        self
    }

    /// Finds states that roots left in a server of ours when it was their backend, so that a plan shows what stays there.
    pub fn former_state_server(mut self, server: Arc<StateServer>) -> Self {
        self.former_server = Some(server);
        self
    }

    /// Keeps the states of all roots in a backend of the tool's, in the place of whatever backend they declare.
    ///
    /// In texts of the settings, `{root}` stands for the root's folder and `{workspace}` for its workspace: without the
    /// one, all roots would have the same state.
    ///
    /// ```
    /// # use gitops_core::Value;
    /// # use gitops_terraform::Terraform;
    /// let settings = Value::map([("bucket", Value::from("states")), ("key", "{root}.tfstate".into())]);
    /// let builder = Terraform::builder("tofu", "work").backend("s3", settings);
    /// # let _ = builder;
    /// ```
    pub fn backend(mut self, kind: impl Into<String>, settings: Value) -> Self {
        self.backend = Backend::Block(kind.into(), settings);
        self
    }

    /// How many roots are worked on at once. Four by default.
    pub fn concurrency(mut self, roots: usize) -> Self {
        self.options.concurrency = roots.max(1);
        self
    }

    /// How long a plan that was shown may be applied as it is. Ten minutes by default; then it is made anew, and
    /// applied only if it has the same effect.
    pub fn keep_plans(mut self, time: Duration) -> Self {
        self.options.keep_plans = time;
        self
    }

    /// How long a plan of a root may take, with the initialisation before it: providers and modules may have to be
    /// fetched. One hour by default.
    pub fn plan_timeout(mut self, time: Duration) -> Self {
        self.options.plan_timeout = time;
        self
    }

    /// How long an apply may take before it is interrupted. 24 hours by default: a database or a cluster may take hours,
    /// and what an apply is cut off from is tainted, so that the next one makes it anew.
    pub fn apply_timeout(mut self, time: Duration) -> Self {
        self.options.apply_timeout = time;
        self
    }

    /// How long an apply may take to end by itself after it was interrupted, before it is killed. Ten minutes by
    /// default: a killed apply may leave resources that no state knows.
    pub fn patience(mut self, time: Duration) -> Self {
        self.options.patience = time;
        self
    }

    /// How often the tool is asked whether resources were changed behind its back. Never by default.
    pub fn drift_every(mut self, time: Duration) -> Self {
        self.options.drift_every = Some(time);
        self
    }

    /// Lets resources of a type be made again though an earlier creation may have happened: only for those that
    /// exist nowhere but in the state. `terraform_data` is one.
    pub fn repeatable(mut self, kind: impl Into<String>) -> Self {
        self.options.repeatable.insert(kind.into());
        self
    }

    /// Opens the target: makes the work folder, which nobody else may read, and starts no process.
    ///
    /// # Errors
    /// `Storage` or `Forbidden` if the folder can't be made or written; `Invalid` for a variable that can't be handed on.
    pub fn open(self, cx: &Cx) -> Result<Terraform> {
        disk::private_folder(&self.work)?;
        let work =
            std::fs::canonicalize(&self.work).map_err(|error| disk::failed("find", &self.work, error))?;
        let without_links =
            |folder: &PathBuf| fs::without_links(folder).map_err(|error| disk::failed("find", folder, error));
        let private = self.private.iter().map(without_links).chain([Ok(work.clone())]);
        let private = private.collect::<Result<Vec<_>>>()?;
        let config = work.join("cli.tfrc");
        let text = cli_config(self.mirror.as_deref(), self.plugin_cache.as_deref())?;
        disk::replace(&config, text.as_bytes(), false)?;
        let records = match self.records {
            Some(store) => shared(cx, store, &work, self.only_looks)?,
            None => Records::new(Arc::new(FileStore::open(work.join("records"))?)),
        };
        let keys = match &self.key {
            Some(key) => Keys::of(key),
            None => Keys::open(cx, &work)?,
        };
        for name in &self.passed {
            if let Some(why) = is_kept_back(name) {
                let message = format!("the variable `{name}` can't be handed on: {why}");
                return Err(Error::new(ErrorKind::Invalid, message)
                    .help("set a root's variables in `gitops.json` or in the target's `vars`"));
            }
        }
        let passed = self.passed.iter().map(String::as_str);
        let environment = Environment::new(passed).with("TF_CLI_CONFIG_FILE", &config);
        Ok(Terraform::new(Workshop {
            tool: Tool::new(Program::new(self.program), &work),
            records,
            environment: environment.with_secrets(&self.secrets),
            secrets: self.secrets.into_values().collect(),
            keys,
            plugin_cache: self.plugin_cache,
            mirror: self.mirror,
            private,
            backend: self.backend,
            former_server: self.former_server,
            options: self.options,
            elsewhere: self.elsewhere,
            warnings: self.warnings,
            work,
        }))
    }
}

/// Records that outlive a work folder, which is known by an id.
fn shared(cx: &Cx, store: Arc<dyn StateStore>, work: &Path, only_looks: bool) -> Result<Records> {
    let (path, former) = (work.join("id"), work.join("records"));
    let id = if let Some(id) = disk::read(&path, 64)? {
        String::from_utf8_lossy(&id).into_owned()
    } else {
        let id = format!("{:032x}", cx.random());
        disk::replace(&path, id.as_bytes(), false)?;
        id
    };
    let former = match former.is_dir() {
        true => Some(Arc::new(FileStore::open(former)?) as Arc<dyn StateStore>),
        false => None,
    };
    Ok(Records::shared(store, former, id, only_looks))
}

/// The tool's own configuration: where providers come from. Written out, so that nothing is looked up elsewhere.
fn cli_config(mirror: Option<&Path>, plugin_cache: Option<&Path>) -> Result<String> {
    let cache = match plugin_cache {
        Some(cache) => {
            disk::private_folder(cache)?;
            format!("plugin_cache_dir = {}\n", quoted(cache))
        }
        None => String::new(),
    };
    let from = match mirror {
        Some(folder) => format!("filesystem_mirror {{\n    path = {}\n  }}", quoted(folder)),
        None => "direct {}".to_owned(),
    };
    Ok(format!("{cache}provider_installation {{\n  {from}\n}}\n"))
}

fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy().as_ref()).to_string()
}
