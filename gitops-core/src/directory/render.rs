use smol_str::SmolStr;

use super::{file_body, file_kind};
use crate::diagnostic::Diagnostic;
use crate::render::{Part, Render};
use crate::value::{Digest, Hasher, Key, Object};

/// Declares each file of a source as the file of the same path in a directory.
#[derive(Clone, Debug)]
pub struct FileRender {
    target: SmolStr,
}

impl FileRender {
    /// Declares files for the directory that the engine knows under this name.
    pub fn new(target: impl Into<SmolStr>) -> Self {
        Self { target: target.into() }
    }
}

impl Render for FileRender {
    fn render(&self, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let key = Key::new(self.target.clone(), file_kind(), "", part.shared_path());
        let body = file_body(part.bytes()?, part.is_executable());
        Ok(vec![Object::new(key, body, part.provenance(0))])
    }

    fn fingerprint(&self) -> Digest {
        Hasher::new("gitops files 1").field(&self.target).finish()
    }
}
