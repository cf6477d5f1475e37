//! Declared fields that other clients set: what becomes of each, one by one.

mod claim;
mod cleared;
mod persons;
mod predecessors;
mod renamed;
mod scaler;

pub(crate) use cleared::Cleared;
pub(crate) use predecessors::is_predecessor;
pub(crate) use renamed::renamed;

use std::collections::BTreeSet;

use gitops_core::{Cx, Digest, FieldChange, ForeignField, ForeignOutcome, Hasher, Key, Object, Result};
use serde_json::Value as Json;

use crate::client::cluster::{Cause, Failure};
use crate::live::application::{Conflicts, Inner};
use crate::live::fields::{Element, FieldSet, Managed};
use crate::live::object::{Eye, Seen};
use crate::live::owner_label;
use claim::Claim;
use renamed::Renamed;
use scaler::Scaler;

/// The field that an autoscaler sets.
const REPLICAS: [&str; 2] = ["spec", "replicas"];

/// What a write of one object does about fields that other clients set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// Fields that are not written, because they belong to others.
    pub left: FieldSet,
    /// Fields that are set again, as the server names them, with each who has them.
    restored: BTreeSet<(String, String)>,
    /// Items of lists whose keys were edited.
    pub renamed: Renamed,
    /// Members of nobody that are in the way.
    pub cleared: Cleared,
    /// All of it for the plan.
    pub foreign: Vec<ForeignField>,
    looked_for_scaler: bool,
    /// What sets the number of replicas, if something does.
    scaler: Option<Key>,
    /// The number of replicas that stays although it is no longer declared.
    kept: Option<Json>,
}

impl Decision {
    /// Whether the write is as if nobody else were there.
    pub fn is_plain(&self) -> bool {
        let is_stored = !self.foreign.iter().any(ForeignField::is_stored_otherwise);
        let takes_none = self.restored.is_empty() && self.renamed.is_empty() && self.cleared.is_empty();
        is_stored && takes_none && self.left.below.is_empty()
    }

    /// Whether the write sets fields that others have.
    pub fn forces(&self) -> bool {
        !self.restored.is_empty()
    }

    /// Whether all that a refused write would take was decided to be restored, and from these.
    pub fn allows(&self, failure: &Failure) -> bool {
        failure.of_managers().all(|cause| {
            owner_label::is_copied(&cause.field, cause.manager()) || self.restored.contains(&taken(cause))
        })
    }

    /// The digest of a preview that stands for this too.
    pub fn over(&self, base: Digest) -> Digest {
        if self.is_plain() {
            return base;
        }
        let mut hasher = Hasher::new("gitops kubernetes clients");
        hasher.field(base.as_bytes()).field(self.left.to_json().to_string());
        self.restored.iter().for_each(|(field, by)| {
            hasher.field("restored").field(field).field(by);
        });
        self.renamed.stand_for(&mut hasher);
        self.cleared.stand_for(&mut hasher);
        for field in self.foreign.iter().filter(|field| field.is_stored_otherwise()) {
            hasher.field("stored otherwise").field(field.to_string());
        }
        hasher.finish()
    }

    /// Whether part of it becomes ours in the record before it is written, for else it would stay.
    pub fn takes_over(&self) -> bool {
        !self.renamed.is_empty() || !self.cleared.is_empty()
    }

    /// The record of owners with that.
    pub fn taken_over(&self, seen: &Seen, eye: &Eye) -> Vec<Json> {
        self.cleared.taken_over(self.renamed.taken_over(seen, eye), eye)
    }

    /// The changes that the server does not show by a dry run: keys of items that are restored.
    pub fn changes(&self) -> &[FieldChange] {
        &self.renamed.changes
    }

    /// Takes in what is known of edited items before the server is asked.
    pub fn begin(&mut self, (renamed, left, foreign): (Renamed, FieldSet, Vec<ForeignField>)) {
        (self.renamed, self.left, self.foreign) = (renamed, left, foreign);
    }

    fn leave(&mut self, path: &[Element], foreign: ForeignField) {
        self.left.insert(path);
        self.foreign.push(foreign);
    }
}

/// Decides about each field that a refused write would have taken from others; says whether all could be decided.
///
/// # Errors
/// Where the server did not answer the question for an autoscaler.
pub(crate) async fn judge(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    seen: &Seen,
    failure: &Failure,
    decision: &mut Decision,
) -> Result<bool> {
    let mut met = BTreeSet::new();
    let fields = failure.of_managers().map(|cause| &*cause.field).filter(|field| met.insert(*field));
    let fields: Vec<&str> = fields.collect();
    if fields.is_empty() {
        return Ok(false);
    }
    for field in fields {
        let causes = failure.of_managers().filter(|cause| cause.field == field).collect::<Vec<_>>();
        if causes.iter().all(|cause| owner_label::is_copied(field, cause.manager())) {
            decision.restored.extend(causes.iter().map(|cause| taken(cause)));
            continue;
        }
        let is_decided = decision.restored.iter().any(|(restored, _)| restored == field);
        if !is_decided && !of_field(inner, cx, object, (seen, &causes), decision).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Decides about one field, which several may have: it is set again only if all of them bear that. Says whether it could be decided.
async fn of_field(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    (seen, causes): (&Seen, &[&Cause]),
    decision: &mut Decision,
) -> Result<bool> {
    let mut held = Vec::new();
    for cause in causes {
        // Of an object without a record, the server makes one up while it is asked: there is no entry of it.
        let is_new = seen.owner_label.is_none() && is_being_adopted(inner, seen);
        if is_new && is_predecessor(seen, cause.manager()) {
            continue;
        }
        let Some(claim) = Claim::of(cause, seen) else { return Ok(false) };
        let outcome = outcome(inner, cx, object, (seen, &claim), decision).await?;
        let holder = decision.scaler.clone().filter(|_| claim.is_of(&REPLICAS));
        let foreign = ForeignField::new(claim.shown(), &*claim.entry.manager, outcome).held_by(holder);
        held.push((foreign.set(when(inner, seen, claim.entry)), claim));
    }
    let is_restored = |foreign: &ForeignField| foreign.outcome == ForeignOutcome::Restored;
    if held.iter().all(|(foreign, _)| is_restored(foreign)) {
        decision.restored.extend(causes.iter().map(|cause| taken(cause)));
        decision.foreign.extend(held.into_iter().map(|(foreign, _)| foreign));
        return Ok(true);
    }
    // Who keeps it from being set again is named, and nobody else.
    for (foreign, claim) in held.into_iter().filter(|(foreign, _)| !is_restored(foreign)) {
        // In another version of the kind the field may be another one.
        if claim.entry.api_version != seen.api_version() {
            return Ok(false);
        }
        decision.leave(&claim.path, foreign);
    }
    Ok(true)
}

/// What a forced write takes by a cause: the field, and from whom.
fn taken(cause: &Cause) -> (String, String) {
    (cause.field.clone(), cause.manager().to_owned())
}

async fn outcome(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    (seen, claim): (&Seen, &Claim<'_>),
    decision: &mut Decision,
) -> Result<ForeignOutcome> {
    if inner.conflicts == Conflicts::Refuse {
        return Ok(ForeignOutcome::Blocked);
    }
    if claim.is_of(&REPLICAS) {
        decision.looked_for_scaler = true;
        match scaler::of(inner, cx, &object.key).await? {
            Scaler::Is(scaler) => return Ok(scaled(inner, object, scaler, decision)),
            // Whoever may not look could fight a scaler for ever.
            Scaler::Unknown => return Ok(ForeignOutcome::Blocked),
            // It scaled while it was told to, and is told so no more.
            Scaler::None if scaler::is_scaler(claim.entry) => return Ok(ForeignOutcome::Restored),
            Scaler::None => {}
        }
    }
    // A field that both have was not changed since we wrote it: who only made the object once sets nothing again.
    let is_as_we_left = persons::is_edit(claim.entry) && seen.owned(&inner.eye).at(&claim.path).is_some();
    match is_as_we_left || persons::is_undone(claim.entry, is_being_adopted(inner, seen)) {
        true => Ok(ForeignOutcome::Restored),
        false => Ok(ForeignOutcome::Blocked),
    }
}

/// Whether an object is taken over as it was found: somebody asked for that, whoever set it up. Its owner label is the first
/// that we have of it. One that was ours and lost its owner label is not: we know what others set since.
fn is_being_adopted(inner: &Inner, seen: &Seen) -> bool {
    let mut ours = seen.owned(&inner.eye);
    owner_label::strip(&mut ours);
    ours.below.is_empty()
}

/// A write that would change the number of replicas leaves it where an autoscaler sets it; says whether it does.
pub(crate) async fn leave_replicas(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    [before, after]: [&Json; 2],
    decision: &mut Decision,
) -> Result<bool> {
    let of = |json: &Json| json[REPLICAS[0]][REPLICAS[1]].clone();
    if decision.looked_for_scaler || inner.conflicts != Conflicts::Restore || of(before) == of(after) {
        return Ok(false);
    }
    decision.looked_for_scaler = true;
    let Scaler::Is(scaler) = scaler::of(inner, cx, &object.key).await? else { return Ok(false) };
    let path = REPLICAS.map(|name| Element::Field(name.into()));
    let name = shown(&scaler);
    let outcome = scaled(inner, object, scaler, decision);
    let foreign = ForeignField::new(format!("/{}", REPLICAS.join("/")), name, outcome);
    decision.leave(&path, foreign.held_by(decision.scaler.clone()));
    Ok(true)
}

/// The number of replicas of a workload that leaves Git stays as it is: whoever takes it out means somebody else to set it, and the
/// server would set it to 1 first.
pub(crate) fn keep_replicas(
    inner: &Inner,
    object: &Object,
    before: &Seen,
    declared: &Json,
    decision: &mut Decision,
) {
    const SCALED: [&str; 3] = ["Deployment", "ReplicaSet", "StatefulSet"];
    let kind = object.key.kind();
    let is_scaled = kind.group() == "apps" && SCALED.contains(&kind.kind());
    if is_scaled && declared[REPLICAS[0]][REPLICAS[1]].is_null() && before.owned(&inner.eye).has(&REPLICAS) {
        decision.left.insert(&REPLICAS.map(|name| Element::Field(name.into())));
        decision.kept = Some(before.json[REPLICAS[0]][REPLICAS[1]].clone());
    }
}

/// What left Git so that an autoscaler sets it may be set by that one at any time: the write neither waits for it nor takes it back.
impl Decision {
    /// The object as it was before an autoscaler set the number of replicas that leaves Git, if one did.
    pub fn before_scaling(&self, seen: &Seen, eye: &Eye) -> Option<Seen> {
        let (kept, ours) = (self.kept.clone()?, seen.ours(eye)?);
        let by_scaler = |entry: &Managed| scaler::is_scaler(entry) && entry.fields.has(&REPLICAS);
        if ours.fields.has(&REPLICAS) || !seen.managed.iter().any(by_scaler) {
            return None;
        }
        let at = seen.managed.iter().position(|entry| std::ptr::eq(entry, ours))?;
        let mut before = seen.clone();
        before.json[REPLICAS[0]][REPLICAS[1]] = kept;
        before.managed[at].fields.insert(&REPLICAS.map(|name| Element::Field(name.into())));
        Some(before)
    }

    /// Whether a write was refused for nothing but a number of replicas that leaves Git.
    pub fn was_scaled(&self, failure: &Failure) -> bool {
        let is_replicas = |cause: &Cause| cause.field == format!(".{}", REPLICAS.join("."));
        let mut causes = failure.of_managers().peekable();
        self.kept.is_some() && causes.peek().is_some() && causes.all(is_replicas)
    }
}

/// When an entry was written last. Of a scale the server keeps no time: it was after our own last write.
fn when(inner: &Inner, seen: &Seen, entry: &Managed) -> Option<String> {
    let at = entry.time().map(|time| format!("at {time}"));
    at.or_else(|| Some(format!("after {}", seen.ours(&inner.eye)?.time()?)))
}

fn scaled(inner: &Inner, object: &Object, scaler: Key, decision: &mut Decision) -> ForeignOutcome {
    let name = shown(&scaler);
    scaler::warn(inner, object, &name);
    decision.scaler = Some(scaler);
    ForeignOutcome::Left { why: format!("{name} sets it; leave `spec.replicas` out of Git") }
}

/// An autoscaler as people name it.
fn shown(scaler: &Key) -> String {
    format!("{}/{}", scaler.kind().kind(), scaler.name())
}
