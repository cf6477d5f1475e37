//! Backends over a plain service: it lists, gets, creates, updates and deletes, and the adapter does the rest.
//!
//! Most services that a platform team wants under GitOps are one HTTP API, or one table, with these five requests.
//! Implement [`Service`] over them, and [`ServiceTarget`] is the [`Target`](crate::Target):
//!
//! ```text
//! engine ──Change──▶ ServiceTarget ──list, get, create, update, delete──▶ Service (yours) ──▶ the API
//!                        │ owner label on the object, or ledger in a StateStore
//! ```
//!
//! | What the adapter does | How |
//! | --- | --- |
//! | Ownership | The owner label is a text that the service stores with the object, or an entry of a ledger. |
//! | Preconditions | It compares before each write. A [conditional](ServiceInfo::conditional) service compares once more. |
//! | Lost answers | It looks the object up before it sends a creation again. |
//! | Late creations | An object that was made twice is shown with both, and the next update removes the surplus one. |
//! | Declared fields | It remembers which fields were declared. What the service fills in is no drift. |
//! | Fields that left Git | They go back to their [default](ServiceInfo::defaults), or are written as null. |
//! | Secrets | They are compared by a keyed digest, never shown, and hidden in the service's errors. |
//! | Lists | Every page is read; a list of several pages that moved meanwhile is read again. |
//!
//! # Recovery class
//! Keyed: the client names objects, the service compares versions, and the owner label is on the object.
//! Discoverable: all others.
//!
//! # Example
//! A service in memory; `examples/backend-dns` and `examples/backend-postgres` are real ones.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::Mutex;
//! use gitops_core::prelude::*;
//! use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, ServiceTarget, Write};
//!
//! #[derive(Default)]
//! struct Rooms(Mutex<BTreeMap<String, (Value, String)>>);
//!
//! #[async_trait]
//! impl Service for Rooms {
//!     fn info(&self) -> ServiceInfo {
//!         ServiceInfo::new("rooms", "Room").named()
//!     }
//!     async fn list(&self, _: &Cx, _: &Query) -> Result<Page> {
//!         let rooms = self.0.lock().expect("nobody panics with it");
//!         let item = |(name, (fields, label)): (&String, &(Value, String))| {
//!             Item::new(name, name, fields.clone()).label(label)
//!         };
//!         Ok(Page::last(rooms.iter().map(item)))
//!     }
//!     async fn get(&self, cx: &Cx, key: &Key, id: &str) -> Result<Option<Item>> {
//!         Ok(self.list(cx, &Query::of(key)).await?.items.into_iter().find(|item| item.id == id))
//!     }
//!     async fn create(&self, _: &Cx, key: &Key, write: &Write) -> Result<Item> {
//!         let room = (write.fields.clone(), write.label.clone());
//!         self.0.lock().expect("nobody panics with it").insert(key.name().to_owned(), room);
//!         Ok(Item::new(key.name(), key.name(), write.fields.clone()).label(&write.label))
//!     }
//!     async fn update(&self, _: &Cx, _: &Key, id: &str, write: &Write) -> Result<Item> {
//!         let room = (write.whole.clone(), write.label.clone());
//!         self.0.lock().expect("nobody panics with it").insert(id.to_owned(), room);
//!         Ok(Item::new(id, id, write.whole.clone()).label(&write.label))
//!     }
//!     async fn delete(&self, _: &Cx, _: &Key, id: &str, _: Option<&Version>) -> Result<()> {
//!         self.0.lock().expect("nobody panics with it").remove(id);
//!         Ok(())
//!     }
//! }
//!
//! let target = ServiceTarget::new(Rooms::default());
//! assert_eq!(target.info().recovery_class, RecoveryClass::Discoverable);
//! ```

mod change;
mod compare;
#[cfg(feature = "external")]
mod external;
mod import;
mod info;
mod item;
mod ledger;
mod listing;
mod note;
mod resolve;
mod shape;
mod target;

#[cfg(feature = "external")]
pub use external::{External, Program};
pub use info::ServiceInfo;
pub use item::{Item, Page, Query, Write};
pub use target::ServiceTarget;

use async_trait::async_trait;

use crate::cx::Cx;
use crate::value::{Key, Result, Version};

/// A service with five requests. [`ServiceTarget`] makes it a [`Target`](crate::Target).
///
/// | Required | Signature |
/// | --- | --- |
/// | `info` | `fn info(&self) -> ServiceInfo` |
/// | `list` | `async fn list(&self, cx: &Cx, query: &Query) -> Result<Page>` |
/// | `get` | `async fn get(&self, cx: &Cx, key: &Key, id: &str) -> Result<Option<Item>>` |
/// | `create` | `async fn create(&self, cx: &Cx, key: &Key, write: &Write) -> Result<Item>` |
/// | `update` | `async fn update(&self, cx: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item>` |
/// | `delete` | `async fn delete(&self, cx: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()>` |
///
/// # Guarantees asked of an implementation
/// - Each method is one request, or one transaction: it has its whole effect or none, also when its future is dropped.
/// - `create` sets the label in the same request. A [named](ServiceInfo::named) service refuses a name that is taken with a
///   conflict.
/// - `update` writes the named fields and no other, and makes no object.
/// - `create` and `update` answer what the service now holds, by its own answer or by a read after the write.
/// - A read sees what was written before it.
///
/// # Errors
/// - What the service refused: the kind that fits, see [`ErrorKind`](crate::ErrorKind). Nothing was done.
/// - Too many requests: `Unavailable` with [`Retry::After`](crate::Retry::After), if the service says how long.
/// - No connection: `Unavailable`. Nothing was done.
/// - A request that was sent and not answered: the same with [`outcome_unknown`](crate::Error::outcome_unknown). An
///   implementation does not have to tell reads from writes: of a read, the adapter knows that nothing was done.
///
/// # Cancel safety
/// Any future may be dropped at any await. The adapter takes the outcome of a write for unknown then.
#[async_trait]
pub trait Service: Send + Sync {
    /// What the service is and what it can do.
    fn info(&self) -> ServiceInfo;

    /// One page of the objects of a kind in a namespace.
    async fn list(&self, cx: &Cx, query: &Query) -> Result<Page>;

    /// The object of an id, if it is there.
    async fn get(&self, cx: &Cx, key: &Key, id: &str) -> Result<Option<Item>>;

    /// Makes an object, and answers what the service holds.
    async fn create(&self, cx: &Cx, key: &Key, write: &Write) -> Result<Item>;

    /// Sets fields of an object that is there, and answers what the service holds.
    async fn update(&self, cx: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item>;

    /// Removes an object; in this version only, if the service is [conditional](ServiceInfo::conditional).
    async fn delete(&self, cx: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()>;
}
