//! Who may act, decided by the cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::{Cx, Error, ErrorKind, Lease, LeaseGrant, Result, Time};
use serde_json::{Value as Json, json};

use crate::client::cluster::{Call, Cluster};

/// A [`Lease`] in a cluster: one `coordination.k8s.io` lease object.
///
/// No clocks of two machines are compared. Somebody else's lease counts as over once this one has seen it unchanged
/// for its whole term, by its own clock; so a lease that was just found is first watched for a term. The server compares
/// versions: of two that would take it, one does. The epoch is the object's `leaseTransitions`.
///
/// Needs `get`, `create` and `update` on leases in the namespace.
#[derive(Debug)]
pub struct ClusterLease {
    cluster: Cluster,
    leases: String,
    name: String,
    /// The claim that was seen last, and since when.
    seen: Mutex<Option<(String, Time)>>,
    /// What its holder says of itself.
    note: LeaseNote,
}

/// What the holder of a lease says of itself: it is written with the next renewal, as the annotation `gitops/note`, and costs no request of
/// its own. Whoever may read the lease reads it. All clones are one.
#[derive(Clone, Debug, Default)]
pub struct LeaseNote(Arc<Mutex<Option<String>>>);

impl LeaseNote {
    /// Says something else from the next renewal on.
    pub fn set(&self, note: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(note.into());
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const NOTE: &str = "gitops/note";

impl ClusterLease {
    /// The lease of this name in a namespace that is there.
    pub fn new(cluster: Cluster, namespace: &str, name: impl Into<String>) -> Self {
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        Self { cluster, leases, name: name.into(), seen: Mutex::default(), note: LeaseNote::default() }
    }

    /// The same, with what its holder says of itself.
    #[must_use]
    pub fn with_note(self, note: LeaseNote) -> Self {
        Self { note, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who has it, as the object says: no clocks are compared, so a holder that is gone is told until another one takes the lease.
    /// Nothing if it was given up or never taken.
    ///
    /// # Errors
    /// Those of the cluster; `Forbidden` where the lease may not be read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn holder(&self, cx: &Cx) -> Result<Option<LeaseHolder>> {
        let Some(lease) = self.load(cx).await? else { return Ok(None) };
        let holder = text(&lease, "/spec/holderIdentity");
        let time = |name: &str| serde_json::from_value(lease["spec"][name].clone()).ok();
        let (since, renewed) = (time("acquireTime"), time("renewTime"));
        let note = lease["metadata"]["annotations"][NOTE].as_str().map(str::to_owned);
        Ok((!holder.is_empty()).then(|| LeaseHolder { holder: holder.to_owned(), since, renewed, note }))
    }

    fn uri(&self) -> String {
        format!("{}/{}", self.leases, self.name)
    }

    async fn load(&self, cx: &Cx) -> Result<Option<Json>> {
        match self.cluster.wire().json(cx, Call::get(self.uri())).await {
            Ok(lease) => Ok(Some(lease)),
            Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Whether somebody else has it, as far as this one could see for itself.
    fn is_taken(&self, now: Time, lease: &Json, holder: &str) -> bool {
        let owner = text(lease, "/spec/holderIdentity");
        if owner.is_empty() || owner == holder {
            return false;
        }
        let term = Duration::from_secs(lease["spec"]["leaseDurationSeconds"].as_u64().unwrap_or(0));
        now.since(self.unchanged_since(now, lease)) < term
    }

    fn unchanged_since(&self, now: Time, lease: &Json) -> Time {
        let claim = claim(&lease["spec"]);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match seen {
            Some((known, since)) if known == claim => since,
            _ => self.note(claim, now),
        }
    }

    fn note(&self, claim: String, since: Time) -> Time {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((claim, since));
        since
    }

    /// Writes over the version that was read, or makes the object; nothing if somebody was faster.
    async fn write(&self, cx: &Cx, read: Option<&Json>, spec: Json) -> Result<Option<Json>> {
        let mut metadata = json!({"name": self.name});
        if let Some(read) = read {
            metadata["resourceVersion"] = read["metadata"]["resourceVersion"].clone();
            metadata["uid"] = read["metadata"]["uid"].clone();
        }
        // Who takes it over or gives it up says nothing of what another one said.
        if let Some(note) = self.note.get().filter(|_| spec["holderIdentity"] != "") {
            metadata["annotations"] = json!({NOTE: note});
        }
        // A claim of our own is known before it is made: also one whose answer nobody waits for.
        self.note(claim(&spec), cx.now());
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec
        });
        let body = lease.to_string().into_bytes();
        let call = match read {
            Some(_) => Call::put(self.uri(), body),
            None => Call::post(&self.leases, body),
        };
        match self.cluster.wire().json(cx, call).await {
            Ok(lease) => Ok(Some(lease)),
            Err(failure) if failure.kind() == ErrorKind::Conflict => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Who has a lease, as the object says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseHolder {
    /// Its name among those who want the lease.
    pub holder: String,
    /// Since when, by its own clock.
    pub since: Option<Time>,
    /// When it renewed the lease last, by its own clock.
    pub renewed: Option<Time>,
    /// What it says of itself ([`LeaseNote`]).
    pub note: Option<String>,
}

fn text<'a>(lease: &'a Json, pointer: &str) -> &'a str {
    lease.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// What every acquisition and renewal changes.
fn claim(spec: &Json) -> String {
    format!("{} {} {}", spec["holderIdentity"], spec["leaseTransitions"], spec["renewTime"])
}

fn epoch(lease: &Json) -> u64 {
    lease["spec"]["leaseTransitions"].as_u64().unwrap_or(0)
}

/// The object counts whole seconds; the holder goes by its own, shorter term.
fn spec(holder: &str, epoch: u64, now: Time, term: Duration) -> Json {
    let seconds = term.as_secs() + u64::from(term.subsec_nanos() > 0);
    json!({
        "holderIdentity": holder, "leaseTransitions": epoch, "leaseDurationSeconds": seconds.max(1),
        "acquireTime": now, "renewTime": now,
    })
}

fn lost(held: &LeaseGrant) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` has lost the lease", held.holder))
        .help("stop what was done under it; another engine may be at work")
}

#[async_trait]
impl Lease for ClusterLease {
    async fn acquire(&self, cx: &Cx, holder: &str, term: Duration) -> Result<Option<LeaseGrant>> {
        // The term begins before the request, so that it ends for its holder before it ends for anybody else.
        let now = cx.now();
        let lease = self.load(cx).await?;
        if lease.as_ref().is_some_and(|lease| self.is_taken(cx.now(), lease, holder)) {
            return Ok(None);
        }
        let epoch = lease.as_ref().map_or(0, epoch) + 1;
        let written = self.write(cx, lease.as_ref(), spec(holder, epoch, now, term)).await?;
        Ok(written.map(|_| LeaseGrant::new(holder, epoch, now.after(term))))
    }

    async fn renew(&self, cx: &Cx, held: &LeaseGrant, term: Duration) -> Result<LeaseGrant> {
        let now = cx.now();
        let lease = self.load(cx).await?.ok_or_else(|| lost(held))?;
        if epoch(&lease) != held.epoch || text(&lease, "/spec/holderIdentity") != held.holder {
            return Err(lost(held));
        }
        let mut renewed = spec(&held.holder, held.epoch, now, term);
        renewed["acquireTime"] = lease["spec"]["acquireTime"].clone();
        match self.write(cx, Some(&lease), renewed).await? {
            Some(_) => Ok(LeaseGrant::new(held.holder.clone(), held.epoch, now.after(term))),
            None => Err(lost(held)),
        }
    }

    async fn release(&self, cx: &Cx, held: &LeaseGrant) -> Result<()> {
        let Some(lease) = self.load(cx).await? else { return Ok(()) };
        if epoch(&lease) != held.epoch || text(&lease, "/spec/holderIdentity") != held.holder {
            return Ok(());
        }
        let free = spec("", held.epoch, cx.now(), Duration::from_secs(1));
        self.write(cx, Some(&lease), free).await.map(drop)
    }
}
