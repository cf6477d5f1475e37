//! A state backend of our own: the tool's `http` backend over a [`StateStore`].

mod head;
mod http;
mod keep;
mod password;
mod recorder;
mod tls;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gitops_core::{AuditSink, Cx, Digest, Error, Hasher, Key, Result, SecretKey, StateStore, Time};
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tool::process::is_gone;
use keep::States;
use password::Passwords;
use recorder::Recorder;
use tls::{Connections, Identity};

/// Keeps the states of roots, on this machine only, for the tool's `http` backend.
///
/// [`TerraformBuilder::state_server`](crate::TerraformBuilder::state_server) gives it to a target: roots that it works
/// on then need no backend of their own, and a state that did not change is read without a process.
///
/// # Guarantees
/// - A write is durable before it is answered, and the states before it stay readable, the latest 16 of them.
/// - A write needs the lock, and goes on from what is there: same lineage, higher serial. Everything else is refused.
/// - With an [audit log](Self::audited), a write that can't be recorded is refused.
/// - A lock is given back only by its id, and never by age. Who holds it, and since when, is told to who asks.
/// - It listens only while a run of the tool needs it, on a free port of this machine, and speaks TLS under an authority
///   that is made anew each time: whoever has the port later is not believed. Every request must know a password that
///   is good for one run and one root's state, and is in no file.
///
/// # Cancel safety
/// A request that is cut short has been done wholly or not at all.
#[derive(Debug)]
pub struct StateServer {
    states: Arc<States>,
    door: Mutex<Weak<Door>>,
}

/// The way in for runs of the tool: it closes when nobody keeps it any more.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    passwords: Arc<Passwords>,
    /// The authority that vouches for the server, in PEM.
    authority: String,
    _stop: DropGuard,
}

/// One state that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateWrite {
    /// The line of states.
    pub lineage: String,
    /// Where in it.
    pub serial: u64,
    /// The digest of its bytes.
    pub digest: Digest,
    /// When it was written.
    pub at: Time,
    /// Who wrote it, as the lock says.
    pub who: String,
    /// What the writer was about, as the lock says.
    pub operation: String,
}

/// Who holds the lock of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateLock {
    /// The lock's id.
    pub id: String,
    /// What the holder is about.
    pub operation: String,
    /// The holder.
    pub who: String,
    /// Since when, as the holder says.
    pub created: String,
    /// The run of ours that holds it.
    pub run: String,
}

impl StateServer {
    /// A server of the states in a store.
    pub fn new(store: Arc<dyn StateStore>) -> Self {
        Self { states: Arc::new(States::new(store, None)), door: Mutex::default() }
    }

    /// A server that records each write in an audit log before it makes it: whose state it is, which run wrote it,
    /// lineage, serial and a digest under the application's key, and nothing of what is in it. By a plain digest a short
    /// secret in a state could be guessed.
    pub fn audited(
        store: Arc<dyn StateStore>,
        application: impl Into<String>,
        sink: Arc<dyn AuditSink>,
        key: SecretKey,
    ) -> Self {
        let recorder = Recorder { application: application.into(), sink, key };
        Self { states: Arc::new(States::new(store, Some(recorder))), door: Mutex::default() }
    }

    /// Opens the door, or the one that is open: runs at the same time share it.
    ///
    /// # Errors
    /// `Storage` if no port can be had.
    pub(crate) fn door(&self, cx: &Cx) -> Result<Arc<Door>> {
        let mut current = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = current.upgrade() {
            return Ok(door);
        }
        let door = Arc::new(Door::open(cx, &self.states)?);
        *current = Arc::downgrade(&door);
        Ok(door)
    }

    /// The latest state of a name, in clear; nothing if there is none.
    pub async fn read(&self, cx: &Cx, name: &str) -> Result<Option<Vec<u8>>> {
        self.states.read(cx, name).await
    }

    /// The writes of a name, oldest first, the latest 200 of them.
    pub async fn history(&self, cx: &Cx, name: &str) -> Result<Vec<StateWrite>> {
        self.states.history(cx, name).await
    }

    /// An earlier state of a name that is still kept, in clear.
    pub async fn version(&self, cx: &Cx, name: &str, serial: u64) -> Result<Option<Vec<u8>>> {
        self.states.version(cx, name, serial).await
    }

    /// Who holds the lock of a name.
    pub async fn lock(&self, cx: &Cx, name: &str) -> Result<Option<StateLock>> {
        self.states.lock_of(cx, name).await
    }

    /// Gives a lock back in its holder's place: for a person who has seen that the holder is gone.
    ///
    /// # Errors
    /// `Conflict` if the lock is another one than the one named.
    pub async fn unlock(&self, cx: &Cx, name: &str, id: &str) -> Result<()> {
        self.states.unlock(cx, name, id).await.map_err(Error::from)
    }

    /// Gives a lock back whose holder is a run of ours of which nothing is at work any more.
    pub(crate) async fn release_orphaned(&self, cx: &Cx, name: &str) -> Result<()> {
        let held = self.states.lock_of(cx, name).await?;
        match held.filter(|lock| is_gone(&lock.run)) {
            Some(lock) => self.unlock(cx, name, &lock.id).await,
            None => Ok(()),
        }
    }
}

impl Door {
    fn open(cx: &Cx, states: &Arc<States>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (address, listener) = (listener.local_addr()?, tokio::net::TcpListener::from_std(listener)?);
        let (identity, stop) = (Identity::new()?, CancellationToken::new());
        let connections = Connections::of(cx.shielded(), listener, &identity)?;
        let passwords = Arc::new(Passwords::new(cx));
        let app = http::app(cx.shielded(), states.clone(), passwords.clone());
        let end = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(connections, app).with_graceful_shutdown(end).await });
        Ok(Self { address, passwords, authority: identity.authority, _stop: stop.drop_guard() })
    }

    /// The variables by which a run of the tool finds the state of a root, and signs in.
    pub(crate) fn variables(&self, root: &Key, workspace: &str, run: &str) -> [(&'static str, String); 8] {
        let name = name_of(root, workspace);
        let password = self.passwords.of(&name, root, run);
        let address =
            format!("https://{}/states/{name}?root={}", self.address, in_address(&root.to_string()));
        [
            ("TF_HTTP_ADDRESS", address.clone()),
            ("TF_HTTP_LOCK_ADDRESS", address.clone()),
            ("TF_HTTP_UNLOCK_ADDRESS", address),
            ("TF_HTTP_USERNAME", run.to_owned()),
            ("TF_HTTP_PASSWORD", password),
            ("TF_HTTP_CLIENT_CA_CERTIFICATE_PEM", self.authority.clone()),
            ("TF_HTTP_RETRY_MAX", "2".to_owned()),
            ("TF_HTTP_RETRY_WAIT_MIN", "1".to_owned()),
        ]
    }
}

/// The name of a state: that of a root in a workspace.
pub(crate) fn name_of(key: &Key, workspace: &str) -> String {
    let digest = Hasher::new("gitops terraform state 1").field(key.to_string()).field(workspace).finish();
    digest.to_string()[..40].to_owned()
}

/// A text as it stands in an address: letters and digits as they are, every other byte by its number.
fn in_address(text: &str) -> String {
    let shown = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(shown).collect()
}
