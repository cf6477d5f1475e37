//! What a configuration was made from, and whether that still holds what it held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::{Cx, Digest, Error, ErrorKind, Result};
use gitops_k8s::Connection;

use crate::config::{Applications, Auth, Config, ForgeAuth, SecretPlace, TargetKind};
use crate::place;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// How much of a file is read.
const LIMIT: u64 = 1 << 20;

/// The files from which applications were made: the configuration with its shared parts, the files of secrets, keys,
/// certificates and signers that it names, and the kubeconfigs that are named or found with the certificates in them. What the environment holds can't change while a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The folder that was read, if it was one, with the names of its files.
    folder: Option<(PathBuf, Vec<PathBuf>)>,
    files: BTreeMap<PathBuf, Option<Digest>>,
    /// Those of them that hold the configuration.
    texts: BTreeSet<PathBuf>,
    /// The applications, by name, with the files that each of them names.
    named: BTreeMap<String, Vec<PathBuf>>,
}

/// A configuration that is another one and can be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reloaded<T> {
    /// What it was found to be usable as.
    pub usable: T,
    /// What it was made from.
    pub inputs: Inputs,
}

/// All that the configuration says of an application, and where it works.
pub(crate) fn setting(config: &Config) -> String {
    let Config { said, file, state, mirrors, home, .. } = config;
    format!("{said} {:?}", (file, state, mirrors, home, place::fence(config)))
}

impl Inputs {
    /// The inputs of applications. Take them before the applications are opened: what changes after that is noticed.
    pub fn of(applications: &Applications) -> Self {
        let texts = applications.texts.iter().map(|(path, digest)| (path.clone(), Some(*digest)));
        let all = applications.all.iter();
        let secrets = all.flat_map(|config| Files::of(config).all()).map(|path| {
            let digest = digest(&path);
            (path, digest)
        });
        let folder = applications.folder.clone();
        let files = texts.chain(secrets).collect();
        let named = applications.all.iter().map(|config| (config.name.clone(), Files::of(config).named));
        let texts = applications.texts.keys().cloned().collect();
        Self { folder, files, texts, named: named.collect() }
    }

    /// What tells an application from what it is after a change: all that the configuration says of it, shared parts included,
    /// wherever in the files it stands, and what the files hold that it works with. What another application says or reads is no part of it.
    pub fn mark(&self, config: &Config) -> Digest {
        self.with_files(setting(config), Files::of(config).engine())
    }

    /// The same with what the forge of the application is reached with, and its webhooks verified.
    pub fn mark_on_forge(&self, config: &Config) -> Digest {
        self.with_files(self.mark(config).to_string(), Files::of(config).forge)
    }

    fn with_files(&self, text: String, files: impl IntoIterator<Item = PathBuf>) -> Digest {
        let held = |path: PathBuf| {
            let digest = self.files.get(&path).copied().flatten();
            (path, digest.map(|digest| digest.to_string()))
        };
        let held: Vec<_> = files.into_iter().map(held).collect();
        Digest::of(format!("{text} {held:?}").as_bytes())
    }

    /// Waits for a configuration that is another one and can be used, which `usable` gives of what `load` read; for ever once the
    /// context ends. One that can't be read or used is told, once for each change, and waited over; so is one that lacks a file which
    /// was there before, or which an application names now that was there before. From then on the files that it names are inputs
    /// too: one of them may be what is missing.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn reloaded<T>(
        &self,
        cx: &Cx,
        load: impl Fn() -> Result<Applications>,
        usable: impl Fn(Applications, &Self) -> Result<T>,
        tell: impl Fn(Error),
    ) -> Reloaded<T> {
        let mut looked_at = self.clone();
        while looked_at.changed(cx).await.is_ok() {
            looked_at = looked_at.now();
            let loaded = load().map_err(|error| (looked_at.included(), error)).and_then(|applications| {
                let inputs = Self::of(&applications);
                let usable = self.check(&inputs).and_then(|()| usable(applications, &inputs));
                match usable {
                    Ok(usable) => Ok(Reloaded { usable, inputs }),
                    Err(error) => Err((inputs.files, error)),
                }
            });
            match loaded {
                Ok(reloaded) => return reloaded,
                Err((named, error)) => {
                    looked_at.files.extend(named);
                    tell(error);
                }
            }
        }
        std::future::pending().await
    }

    /// Whether applications that work with these inputs can work with others: whether no file is missing that is here, and none that an
    /// application names there.
    fn check(&self, others: &Self) -> Result<()> {
        let is_gone = |path: &&PathBuf| {
            others.files.get(*path) == Some(&None) && !matches!(self.files.get(*path), Some(None))
        };
        let was_here = others.files.keys().filter(|path| self.files.contains_key(*path));
        let at_work = others.named.iter().filter(|(name, _)| self.named.contains_key(*name));
        match was_here.chain(at_work.flat_map(|(_, files)| files)).find(is_gone) {
            Some(path) => {
                Err(Error::new(ErrorKind::Invalid, "a file that the configuration names can't be read")
                    .with("path", path.display())
                    .help("put it there, or correct the configuration"))
            }
            None => Ok(()),
        }
    }

    /// The shared parts that the files include by now, those included that can't be read.
    fn included(&self) -> BTreeMap<PathBuf, Option<Digest>> {
        let of_folder = self.folder.iter().flat_map(|(_, files)| files);
        let files: BTreeSet<&PathBuf> = self.texts.iter().chain(of_folder).collect();
        let included = files.into_iter().flat_map(|path| crate::config::included_by(path));
        let with_digest = |path: PathBuf| {
            let digest = digest(&path);
            (path, digest)
        };
        included.map(with_digest).collect()
    }

    /// The same files with what they hold now.
    #[must_use]
    pub fn now(&self) -> Self {
        let folder = self.folder.as_ref().map(|(path, _)| (path.clone(), crate::config::files_of(path)));
        let files = self.files.keys().map(|path| (path.clone(), digest(path))).collect();
        Self { folder, files, texts: self.texts.clone(), named: self.named.clone() }
    }

    /// Waits until one of the files holds something else, is gone, or is there again; or until a folder that was read has
    /// other files. They are looked at every five seconds.
    ///
    /// # Errors
    /// `Cancelled` or `Timeout` if the context ends.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn changed(&self, cx: &Cx) -> Result<()> {
        loop {
            cx.sleep(EVERY).await?;
            let before = self.clone();
            if cx.off_thread(move |_| before.now() != before).await? {
                return Ok(());
            }
        }
    }
}

/// The files with which an application logs in, and by which it knows who signs commits.
#[derive(Default)]
struct Files {
    /// Those that the configuration names for source and targets.
    named: Vec<PathBuf>,
    /// Those that are looked for where people keep them, and may be missing.
    found: Vec<PathBuf>,
    /// Those with which its forge is reached, and webhooks are verified.
    forge: Vec<PathBuf>,
    /// Whether its engine's companions speak on the forge.
    speaks: bool,
}

impl Files {
    fn of(config: &Config) -> Self {
        let mut files = Self { speaks: config.rollback.is_some(), ..Self::default() };
        match &config.source.auth {
            Auth::None => {}
            Auth::Token { secret, .. } => files.named.extend(file_of(secret)),
            Auth::Ssh { key, known_hosts } => files.named.extend([key.clone(), known_hosts.clone()]),
        }
        files.named.extend(config.source.ca_file.clone());
        files.named.extend(config.source.signers.iter().map(|(path, _)| path.clone()));
        for target in &config.targets {
            if let TargetKind::Kubernetes(cluster) = &target.kind {
                files.kubeconfig(cluster.kubeconfig.as_deref());
                let planner = cluster.planner.iter().filter_map(|planner| planner.kubeconfig.as_deref());
                planner.for_each(|path| files.kubeconfig(Some(path)));
            }
        }
        config.home.iter().for_each(|home| files.kubeconfig(home.kubeconfig.as_deref()));
        if let Some(forge) = &config.forge {
            let auth = forge.auth.iter().map(|auth| match auth {
                ForgeAuth::Token(place) | ForgeAuth::App { key: place, .. } => place,
            });
            files.forge.extend(auth.chain(&forge.webhook_secrets).filter_map(file_of));
            files.forge.extend(forge.ca_file.clone());
        }
        files
    }

    fn kubeconfig(&mut self, path: Option<&Path>) {
        match path {
            Some(path) => self.named.extend(Connection::kubeconfig_file(path).files()),
            None => self.found.extend(Connection::from_environment().files()),
        }
    }

    fn all(self) -> impl Iterator<Item = PathBuf> {
        self.named.into_iter().chain(self.found).chain(self.forge)
    }

    /// What the engine works with, and what takes a deployment back that does not work.
    fn engine(self) -> impl Iterator<Item = PathBuf> {
        let forge = if self.speaks { self.forge } else { Vec::new() };
        self.named.into_iter().chain(self.found).chain(forge)
    }
}

fn file_of(secret: &SecretPlace) -> Option<PathBuf> {
    match secret {
        SecretPlace::File(path) => Some(path.clone()),
        SecretPlace::Env(_) => None,
    }
}

/// Links are followed: a cluster mounts files as links.
fn digest(path: &Path) -> Option<Digest> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(Digest::of(&bytes))
}
