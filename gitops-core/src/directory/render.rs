use smol_str::SmolStr;

use super::{file_body, file_kind};
use crate::diagnostic::Diagnostic;
use crate::render::{Part, Render};
use crate::value::{Digest, Hasher, Key, Object};

/// Declares each file of a source as the file of the same path in a directory.
#[derive(Clone, Debug)]
pub struct FileRender {
    target: SmolStr,
    below: SmolStr,
}

impl FileRender {
    /// Declares files for the directory that the engine knows under this name.
    pub fn new(target: impl Into<SmolStr>) -> Self {
        Self { target: target.into(), below: SmolStr::default() }
    }

    /// Declares only the files below this folder of the source, by their paths from there.
    ///
    /// ```
    /// use gitops_core::{Render, directory::FileRender};
    /// let render = FileRender::new("dir").below("conf");
    /// assert!(render.wants("conf/app.toml") && !render.wants("configure"));
    /// ```
    #[must_use]
    pub fn below(mut self, folder: &str) -> Self {
        self.below = folder.trim_matches('/').into();
        self
    }

    fn name<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.below.is_empty() {
            true => Some(path),
            false => path.strip_prefix(&*self.below)?.strip_prefix('/'),
        }
    }
}

impl Render for FileRender {
    fn render(&self, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let Some(name) = self.name(part.path()) else { return Ok(Vec::new()) };
        // The whole path is shared with the part.
        let name = if self.below.is_empty() { part.shared_path() } else { name.into() };
        let key = Key::new(self.target.clone(), file_kind(), "", name);
        let body = file_body(part.bytes()?, part.is_executable());
        Ok(vec![Object::new(key, body, part.provenance(0))])
    }

    fn wants(&self, path: &str) -> bool {
        self.name(path).is_some()
    }

    fn fingerprint(&self) -> Digest {
        Hasher::new("gitops files 2").field(&self.target).field(&self.below).finish()
    }
}
