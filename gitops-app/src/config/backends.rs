//! The kinds of targets that a configuration may name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gitops_core::{Mount, Result};
use serde::de::DeserializeOwned;

use super::node::{Node, Place};
use super::reader::Reader;
use super::{decode, target};
use crate::mounting::{Mounting, Open};

/// The kinds of targets that a configuration may name, each by the key that stands under `target`.
///
/// The built-in ones are always there: `directory`, `kubernetes` and `terraform`. A program registers its own beside them:
///
/// ```
/// use gitops_app::{Backends, Mounting};
/// use gitops_core::{Memory, Mount};
/// use gitops_core::backend::directory::FileRender;
/// use std::sync::Arc;
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Settings {
///     address: String,
/// }
///
/// let backends = Backends::new().with("my-service", |mounting: Mounting, settings: Settings| async move {
///     println!("{} works on {}", mounting.application, settings.address);
///     let render = FileRender::new(&mounting.target).below(&mounting.path);
///     Ok(Mount::new(Arc::new(Memory::default()), Arc::new(render)))
/// });
/// ```
#[derive(Clone, Default)]
pub struct Backends(BTreeMap<String, Decode>);

/// Reads the settings of a backend, and gives what opens it with them.
type Decode = Arc<dyn Fn(&Reader, &Node, Place) -> Option<Open> + Send + Sync>;

impl Backends {
    /// The built-in kinds alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind of target: a key under `target`, and what opens it.
    ///
    /// Its settings are decoded by serde while the configuration is read. A key that the type does not know, one that is
    /// missing, and a value that does not fit are faults like any other of the file, with their line and the way out. `open`
    /// is called with a copy of the settings each time that the application is opened.
    ///
    /// # Panics
    /// If the key is one of the built-in kinds, or `path`, or was added before.
    #[must_use]
    pub fn with<S, F, R>(mut self, key: &str, open: F) -> Self
    where
        S: DeserializeOwned + Clone + Send + Sync + 'static,
        F: Fn(Mounting, S) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Mount>> + Send + 'static,
    {
        assert!(!target::RESERVED.contains(&key), "the kind `{key}` is built in");
        let open = Arc::new(open);
        let name = format!("`{key}`");
        let decode = move |reader: &Reader, node: &Node, owner: Place| -> Option<Open> {
            let settings: S = decode::decode(reader, node, &name, owner)?;
            let open = open.clone();
            Some(Arc::new(move |mounting| Box::pin(open(mounting, settings.clone()))))
        };
        let before = self.0.insert(key.to_owned(), Arc::new(decode));
        assert!(before.is_none(), "the kind `{key}` was added before");
        self
    }

    /// The keys of the kinds that are not built in.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads the settings of a kind; a fault if they do not fit.
    pub(crate) fn decode(&self, key: &str, reader: &Reader, node: &Node, owner: Place) -> Option<Open> {
        self.0.get(key)?(reader, node, owner)
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
