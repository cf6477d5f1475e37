//! The backend under a key of the file: `target: { key-value: { address: "127.0.0.1:7000" } }`.

use std::sync::Arc;

use gitops_app::{Backends, Mounting};
use gitops_core::{GroupKind, Key, Mount, Object, Part, Render, Value, render_files};
use serde::Deserialize;

use crate::{Client, KeyValue};

#[derive(Clone, Deserialize)]
struct Settings {
    address: String,
}

/// The kinds of targets that a file may name: the built-in ones, and `key-value`.
pub fn backends() -> Backends {
    Backends::new().with("key-value", |mounting: Mounting, settings: Settings| async move {
        let target = KeyValue(Client::new(settings.address));
        Ok(Mount::new(Arc::new(target), Arc::new(render(mounting))))
    })
}

/// Each file declares the setting of its name.
fn render(Mounting { target, path, .. }: Mounting) -> impl Render {
    let version = format!("settings 1 of {target} below {path}");
    render_files(&version, move |part: &Part<'_>| {
        let name = part.path().strip_prefix(path.as_str()).unwrap_or(part.path()).trim_start_matches('/');
        let key = Key::new(target.as_str(), GroupKind::new("", "Setting"), "", name);
        Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0))])
    })
}
