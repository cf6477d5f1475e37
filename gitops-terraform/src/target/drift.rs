//! Changes made outside of Git, found on an interval of their own.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::capability::{MovedObjects, Watch};
use gitops_core::{Cx, Digest, Error, ErrorKind, Hasher, Key, Result};
use tokio::sync::Notify;

use crate::target::site::Site;
use crate::target::terraform::{Inner, Terraform, is_over};
use crate::tool::json::ResourceChange;

/// The roots that are looked after, and those that were found to have moved.
#[derive(Default)]
pub(crate) struct Lookout {
    inner: Mutex<Seen>,
    found: Notify,
}

#[derive(Default)]
struct Seen {
    known: BTreeSet<Key>,
    moved: BTreeSet<Key>,
    runs: bool,
}

impl Lookout {
    /// Looks after a root from now on.
    pub fn know(&self, key: &Key) {
        let mut inner = self.lock();
        if !inner.known.contains(key) {
            inner.known.insert(key.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_moved(&self, key: &Key) {
        self.lock().moved.insert(key.clone());
        self.found.notify_one();
    }

    /// Whether the caller is the one who has to begin.
    fn begins(&self) -> bool {
        !std::mem::replace(&mut self.lock().runs, true)
    }
}

impl Terraform {
    /// Asks the providers which resources of a root were changed outside of Git; changes nothing.
    ///
    /// Drift that is new is remembered: the next plan of an engine looks at the root again. Where the providers can't be
    /// asked with what is kept of the last apply, for a secret input or a file that is not text is not kept, the answer is
    /// nothing, and the next plan, which has the whole declaration, asks them.
    ///
    /// # Errors
    /// `NotFound` for a root that was never applied; else whatever keeps the root from being worked on.
    pub async fn drift(&self, cx: &Cx, key: &Key) -> Result<Option<Vec<ResourceChange>>> {
        match Site::enter(self, key, cx).await?.look_for_drift(cx).await? {
            Look::Found { drift, .. } => Ok(Some(drift)),
            Look::LeftToThePlan => Ok(None),
        }
    }
}

/// What a look for drift found.
enum Look {
    /// This, and whether it is other drift than before, or other checks fail.
    Found { drift: Vec<ResourceChange>, moved: bool },
    /// What was kept of the root is not all that it takes. The next plan looks.
    LeftToThePlan,
}

impl Site<'_> {
    async fn look_for_drift(&mut self, cx: &Cx) -> Result<Look> {
        let place = self.record().place.clone().filter(|_| self.record().owner.is_some());
        let (Some(place), Some(bundle)) = (place, self.bundle(cx).await?) else {
            return Err(Error::new(ErrorKind::NotFound, "the root was never applied").at(self.key));
        };
        let looked = match bundle.whole() {
            Ok(whole) => self.refresh(cx, &whole, &place).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok((drift, failed_checks)) => {
                let failed_checks = Some(failed_checks);
                let is_otherwise = self.record().failed_checks != failed_checks;
                if is_otherwise {
                    self.note(cx, |record| record.failed_checks = failed_checks).await?;
                }
                let now = digest(&drift, &self.workshop().keys.effects[..]);
                let has_drifted = now != self.record().drift;
                if has_drifted {
                    self.note_drift(cx, now).await?;
                }
                Ok(Look::Found { drift, moved: has_drifted || is_otherwise })
            }
            Err(error) if is_over(&error) => Err(error),
            Err(_) => {
                let unknown =
                    Hasher::new("gitops terraform drift unknown").field(cx.now().to_string()).finish();
                self.note_drift(cx, Some(unknown)).await?;
                Ok(Look::LeftToThePlan)
            }
        }
    }

    /// Notes what was found, so that the root is planned again: a plan that was made before knew nothing of it.
    async fn note_drift(&mut self, cx: &Cx, drift: Option<Digest>) -> Result<()> {
        self.folder.drop_plans()?;
        self.note(cx, |record| record.drift = drift).await
    }
}

fn digest(drift: &[ResourceChange], key: &[u8]) -> Option<Digest> {
    let mut hasher = Hasher::new("gitops terraform drift 1");
    hasher.field(key);
    for change in drift {
        hasher.field(&change.address);
        for value in [&change.before, &change.after] {
            hasher.field(value.as_ref().map(|value| *value.digest().as_bytes()).unwrap_or_default());
        }
    }
    (!drift.is_empty()).then(|| hasher.finish())
}

#[async_trait]
impl Watch for Terraform {
    async fn moved(&self, cx: &Cx) -> Result<MovedObjects> {
        let lookout = self.lookout();
        if let Some(every) = self.workshop().options.drift_every
            && lookout.begins()
        {
            tokio::spawn(look_after(self.weak(), cx.shielded(), every));
        }
        loop {
            let moved = std::mem::take(&mut lookout.lock().moved);
            if !moved.is_empty() {
                return Ok(MovedObjects::Keys(moved.into_iter().collect()));
            }
            lookout.found.notified().await;
        }
    }
}

/// Looks for drift, root by root, for as long as the target is there.
async fn look_after(target: Weak<Inner>, cx: Cx, every: Duration) {
    loop {
        let Some(known) = Terraform::again(&target).map(|target| target.lookout().lock().known.clone())
        else {
            return;
        };
        // The roots share the interval, so that they are not all asked at once.
        let share = every / u32::try_from(known.len().max(1)).unwrap_or(u32::MAX);
        if known.is_empty() && cx.sleep(every).await.is_err() {
            return;
        }
        for key in known {
            if cx.sleep(share).await.is_err() {
                return;
            }
            let Some(target) = Terraform::again(&target) else { return };
            look_at(&target, &cx, &key).await;
        }
    }
}

/// One look; one that fails is made again the next time round.
async fn look_at(target: &Terraform, cx: &Cx, key: &Key) {
    let look = async { Site::enter(target, key, cx).await?.look_for_drift(cx).await };
    match look.await {
        Ok(Look::Found { moved: false, .. }) => {}
        Ok(Look::Found { .. } | Look::LeftToThePlan) => target.lookout().has_moved(key),
        Err(error) => tracing::warn!(%key, %error, "drift could not be looked for"),
    }
}
