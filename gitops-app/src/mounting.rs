//! What a backend may use of the application that it is opened for.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use gitops_core::{AuditSink, Cx, EventSink, Mount, Result, SecretKey};

/// What a verb does with state and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Looks, also while another process is at work; makes and changes nothing but what can be found out again.
    Look,
    /// Takes the state for itself.
    Write,
}

/// Opens a backend with settings that were read.
pub(crate) type Open = Arc<dyn Fn(Mounting) -> BoxFuture<'static, Result<Mount>> + Send + Sync>;

/// What a backend may use of the application that it is opened for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Mounting {
    /// The context of the call that opens it.
    pub cx: Cx,
    /// The application's name.
    pub application: String,
    /// The name under which keys call the target.
    pub target: String,
    /// The folder of the source that declares the target's objects; empty for all of it.
    pub path: String,
    /// Whether anything may be written. With [`Access::Look`] nothing is made, also not a folder.
    pub access: Access,
    /// The key under which secrets of this application are compared.
    pub secrets: SecretKey,
    /// The audit log of the application.
    pub audit: Arc<dyn AuditSink>,
    /// Somebody who is told of what happens.
    pub events: Arc<dyn EventSink>,
    /// A folder in the state of the application for this target alone; it need not be there yet.
    pub folder: PathBuf,
    /// The folder of the configuration, from which relative paths start.
    pub base: PathBuf,
}
