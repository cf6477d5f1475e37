//! What a configuration was made from, and whether that still holds what it held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::{Cx, Digest, Result};
use gitops_k8s::Connection;

use crate::config::{Applications, Auth, Config, ForgeAuth, SecretPlace, TargetKind};

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
}

impl Inputs {
    /// The inputs of applications. Take them before the applications are opened: what changes after that is noticed.
    pub fn of(applications: &Applications) -> Self {
        let texts = applications.texts.iter().map(|(path, digest)| (path.clone(), Some(*digest)));
        let secrets = applications.all.iter().flat_map(secrets).map(|path| {
            let digest = digest(&path);
            (path, digest)
        });
        let folder = applications.folder.clone();
        let files = texts.chain(secrets).collect();
        Self { folder, files, texts: applications.texts.keys().cloned().collect() }
    }

    /// Waits for a configuration that is another one and can be used, which `usable` gives of what `load` read; for ever once the
    /// context ends. One that can't be read or used is told, once for each change, and waited over. From then on the files that it
    /// names are inputs too: one of them may be what is missing.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn reloaded<T, E>(
        mut self,
        cx: &Cx,
        load: impl Fn() -> Result<Applications, E>,
        usable: impl Fn(Applications) -> Result<T, E>,
        tell: impl Fn(E),
    ) -> T {
        while self.changed(cx).await.is_ok() {
            self = self.now();
            let loaded = load().map_err(|error| (self.included(), error)).and_then(|applications| {
                let named = Self::of(&applications);
                usable(applications).map_err(|error| (named.files, error))
            });
            match loaded {
                Ok(usable) => return usable,
                Err((named, error)) => {
                    self.files.extend(named);
                    tell(error);
                }
            }
        }
        std::future::pending().await
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
        Self { folder, files, texts: self.texts.clone() }
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
fn secrets(config: &Config) -> Vec<PathBuf> {
    let of_source = match &config.source.auth {
        Auth::None | Auth::Token { secret: SecretPlace::Env(_), .. } => Vec::new(),
        Auth::Token { secret: SecretPlace::File(path), .. } => vec![path.clone()],
        Auth::Ssh { key, known_hosts } => vec![key.clone(), known_hosts.clone()],
    };
    let of_clusters = config.targets.iter().filter_map(|target| match &target.kind {
        TargetKind::Kubernetes(cluster) => {
            let planner = cluster.planner.iter().filter_map(|planner| planner.kubeconfig.as_deref());
            Some(std::iter::once(cluster.kubeconfig.as_deref()).chain(planner.map(Some)))
        }
        _ => None,
    });
    let of_home = config.home.iter().map(|home| home.kubeconfig.as_deref());
    let kubeconfigs = of_clusters.flatten().chain(of_home);
    let of_kubeconfigs = kubeconfigs.flat_map(|path| match path {
        Some(path) => Connection::kubeconfig_file(path).files(),
        None => Connection::from_environment().files(),
    });
    let of_forge = config.forge.iter().flat_map(|forge| {
        let of_auth = forge.auth.iter().map(|auth| match auth {
            ForgeAuth::Token(place) | ForgeAuth::App { key: place, .. } => place,
        });
        let secrets = of_auth.chain(&forge.webhook_secrets).filter_map(|place| match place {
            SecretPlace::File(path) => Some(path.clone()),
            SecretPlace::Env(_) => None,
        });
        secrets.chain(forge.ca_file.clone()).collect::<Vec<_>>()
    });
    let signers = config.source.signers.iter().map(|(path, _)| path.clone());
    let of_source = of_source.into_iter().chain(config.source.ca_file.clone()).chain(signers);
    of_source.chain(of_kubeconfigs).chain(of_forge).collect()
}

/// Links are followed: a cluster mounts files as links.
fn digest(path: &Path) -> Option<Digest> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(Digest::of(&bytes))
}
