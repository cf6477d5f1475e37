//! From manifests to objects.

mod clean;
mod deprecated;
mod files;
mod identity;
mod object;
mod scope_facts;
mod scopes;
mod secret;
mod size;
mod text_maps;
mod warnings;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use gitops_core::{Cx, Diagnostic, Digest, Error, Hasher, Object, Part, Render, SecretKey};
use smol_str::SmolStr;

pub use files::NonManifests;
pub(crate) use scopes::is_built_in;
pub use scopes::{Scope, Scopes};

use crate::client::cluster::Cluster;
use crate::declare::render::{Maker, Origins};
use crate::declare::transform::{Sheet, Transform};
use crate::yaml::{self, Dialect, Document, Fault, File, Node, Place, YamlLimits, parallel};
use object::Placed;

/// Renders Kubernetes manifests: every `*.yaml`, `*.yml` and `*.json` is a part, every document an object.
///
/// What the API server sets itself (`status`, `creationTimestamp`, `managedFields` and its like) and nulls are left
/// out, but for nulls of kinds that others defined, which may keep them; `List` kinds are taken apart; the `stringData` of a Secret is folded into its `data`, whose values become
/// [`Secret`](gitops_core::Secret)s. An object's key is the target's name, its group and kind, namespace and name; the
/// version stays in the body. `docs/kubernetes-manifests.md` has all rules in one place.
///
/// ```
/// use std::sync::Arc;
/// use gitops_core::{Cx, Renderer, Revision, Snapshot};
/// use gitops_k8s::KubernetesRender;
/// let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n";
/// let snapshot = Snapshot::from_files("repo", Revision::new("1", ""), [("web.yaml", text)])?;
/// let render = KubernetesRender::new("prod").namespace("shop");
/// let desired = Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot)?.desired;
/// let keys: Vec<_> = desired.objects().iter().map(|(key, _)| key.to_string()).collect();
/// assert_eq!(keys, ["prod:ConfigMap/shop/web"]);
/// # Ok::<(), gitops_core::Error>(())
/// ```
///
/// Folders that a program renders first have renderers of their own:
///
/// ```no_run
/// use std::sync::Arc;
/// use gitops_core::{Cx, Routes};
/// use gitops_k8s::{Helm, KubernetesRender, Kustomize};
/// let (cx, manifests) = (Cx::system(), KubernetesRender::new("prod").namespace("shop"));
/// let web = manifests.clone().kustomized("apps/web", Kustomize::find(&cx)?);
/// let cache = manifests.clone().helmed("apps/cache", Helm::find(&cx, "cache")?.values("apps/cache-prod.yaml"));
/// let render = Routes::new()
///     .route("apps", Arc::new(manifests))
///     .route("apps/web", Arc::new(web))
///     .route("apps/cache", Arc::new(cache));
/// # let _ = render;
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KubernetesRender {
    target: SmolStr,
    namespace: Option<SmolStr>,
    scopes: Scopes,
    dialect: Dialect,
    limits: YamlLimits,
    non_manifests: NonManifests,
    secret_key: Option<SecretKey>,
    steps: Vec<Arc<dyn Transform>>,
    cluster: Option<Cluster>,
}

impl KubernetesRender {
    /// A renderer of objects for the target of this name.
    pub fn new(target: impl Into<SmolStr>) -> Self {
        Self {
            target: target.into(),
            namespace: None,
            scopes: Scopes::default(),
            dialect: Dialect::default(),
            limits: YamlLimits::default(),
            non_manifests: NonManifests::default(),
            secret_key: None,
            steps: Vec::new(),
            cluster: None,
        }
    }

    /// The namespace of objects that live in one and name none; without this, that is a fault.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<SmolStr>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Which kinds live in a namespace, beside the built-in ones.
    #[must_use]
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// The cluster that says which kinds live in a namespace, where neither this renderer nor a definition in the same tree
    /// does. It is asked only about kinds of which an object names no namespace.
    #[must_use]
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Whose reading of YAML is followed; `kubectl`'s by default.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What a file may cost to read.
    #[must_use]
    pub fn limits(mut self, limits: YamlLimits) -> Self {
        self.limits = limits;
        self
    }

    /// What to do with a YAML file that holds no object; it is refused by default.
    #[must_use]
    pub fn non_manifests(mut self, non_manifests: NonManifests) -> Self {
        self.non_manifests = non_manifests;
        self
    }

    /// The key under which the application compares its secrets; without it, a Secret is refused.
    #[must_use]
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.secret_key = Some(key);
        self
    }

    /// Adds a step that changes documents before they become objects; steps run in the order in which they were added.
    #[must_use]
    pub fn step(mut self, step: impl Transform + 'static) -> Self {
        self.steps.push(Arc::new(step));
        self
    }

    /// The cluster that is asked what the tree does not tell.
    pub(crate) fn asks(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    pub(crate) fn default_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The objects of manifests that a program made from a part, each with the file and, as far as it is known, the line of
    /// the repository that it comes from.
    pub(crate) fn made(
        &self,
        cx: &Cx,
        part: &Part<'_>,
        maker: Maker<'_>,
        manifests: &[u8],
    ) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let path = format!("{} as rendered", part.path());
        let mut origins = Origins::of(part, maker, manifests);
        let documents = yaml::read_until(&path, manifests, self.dialect, &self.limits, &|| cx.is_cancelled());
        let objects = documents.and_then(|mut documents| {
            origins.take(&mut documents);
            self.objects(cx, part, &path, manifests, documents, Some(&origins))
        });
        let whole = part.provenance(0);
        let placed = |mut object: Object| {
            object.provenance = origins.provenance(whole.clone(), object.provenance.line);
            object
        };
        match objects {
            Ok(objects) => Ok(objects.into_iter().map(placed).collect()),
            Err(faults) => Err(faults.into_iter().map(|fault| origins.place(fault)).collect()),
        }
    }

    /// The objects of documents, of a file or as a program made them.
    fn objects(
        &self,
        cx: &Cx,
        part: &Part<'_>,
        path: &str,
        bytes: &[u8],
        mut documents: Vec<Document>,
        origins: Option<&Origins<'_, '_>>,
    ) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let file = File::new(path, bytes, &self.limits).map_err(|fault| vec![*fault])?;
        let sheet = Sheet::new(&file, self.dialect, origins);
        let is_made = origins.is_some();
        if documents.is_empty() {
            warnings::tell_empty(part, if is_made { "what is rendered from it" } else { "the file" });
        }
        // What a program printed has one reader, which is that of the program.
        let mut warnings = if is_made { Vec::new() } else { warnings::of(&mut documents) };
        self.steps.iter().try_for_each(|step| step.transform(cx, &sheet, &mut documents))?;
        let nodes: Vec<Node> = documents.into_iter().map(|document| document.root).collect();
        if self.non_manifests.are(&nodes, path).map_err(|fault| vec![file.show(&fault)])? {
            return Ok(Vec::new());
        }
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        let (start, cores) = (part.provenance(0), bytes.len() / yaml::WORTH_A_CORE);
        let nodes = yaml::list::flatten(nodes);
        // Before any object of the part asks: a definition may stand behind the objects of its kind.
        nodes.iter().for_each(|node| scope_facts::tell(node, part, &self.target));
        let placed = nodes.into_iter().map(|node| self.place(node, part)).collect();
        let objects = parallel::map(placed, cores, |placed: Result<Placed, Vec<Fault>>| {
            let mut warnings = Vec::new();
            if cx.is_cancelled() {
                return (Err(vec![Fault::cancelled(Place::default())]), warnings);
            }
            (placed.and_then(|placed| self.object(placed, &start, &mut warnings)), warnings)
        });
        for (object, more) in objects {
            warnings.extend(more);
            match object {
                Ok(object) => found.extend(object),
                // Nobody reads more of them, and each costs a line.
                Err(more) if faults.len() < yaml::FAULTS => {
                    faults.extend(more.iter().map(|fault| file.show(fault)));
                }
                Err(_) => {}
            }
        }
        warnings::tell(part, &file, origins, warnings);
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }
}

#[async_trait]
impl Render for KubernetesRender {
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let bytes = part.bytes()?;
        let bytes = yaml::utf8(part.path(), &bytes)?;
        if files::is_left_out(&bytes) {
            return Ok(Vec::new());
        }
        let stop = || cx.is_cancelled();
        let documents = yaml::read_until(part.path(), &bytes, self.dialect, &self.limits, &stop)?;
        self.objects(cx, part, part.path(), &bytes, documents, None)
    }

    async fn answer(&self, cx: &Cx, asked: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>, Error> {
        match &self.cluster {
            Some(cluster) => scope_facts::ask(cx, cluster, &self.target, asked).await,
            None => Ok(BTreeMap::new()),
        }
    }

    fn wants(&self, path: &str) -> bool {
        files::is_manifest(path)
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops kubernetes render 1");
        hasher.field(&self.target).field(self.namespace.as_deref().unwrap_or("/"));
        hasher.field(format!("{:?} {:?} {:?}", self.dialect, self.limits, self.non_manifests));
        hasher.field(format!("{:?} {:?}", self.scopes, self.secret_key.is_some()));
        for step in &self.steps {
            hasher.field(step.fingerprint().as_bytes());
        }
        hasher.finish()
    }
}
