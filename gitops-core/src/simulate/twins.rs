//! Objects that have two keys, such as a kind in an old and in a new group: a server serves one object under both.

use smol_str::format_smolstr;

use crate::value::Key;

/// What the second key's name has at its end.
const SECOND: &str = ".second";

/// The key under which the server keeps an object, whatever key it is named by.
pub(super) fn first(key: &Key) -> Key {
    match key.name().strip_suffix(SECOND) {
        Some(name) => named(key, name),
        None => key.clone(),
    }
}

/// The other key of an object.
pub(super) fn other(key: &Key) -> Key {
    match key.name().strip_suffix(SECOND) {
        Some(name) => named(key, name),
        None => named(key, &format_smolstr!("{}{SECOND}", key.name())),
    }
}

fn named(key: &Key, name: &str) -> Key {
    Key::new(key.target(), key.kind().clone(), key.namespace(), name)
}
