//! From a tree of files to declared objects.

mod circles;
mod desired;
mod facts;
mod kept;
mod leads;
mod needed;
mod needing;
mod part;
mod parts;
mod renderer;
mod roots;
mod routes;
mod stages;
mod tree_diff;

pub use desired::Desired;
pub(crate) use kept::{KeptRendering, kept_key};
pub use part::Part;
pub use renderer::{Rendered, Renderer};
pub use roots::RenderRoot;
pub use routes::Routes;

use std::collections::BTreeMap;

use async_trait::async_trait;
use smol_str::SmolStr;

use crate::cx::Cx;
use crate::value::{Diagnostic, Digest, Object, Result};

/// Turns files into objects: pure, without clock or I/O of its own besides programs that it runs.
///
/// A tree is rendered in *parts*: each file that [`wants`](Self::wants) says yes to is the root of one part, and a
/// part may read other files through [`Part`]. What a part read is remembered, and it is rendered again only when
/// some of that changed. So a renderer of single files reads just the part's own file, and one that follows
/// references wants only the file from which they start.
///
/// # Guarantees asked of an implementation
/// The same part with the same inputs gives the same objects, in any process. Everything that it depends on
/// besides its inputs (options, versions of programs) is in the [`fingerprint`](Self::fingerprint).
///
/// # Errors
/// All faults of the part, each with its place. One fault in any part refuses the whole revision: nothing is
/// planned from it, and nothing is pruned.
#[async_trait]
pub trait Render: Send + Sync {
    /// The objects that a part declares. It runs on a thread that may be blocked; what takes long looks at the context
    /// now and then, and ends what it started. What it returns once the context is over counts for nothing.
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>>;

    /// Brings up to date what it depends on besides the tree, such as the versions that a cluster serves; the
    /// [`fingerprint`](Self::fingerprint) tells of it from then on. It is asked before each new revision is
    /// rendered, and for a revision that stays when a person asks for a plan and once an [interval](crate::Engine::run): then that is rendered
    /// again if the fingerprint is another.
    ///
    /// # Errors
    /// Whatever keeps it from knowing: nothing is planned then.
    async fn refresh(&self, cx: &Cx) -> Result<()> {
        let _ = cx;
        Ok(())
    }

    /// Finds out what parts [asked for](Part::fact) and no part told, from outside the tree: where a cluster says that
    /// the objects of a kind live, say. What it does not know it leaves out. It is asked only if something is open, and an
    /// answer counts as long as the [`fingerprint`](Self::fingerprint) stays.
    ///
    /// # Errors
    /// Whatever keeps it from answering: nothing is planned then. An answer that is left out instead would make another
    /// declaration of what is there, and what was declared before would be pruned.
    async fn answer(&self, cx: &Cx, asked: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>> {
        let _ = (cx, asked);
        Ok(BTreeMap::new())
    }

    /// Whether a file is the root of a part.
    fn wants(&self, path: &str) -> bool {
        let _ = path;
        true
    }

    /// Whether nothing that it declares can lie at or behind a symbolic link, which is never followed: then the link is
    /// only a warning. Any other one is a fault, for what is behind it would be missing, and be pruned.
    fn passes_over(&self, link: &str) -> bool {
        let _ = link;
        false
    }

    /// The folders that it was told to render. One that is not in a revision, or does not hold what it should, is a fault:
    /// it would render to nothing, and all that was declared there would be pruned.
    fn roots(&self) -> Vec<RenderRoot> {
        Vec::new()
    }

    /// The digest of options and versions; another one renders everything anew and makes older plans stale.
    fn fingerprint(&self) -> Digest;
}

/// A renderer from a function that looks at one file at a time, and takes no time worth cancelling; `name` must change
/// whenever its meaning does.
///
/// ```
/// use gitops_core::{GroupKind, Key, Object, Part, Value, render_files};
/// let render = render_files("notes 1", |part: &Part<'_>| {
///     let key = Key::new("memory", GroupKind::new("", "Note"), "", part.path());
///     Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0))])
/// });
/// # let _ = render;
/// ```
pub fn render_files<F>(name: &str, render: F) -> impl Render + use<F>
where
    F: Fn(&Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> + Send + Sync,
{
    Files { fingerprint: Digest::of(name.as_bytes()), render }
}

struct Files<F> {
    fingerprint: Digest,
    render: F,
}

impl<F> Render for Files<F>
where
    F: Fn(&Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> + Send + Sync,
{
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        (self.render)(part)
    }

    fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}
