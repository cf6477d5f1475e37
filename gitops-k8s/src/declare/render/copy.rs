use gitops_core::{Diagnostic, EntryKind, Part};

use super::failure::Failure;
use super::jail::Jail;

/// Files that one render may take into the jail.
const FILES: usize = 10_000;
/// Their bytes together.
const BYTES: usize = 64 << 20;

/// What asks for a name with a hash over the object.
const NEEDS_HASH: &str = "needs-hash";

/// Copies folders of a part's tree into a jail, within limits.
pub(super) struct Copy<'a> {
    part: &'a Part<'a>,
    jail: &'a Jail,
    files: usize,
    bytes: usize,
    /// Whether a file holds what renderers take for a wish for a hash.
    has_hash: bool,
}

impl<'a> Copy<'a> {
    pub fn new(part: &'a Part<'a>, jail: &'a Jail) -> Self {
        Self { part, jail, files: 0, bytes: 0, has_hash: false }
    }

    /// Whether a file that was copied asks for a name with a hash over the object.
    pub fn has_hash(&self) -> bool {
        self.has_hash
    }

    /// Copies a folder with all below it; says whether there is such a folder.
    ///
    /// # Errors
    /// A file can't be read, or a limit is reached.
    pub fn folder(&mut self, path: &str) -> Result<bool, Vec<Diagnostic>> {
        let Some(entries) = self.part.list(path)? else { return Ok(false) };
        for entry in entries {
            let path =
                if path.is_empty() { entry.name.to_string() } else { format!("{path}/{}", entry.name) };
            match entry.kind {
                EntryKind::Folder => drop(self.folder(&path)?),
                EntryKind::File { .. } | EntryKind::Link => self.file(&path)?,
            }
        }
        Ok(true)
    }

    fn file(&mut self, path: &str) -> Result<(), Vec<Diagnostic>> {
        let Some(bytes) = self.part.read(path)? else { return Ok(()) };
        self.files += 1;
        self.bytes += bytes.len();
        self.has_hash |= std::str::from_utf8(&bytes).is_ok_and(|text| text.contains(NEEDS_HASH));
        if self.files > FILES || self.bytes > BYTES {
            let message =
                format!("more than {FILES} files or {BYTES} bytes have to be copied to render this");
            let fault = Diagnostic::error("GO0402", self.part.path(), message);
            return Err(vec![fault.help("move what is not needed out of the folder")]);
        }
        self.jail.write(path, &bytes).map_err(|failure: Failure| failure.of(self.part.path()))
    }
}

/// A path below a folder, with `.` and `..` resolved; nothing if it leads out of the tree.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut found: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(found.pop()?),
            name => found.push(name),
        }
    }
    Some(found.join("/"))
}
