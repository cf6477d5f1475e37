use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{
    Cx, Diagnostic, Digest, Error, ErrorKind, Hasher, Object, Part, Render, RenderRoot, Result,
};
use smol_str::SmolStr;

use super::cache::RenderCache;
use super::jail::Jail;
use super::kustomization;
use super::masked::Texts;
use super::origin::Maker;
use super::program::Program;
use crate::declare::manifest::KubernetesRender;
use crate::yaml::Dialect;

/// The oldest `kustomize` that is taken.
const OLDEST: (u32, u32) = (5, 0);

/// The program that renders kustomizations: `kustomize`, or the one in `kubectl`.
#[derive(Clone, Debug)]
pub struct Kustomize {
    program: Program,
    is_kubectl: bool,
}

impl Kustomize {
    /// Looks for `kustomize`, then for `kubectl`, in the folders of `PATH`.
    ///
    /// # Errors
    /// `Unsupported` if neither is there, or it is older than 5.0; `Cancelled` if asked to stop meanwhile.
    pub fn find(cx: &Cx) -> Result<Self> {
        let path = Program::find("kustomize").or_else(|| Program::find("kubectl")).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "there is neither `kustomize` nor `kubectl`")
                .help("install one of them")
        })?;
        Self::at(cx, &path)
    }

    /// Takes the program at a path; one whose name begins with `kubectl` is taken for that.
    ///
    /// # Errors
    /// `Unsupported` if it can't be run or is older than 5.0; `Cancelled` if asked to stop meanwhile.
    pub fn at(cx: &Cx, path: &Path) -> Result<Self> {
        let is_kubectl = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kubectl"));
        let ask: &[&str] = if is_kubectl { &["version", "--client"] } else { &["version"] };
        Ok(Self { program: Program::at(cx, path, ask, OLDEST)?, is_kubectl })
    }

    /// Keeps what it prints in a cache, so that it is not run again on the same files, in this process or another one.
    #[must_use]
    pub fn cached(mut self, cache: RenderCache) -> Self {
        self.program.cache = Some(cache);
        self
    }

    /// How long it may take; a minute by default.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.program.wall = time;
        self
    }

    fn arguments<'a>(&self, folder: &'a str) -> [&'a str; 2] {
        [if self.is_kubectl { "kustomize" } else { "build" }, folder]
    }
}

/// Renders the kustomization of one folder, and takes what it makes for manifests.
///
/// The program runs in a folder of its own with the files of the kustomization and of those that it is built on, a clean
/// environment, and limits on time, memory and output. It does not reach the network: what is not in the repository is
/// refused before it is started. It runs again only when one of those files changed.
///
/// With [`Routes`](gitops_core::Routes), the folder of a kustomization goes to this renderer and the others to
/// [`KubernetesRender`].
#[derive(Clone, Debug)]
pub struct KustomizeRender {
    manifests: KubernetesRender,
    folder: String,
    kustomize: Kustomize,
}

impl KubernetesRender {
    /// The renderer of a folder's kustomization; what it makes is read by this one.
    #[must_use]
    pub fn kustomized(self, folder: &str, kustomize: Kustomize) -> KustomizeRender {
        let manifests = self.dialect(Dialect::KyamlV3);
        KustomizeRender { manifests, folder: folder.trim_matches('/').to_owned(), kustomize }
    }
}

#[async_trait]
impl Render for KustomizeRender {
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let fault = |failure: super::failure::Failure| failure.of(part.path());
        let jail = Jail::new().map_err(fault)?;
        let annotated = kustomization::gather(part, &self.folder, &jail)?;
        let folder = if self.folder.is_empty() { "." } else { &self.folder };
        let (program, arguments) = (&self.kustomize.program, self.kustomize.arguments(folder));
        let secrets = || Texts::of_kustomization(&jail);
        let output = program.run(cx, part, &jail, &arguments, &secrets).map_err(fault)?;
        self.manifests.made(cx, part, Maker::Kustomize(&self.folder, annotated), &output)
    }

    async fn answer(&self, cx: &Cx, asked: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>> {
        self.manifests.answer(cx, asked).await
    }

    fn wants(&self, path: &str) -> bool {
        let name = match self.folder.is_empty() {
            true => Some(path),
            false => path.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/')),
        };
        name.is_some_and(|name| kustomization::NAMES.contains(&name))
    }

    fn roots(&self) -> Vec<RenderRoot> {
        vec![RenderRoot::folder(&self.folder).holding("a kustomization", kustomization::NAMES)]
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops kustomize render 1");
        hasher.field(self.manifests.fingerprint().as_bytes()).field(&self.folder);
        hasher.field(&self.kustomize.program.version).finish()
    }
}
