//! What a check of a target works with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use smol_str::SmolStr;

use super::outside::{Bounded, Fault, Outside};
use super::subject::Subject;
use crate::capability::{Differ, RecoveryClass, Scope, Structural, Target};
use crate::conformance::check::{Bench, Checked, Stop, ensure};
use crate::cx::Cx;
use crate::value::{
    Applied, Change, Error, ErrorKind, Key, Live, Object, OwnerLabel, Presence, Provenance, Result, Value,
};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(20);

/// A fresh target with an owner of its own, and ways to work with it.
pub(in crate::conformance) struct TargetBench {
    pub(super) cx: Cx,
    pub(super) subject: Subject,
    owner: SmolStr,
    used: AtomicUsize,
    note: OnceLock<String>,
}

impl Bench for TargetBench {
    fn subject(&self) -> String {
        self.target().info().name
    }

    fn powers(&self) -> Vec<&'static str> {
        let target = self.target();
        let offered = [
            (target.dry_run().is_some(), "a dry run"),
            (target.watch().is_some(), "a watch"),
            (target.health().is_some(), "health"),
            (target.import().is_some(), "import"),
            (target.batch().is_some(), "batches"),
            (target.identity().is_some(), "a place"),
            (target.info().shows_owner, "shown labels"),
        ];
        offered.into_iter().filter_map(|(is_offered, name)| is_offered.then_some(name)).collect()
    }

    fn recovery_class(&self) -> Option<RecoveryClass> {
        Some(self.target().info().recovery_class)
    }

    fn note(&self) -> Option<String> {
        self.note.get().cloned()
    }

    fn divergence(&self, number: &str) -> Option<String> {
        self.subject.divergences.get(number).map(ToString::to_string)
    }
}

impl TargetBench {
    pub(super) fn new(cx: Cx, mut subject: Subject) -> Self {
        subject.outside = Arc::new(Bounded { cx: cx.clone(), outside: subject.outside });
        let owner = format!("kit-{:08x}", cx.random() >> 96).into();
        Self { cx, subject, owner, used: AtomicUsize::new(0), note: OnceLock::new() }
    }

    pub(super) fn target(&self) -> &dyn Target {
        &*self.subject.target
    }

    pub(super) fn outside(&self) -> &dyn Outside {
        &*self.subject.outside
    }

    /// A key that was not used yet.
    pub(super) fn key(&self) -> Key {
        (self.subject.samples.key)(self.used.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn keys(&self, count: usize) -> Vec<Key> {
        (0..count).map(|_| self.key()).collect()
    }

    /// How often many try at once.
    pub(super) fn rounds(&self) -> usize {
        self.subject.samples.repeats.min(4)
    }

    pub(super) fn body(&self, number: usize) -> Value {
        (self.subject.samples.body)(number)
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Our owner label, of a new operation.
    pub(super) fn owner_label(&self) -> OwnerLabel {
        self.owner_label_of(&self.owner)
    }

    /// The owner label of somebody, of a new operation.
    pub(super) fn owner_label_of(&self, owner: &str) -> OwnerLabel {
        OwnerLabel { owner: owner.into(), op: format!("{:032x}", self.cx.random()).into() }
    }

    pub(super) async fn apply(&self, change: &Change) -> Result<Applied> {
        self.target().apply(&self.cx, change).await
    }

    /// Makes a change that must succeed.
    pub(super) async fn done(&self, change: &Change) -> Checked<Applied> {
        self.apply(change)
            .await
            .map_err(|error| Stop::Fail(format!("{} was refused: {error:?}", told(change))))
    }

    /// Makes a change that must be refused, with nothing done.
    pub(super) async fn refused(&self, change: &Change) -> Checked<Error> {
        match self.apply(change).await {
            Ok(applied) => Err(Stop::Fail(format!("{} was accepted: {applied:?}", told(change)))),
            Err(error) => {
                ensure!(!error.is_unknown(), "{} was refused as unknown: {error:?}", told(change));
                Ok(error)
            }
        }
    }

    pub(super) async fn look(&self, keys: &[Key]) -> Checked<Vec<Live>> {
        let scope: Scope = keys.iter().cloned().collect();
        Ok(self.target().observe(&self.cx, &scope).await?)
    }

    /// An object, if it is there: more than one under one key is a failure.
    pub(super) async fn see(&self, key: &Key) -> Checked<Option<Live>> {
        let mut found = self.look(std::slice::from_ref(key)).await?;
        ensure!(found.len() <= 1, "{} objects under the key {key}: {found:?}", found.len());
        Ok(found.pop())
    }

    /// An object that must be there.
    pub(super) async fn there(&self, key: &Key) -> Checked<Live> {
        let live = self.see(key).await?.ok_or_else(|| Stop::Fail(format!("{key} is absent")))?;
        ensure!(live.presence == Presence::Present, "{key} is not there: {:?}", live.presence);
        Ok(live)
    }

    /// Makes an object of ours under a new key.
    pub(super) async fn make(&self) -> Checked<Live> {
        self.make_at(&self.key(), self.body(0)).await
    }

    pub(super) async fn make_at(&self, key: &Key, body: Value) -> Checked<Live> {
        self.done(&self.creation(key, body).await).await?;
        self.there(key).await
    }

    /// Changes an object of ours.
    pub(super) async fn rewrite(&self, live: &Live, body: Value) -> Checked<Live> {
        self.done(&self.update(live, body).await).await?;
        self.there(&live.key).await
    }

    /// Removes an object of ours, and waits until it is gone.
    pub(super) async fn unmake(&self, live: &Live) -> Checked {
        self.done(&self.deletion(live).await).await?;
        self.gone(&live.key).await
    }

    /// Waits until an object is gone.
    pub(super) async fn gone(&self, key: &Key) -> Checked {
        let end = self.cx.now().after(self.subject.patience);
        while let Some(live) = self.see(key).await? {
            ensure!(self.cx.now() < end, "{key} is still there: {:?}", live.presence);
            self.cx.sleep(PAUSE).await?;
        }
        Ok(())
    }

    /// Fails if what is there is not what a declaration says, as a plan would see it.
    pub(super) async fn holds(&self, live: &Live, body: &Value) -> Checked {
        let difference = self.difference(live, body).await?;
        ensure!(difference.is_empty(), "{} is not as declared: {difference}", live.key);
        Ok(())
    }

    /// How what is there differs from a declaration, as a plan would see it; empty if it does not.
    pub(super) async fn difference(&self, live: &Live, body: &Value) -> Checked<String> {
        let diff = match self.preview(live, body).await? {
            Some(preview) => preview.diff,
            None => Structural::default().diff(body, &live.body),
        };
        // Who owns a field is no difference of what is there.
        let differing = diff.fields().iter().filter(|field| field.before != field.after);
        Ok(differing.map(ToString::to_string).collect::<Vec<_>>().join(", "))
    }

    /// How many pages after the first of their lists were read so far; nothing if nobody counts them.
    pub(super) async fn later_pages(&self) -> Checked<Option<usize>> {
        match given(self.outside().later_pages().await) {
            Ok(pages) => Ok(Some(pages)),
            Err(Stop::Skip(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Skips what found no fault unless a second page was read meanwhile: a list of one page proves nothing of the others.
    pub(super) async fn read_pages(&self, before: Option<usize>, objects: usize) -> Checked {
        let (Some(before), Some(now)) = (before, self.later_pages().await?) else {
            let why = "no fault was found, and the kit was given no way to count the pages of lists";
            return Err(Stop::Skip(why.to_owned()));
        };
        let pages = now.saturating_sub(before);
        if pages == 0 {
            let why = format!("no fault was found, and a list of {objects} objects had no second page");
            return Err(Stop::Skip(why));
        }
        let note = format!("{pages} pages were read after the first one of a list of {objects} objects");
        let _ = self.note.set(note);
        Ok(())
    }

    /// Makes requests fail, if the kit was given a way to.
    pub(super) async fn fault(&self, fault: Fault) -> Checked {
        given(self.outside().fault(fault).await)
    }

    /// Makes a change while requests fail in a way; its error.
    pub(super) async fn refused_by(&self, fault: Fault, change: &Change) -> Checked<Error> {
        self.fault(fault).await?;
        let answer = self.apply(change).await;
        self.outside().mend().await?;
        match answer {
            Ok(applied) => {
                Err(Stop::Fail(format!("{} was answered {applied:?} under {fault:?}", told(change))))
            }
            Err(error) => Ok(error),
        }
    }
}

/// Whether an answer names the state that is seen.
pub(super) fn tells(answer: &Applied, live: &Live) -> bool {
    answer.state() == Some((&live.uid, &live.version))
}

/// What a power of the kit gave; a power that was not given skips the check.
pub(super) fn given<T>(result: Result<T>) -> Checked<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::Unsupported => Stop::Skip(error.message().to_owned()),
        _ => Stop::Fail(format!("the kit's own way into the target failed: {error:?}")),
    })
}

/// A sample that was not given skips the check.
pub(super) fn sample<T>(sample: Option<T>, what: &str) -> Checked<T> {
    sample.ok_or_else(|| Stop::Skip(format!("the samples have no {what}")))
}

/// A change in a few words.
pub(super) fn told(change: &Change) -> String {
    format!("{} {} (operation {})", change.action(), change.key(), change.owner_label().op)
}

pub(super) fn declared(key: &Key, body: Value) -> Arc<Object> {
    let provenance =
        Provenance { source: "conformance".into(), revision: "1".into(), path: "sample".into(), line: 1 };
    Arc::new(Object::new(key.clone(), body, provenance))
}
