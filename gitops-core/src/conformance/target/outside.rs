use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;

use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Key, Result, Value};

/// What the kit may do behind the target's back. Every method may be left out: the checks that need it are then
/// skipped, with the reason.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Changes an object as somebody else would, makes it without an owner label if it is absent, or removes it (`None`).
    /// The owner label of an object that is there stays.
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let _ = (key, body);
        missing("edit an object behind the target's back")
    }

    /// Sets a field of an object that no sample declares.
    async fn add_field(&self, key: &Key) -> Result<()> {
        let _ = key;
        missing("set a field that is not declared")
    }

    /// Whether the field of [`add_field`](Self::add_field) is still there.
    async fn has_field(&self, key: &Key) -> Result<bool> {
        let _ = key;
        missing("look for a field that is not declared")
    }

    /// Makes an object as somebody else would, with a copy of the owner label that another one carries.
    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        let _ = (from, to);
        missing("copy an owner label")
    }

    /// Makes an object one that can't be decoded.
    async fn damage(&self, key: &Key) -> Result<()> {
        let _ = key;
        missing("damage an object")
    }

    /// Keeps an object from going away once its deletion is accepted, as a finalizer does.
    async fn hold(&self, key: &Key) -> Result<()> {
        let _ = key;
        missing("hold a deletion up")
    }

    /// Lets an object go that was held.
    async fn release(&self, key: &Key) -> Result<()> {
        let _ = key;
        missing("hold a deletion up")
    }

    /// Makes every request fail in this way, until it is [mended](Self::mend).
    async fn fault(&self, fault: Fault) -> Result<()> {
        let _ = fault;
        missing("make requests fail")
    }

    /// Lets so many requests through, then makes one fail in this way, and lets all after it through.
    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        let _ = (passing, fault);
        missing("make one request of several fail")
    }

    /// Makes each request for a page that is not the first of its list fail in this way, until it is [mended](Self::mend): a
    /// limit or a fault of the server that does not pass, however often the list is read (C83).
    async fn fault_later_pages(&self, fault: Fault) -> Result<()> {
        let _ = fault;
        missing("make all later pages of lists fail")
    }

    /// How many pages the target has been given so far that were not the first one of a list. Without it nobody knows whether
    /// the checks of long lists read more than one page, and they are skipped where they find no fault (C11, C12, C75).
    async fn later_pages(&self) -> Result<usize> {
        missing("count the pages of lists")
    }

    /// Waits until nothing can land any more of what was sent for calls that were dropped. An engine waits
    /// [`lands_within`](crate::TargetInfo::lands_within) before it sends a change again to a target that is not keyed; the
    /// kit asks here instead. Needed where a request goes on after its caller is gone: over a network.
    async fn landed(&self) -> Result<()> {
        Ok(())
    }

    /// Lets requests through again.
    async fn mend(&self) -> Result<()> {
        Ok(())
    }
}

/// How requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There were too many; the answer asks to wait for so long. Nothing is done.
    Throttled(Duration),
    /// The other side is overloaded and says so. Nothing is done.
    Overloaded,
    /// The other side can't be reached. Nothing is done.
    Unreachable,
    /// We are not who we say. Nothing is done.
    Unauthenticated,
    /// We may not do this. Nothing is done.
    Forbidden,
    /// The request is refused as wrong, and the answer quotes it whole. Nothing is done.
    Quoted,
    /// The request is done, and its answer never comes.
    LostAnswer,
    /// The answer to a request for several objects ends in the middle.
    CutAnswer,
}

/// Nothing can be done behind the target's back.
pub(super) struct NoHands;

impl Outside for NoHands {}

/// How long one thing behind the target's back may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A way behind the target's back of which each call ends in time: one that never ends would hang the kit without a word.
pub(super) struct Bounded {
    pub(super) cx: Cx,
    pub(super) outside: Arc<dyn Outside>,
}

impl Bounded {
    async fn call<T>(&self, what: &str, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.cx.within(LIMIT).bounded(call.map(Ok)).await {
            Ok(answer) => answer,
            Err(error) => {
                let message = format!("`Outside::{what}` did not end within {} s", LIMIT.as_secs());
                Err(Error::new(error.kind(), message).outcome_unknown())
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Outside for Bounded {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        self.call("edit", self.outside.edit(key, body)).await
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        self.call("add_field", self.outside.add_field(key)).await
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        self.call("has_field", self.outside.has_field(key)).await
    }

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        self.call("copy_owner_label", self.outside.copy_owner_label(from, to)).await
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        self.call("damage", self.outside.damage(key)).await
    }

    async fn hold(&self, key: &Key) -> Result<()> {
        self.call("hold", self.outside.hold(key)).await
    }

    async fn release(&self, key: &Key) -> Result<()> {
        self.call("release", self.outside.release(key)).await
    }

    async fn fault(&self, fault: Fault) -> Result<()> {
        self.call("fault", self.outside.fault(fault)).await
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        self.call("fault_at", self.outside.fault_at(passing, fault)).await
    }

    async fn fault_later_pages(&self, fault: Fault) -> Result<()> {
        self.call("fault_later_pages", self.outside.fault_later_pages(fault)).await
    }

    async fn later_pages(&self) -> Result<usize> {
        self.call("later_pages", self.outside.later_pages()).await
    }

    async fn landed(&self) -> Result<()> {
        self.call("landed", self.outside.landed()).await
    }

    async fn mend(&self) -> Result<()> {
        self.call("mend", self.outside.mend()).await
    }
}

fn missing<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, format!("the kit was given no way to {what}")))
}
