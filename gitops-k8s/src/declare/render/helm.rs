use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{
    Cx, Diagnostic, Digest, Error, ErrorKind, Hasher, Object, Part, Render, RenderRoot, Result,
};
use smol_str::SmolStr;

use super::cache::RenderCache;
use super::copy::{Copy, join};
use super::failure::Failure;
use super::jail::Jail;
use super::masked::Texts;
use super::origin::Maker;
use super::program::Program;
use super::served::{Served, Versions};
use crate::declare::manifest::KubernetesRender;

/// The oldest `helm` that is taken.
const OLDEST: (u32, u32) = (3, 10);

/// The program that renders charts, and with what.
#[derive(Clone, Debug)]
pub struct Helm {
    program: Program,
    release: String,
    values: Vec<String>,
    kubernetes: Option<String>,
    api_versions: Option<Vec<String>>,
}

impl Helm {
    /// Looks for `helm` in the folders of `PATH`; `release` is the name of what is installed.
    ///
    /// # Errors
    /// `Unsupported` if it is not there, or is older than 3.10; `Cancelled` if asked to stop meanwhile.
    pub fn find(cx: &Cx, release: impl Into<String>) -> Result<Self> {
        let path = Program::find("helm")
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "there is no `helm`").help("install it"))?;
        Self::at(cx, &path, release)
    }

    /// Takes the program at a path.
    ///
    /// # Errors
    /// `Unsupported` if it can't be run or is older than 3.10; `Cancelled` if asked to stop meanwhile.
    pub fn at(cx: &Cx, path: &Path, release: impl Into<String>) -> Result<Self> {
        let program = Program::at(cx, path, &["version", "--short"], OLDEST)?;
        Ok(Self {
            program,
            release: release.into(),
            values: Vec::new(),
            kubernetes: None,
            api_versions: None,
        })
    }

    /// Adds a file of values, by its path below the source's root; a later one beats an earlier one.
    #[must_use]
    pub fn values(mut self, path: impl Into<String>) -> Self {
        self.values.push(path.into());
        self
    }

    /// The version of Kubernetes that the chart is rendered for, such as `1.37`; without it, that of the renderer's
    /// [cluster](KubernetesRender::cluster), or else the one that `helm` was made with.
    #[must_use]
    pub fn kubernetes(mut self, version: impl Into<String>) -> Self {
        self.kubernetes = Some(version.into());
        self
    }

    /// What a chart finds served beside what `helm` knows, as `group/version` and `group/version/Kind`; without it, what the
    /// renderer's [cluster](KubernetesRender::cluster) serves.
    #[must_use]
    pub fn api_versions<V: Into<String>>(mut self, versions: impl IntoIterator<Item = V>) -> Self {
        self.api_versions = Some(versions.into_iter().map(Into::into).collect());
        self
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

    fn arguments(&self, chart: &str, namespace: Option<&str>, served: Versions) -> Vec<String> {
        // With `./`, neither a release nor a folder is taken for an option or a repository.
        let mut found = ["template", "--include-crds", "--skip-tests"].map(str::to_owned).to_vec();
        found.extend(self.values.iter().map(|path| format!("--values=./{path}")));
        let kubernetes = self.kubernetes.clone().or(served.kubernetes);
        found.extend(kubernetes.map(|version| format!("--kube-version={version}")));
        let apis = self.api_versions.as_ref().unwrap_or(&served.apis);
        found.extend(apis.iter().map(|version| format!("--api-versions={version}")));
        found.extend(namespace.map(|namespace| format!("--namespace={namespace}")));
        found.extend(["--".to_owned(), self.release.clone(), format!("./{chart}")]);
        found
    }
}

/// Renders one chart of the repository, and takes what it makes for manifests.
///
/// The program runs as for [`KustomizeRender`](super::KustomizeRender). Charts that the chart depends on must be in its
/// `charts` folder. Tests of the chart are left out; its hooks are read as Argo CD reads them.
#[derive(Clone, Debug)]
pub struct HelmRender {
    manifests: KubernetesRender,
    folder: String,
    helm: Helm,
    served: Arc<Served>,
}

impl KubernetesRender {
    /// The renderer of a folder's chart; what it makes is read by this one.
    #[must_use]
    pub fn helmed(self, folder: &str, helm: Helm) -> HelmRender {
        HelmRender {
            manifests: self,
            folder: folder.trim_matches('/').to_owned(),
            helm,
            served: Arc::default(),
        }
    }
}

impl HelmRender {
    fn arguments(&self) -> Vec<String> {
        self.helm.arguments(&self.folder, self.manifests.default_namespace(), self.served.get())
    }

    fn gather(&self, part: &Part<'_>, jail: &Jail) -> Result<(), Vec<Diagnostic>> {
        Copy::new(part, jail).folder(&self.folder)?;
        for path in &self.helm.values {
            let missing = || Failure::outside(format!("there is no file of values `{path}`")).of(part.path());
            let found = join("", path).map(|path| part.read(&path)).transpose()?.flatten();
            let bytes = found.ok_or_else(missing)?;
            jail.write(path, &bytes).map_err(|failure| failure.of(part.path()))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Render for HelmRender {
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let fault = |failure: Failure| failure.of(part.path());
        let jail = Jail::new().map_err(fault)?;
        self.gather(part, &jail)?;
        let arguments = self.arguments();
        let secrets = || Texts::of_values(&jail, &self.helm.values);
        let output = self.helm.program.run(cx, part, &jail, &arguments, &secrets).map_err(fault)?;
        self.manifests.made(cx, part, Maker::Helm(&self.folder), &output)
    }

    async fn refresh(&self, cx: &Cx) -> Result<()> {
        match (self.manifests.asks(), &self.helm.kubernetes, &self.helm.api_versions) {
            (Some(cluster), None, _) | (Some(cluster), _, None) => self.served.ask(cx, cluster).await,
            _ => Ok(()),
        }
    }

    async fn answer(&self, cx: &Cx, asked: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>> {
        self.manifests.answer(cx, asked).await
    }

    fn wants(&self, path: &str) -> bool {
        join(&self.folder, "Chart.yaml").is_some_and(|chart| chart == path)
    }

    fn roots(&self) -> Vec<RenderRoot> {
        vec![RenderRoot::folder(&self.folder).holding("a chart", ["Chart.yaml"])]
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops helm render 1");
        hasher
            .field(self.manifests.fingerprint().as_bytes())
            .field(&self.folder)
            .field(&self.helm.program.version);
        for argument in self.arguments() {
            hasher.field(argument);
        }
        hasher.finish()
    }
}
