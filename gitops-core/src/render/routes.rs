use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{Part, Render, RenderRoot};
use crate::cx::Cx;
use crate::value::{Diagnostic, Digest, Hasher, Object};

/// Renders a tree by several renderers, each below a folder of its own: one application over several targets.
///
/// A part goes to the renderer of the longest folder that holds it; what lies under none is nobody's. The renderers
/// see whole paths and may read files of each other's folders.
///
/// ```
/// # use std::sync::Arc;
/// # use gitops_core::{Render, Routes, backend::directory::FileRender};
/// let routes = Routes::new()
///     .route("site", Arc::new(FileRender::new("web")))
///     .route("site/admin", Arc::new(FileRender::new("admin")));
/// assert!(routes.wants("site/index.html") && !routes.wants("README.md"));
/// ```
#[derive(Clone, Default)]
pub struct Routes(BTreeMap<SmolStr, Arc<dyn Render>>);

impl Routes {
    /// No renderers: no file is wanted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the renderer of a folder, given by its path below the source's root; the empty path is the root. A folder
    /// has one renderer: the last that was given.
    #[must_use]
    pub fn route(mut self, folder: &str, render: Arc<dyn Render>) -> Self {
        self.0.insert(folder.trim_matches('/').into(), render);
        self
    }

    /// The renderer of the longest folder that holds a path.
    fn of(&self, path: &str) -> Option<&dyn Render> {
        let mut folder = path;
        loop {
            folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
            match self.0.get(folder) {
                Some(render) => return Some(&**render),
                None if folder.is_empty() => return None,
                None => {}
            }
        }
    }
}

#[async_trait]
impl Render for Routes {
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        self.of(part.path()).map_or_else(|| Ok(Vec::new()), |render| render.render(cx, part))
    }

    async fn refresh(&self, cx: &Cx) -> crate::value::Result<()> {
        for render in self.0.values() {
            render.refresh(cx).await?;
        }
        Ok(())
    }

    async fn answer(&self, cx: &Cx, asked: &[SmolStr]) -> crate::value::Result<BTreeMap<SmolStr, SmolStr>> {
        let mut answers = BTreeMap::new();
        for render in self.0.values() {
            let open = asked.iter().filter(|name| !answers.contains_key(*name)).cloned().collect::<Vec<_>>();
            answers.extend(render.answer(cx, &open).await?);
        }
        Ok(answers)
    }

    fn wants(&self, path: &str) -> bool {
        self.of(path).is_some_and(|render| render.wants(path))
    }

    fn passes_over(&self, link: &str) -> bool {
        // A folder of a route may lie behind it.
        let leads_to_one = self.0.keys().any(|folder| {
            folder.strip_prefix(link).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        !leads_to_one && self.of(link).is_none_or(|render| render.passes_over(link))
    }

    fn roots(&self) -> Vec<RenderRoot> {
        let folders = self.0.keys().map(|folder| RenderRoot::folder(folder));
        folders.chain(self.0.values().flat_map(|render| render.roots())).collect()
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops routes");
        for (folder, render) in &self.0 {
            hasher.field(folder).field(render.fingerprint().as_bytes());
        }
        hasher.finish()
    }
}
