//! What is to be done about one object.
// Long because the decision about one object is read from top to bottom in one place.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::identity::{Identities, declared_twice};
use super::left::LeftFields;
use super::{Differing, DriftPolicy, PlanInput};
use crate::capability::{Diff, Differ, FieldChange, Preview};
use crate::plan::{BlockedBecause, Cause, OrphanedBecause, Reason, Step};
use crate::state::record::{Owned, OwnedState, ReadinessRecord};
use crate::value::{
    Action, Components, Digest, Expect, ForeignField, Key, Live, Object, Ownership, Presence, Provenance,
    Risk, Taken, Value, Version,
};

/// What is to be done about one object.
pub(super) enum Decision {
    /// It is as it should be.
    Nothing,
    /// It is to be changed.
    Step(Box<Step>, Option<Arc<Object>>),
    /// It drifted, and drift is only reported.
    Drift(Box<Step>),
    /// Nothing may be done about it now.
    Hold(BlockedBecause),
    /// It is no longer declared and stays.
    Keep(OrphanedBecause),
    /// It is as it should be, but our entry does not say so.
    Learn(Box<Owned>),
    /// It is not declared, and it is absent or no longer ours: the entry goes, nothing is deleted.
    Gone,
    /// It is declared under another key, which has an entry: this one goes, nothing is deleted.
    Elsewhere,
    /// It is declared under this other key: the entry moves there, nothing is deleted.
    Moved(Key, Box<Owned>),
}

/// Decides about one object; also says whether it was compared field by field.
pub(super) fn decide(input: &PlanInput<'_>, identities: &Identities, key: &Key) -> (Decision, bool) {
    let (live, entry) = (input.live.get(key), input.inventory.entries().get(key));
    let object = input.desired.objects().get(key);
    if let (None, Some(entry)) = (object, entry)
        && let Some(decision) = identities.decide(input, key, entry)
    {
        return (decision, false);
    }
    if let Some(why) = hold(input, identities, key, live) {
        return (Decision::Hold(why), false);
    }
    if let Some(may_be) = identities.may_be(key) {
        let (from, in_place) = (may_be.from.clone(), may_be.in_place);
        return (Decision::Hold(BlockedBecause::MayBeRenamed { from, in_place }), false);
    }
    if let Some(of) = object.and_then(|_| left_until_gone(input, identities, key)) {
        return (Decision::Hold(BlockedBecause::LeftUntilGone { of }), false);
    }
    match (object, live.filter(|live| !live.is_obstructed()), entry) {
        (Some(object), None, entry) => (create(input, object, entry), false),
        (Some(object), Some(live), entry) => keep_equal(input, object, live, entry),
        (None, _, None) => (Decision::Nothing, false),
        (None, live, Some(entry)) => (prune(input, key, live, entry), false),
    }
}

/// Whether a difference, if there were one, would become a step: exactly then its target is asked to preview it.
pub(super) fn would_be_a_step(input: &PlanInput<'_>, identities: &Identities, key: &Key) -> bool {
    let decision = decide(&PlanInput { differ: &AlwaysDiffers, ..*input }, identities, key).0;
    match decision {
        Decision::Step(step, _) => !is_clean_up(&step),
        Decision::Drift(_) => true,
        _ => false,
    }
}

/// Whether a step deletes what is declared to be deleted once it has ended.
pub(super) fn is_clean_up(step: &Step) -> bool {
    matches!(step.reason, Reason::Ended { .. })
}

/// Finds a difference without looking.
struct AlwaysDiffers;

impl Differ for AlwaysDiffers {
    fn diff(&self, _: &Value, _: &Value) -> Diff {
        Diff::from_iter([FieldChange::new("", None, None)])
    }

    fn merge(&self, desired: &Value, _: &Value) -> Value {
        desired.clone()
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"always differs")
    }
}

/// What stands in the way of doing anything at all.
fn hold(
    input: &PlanInput<'_>,
    identities: &Identities,
    key: &Key,
    live: Option<&Live>,
) -> Option<BlockedBecause> {
    if input.desired.objects().contains(key)
        && let Some(other) = declared_twice(input, key)
    {
        return Some(BlockedBecause::DeclaredTwice { other });
    }
    if let Some(until) = input.quarantined.get(key) {
        return Some(BlockedBecause::Quarantined { until: *until });
    }
    if let Some(why) = input.waiting.get(key) {
        return Some(why.clone());
    }
    if let Some(Err(refusal)) = input.previews.get(key) {
        return Some(BlockedBecause::DryRunFailed(refusal.clone()));
    }
    match &live?.presence {
        Presence::Present => None,
        Presence::Obstructed { by, reason } => obstruction(input, identities, key, by, reason),
        _ if is_no_concern(input, key) => None,
        Presence::Deleting => Some(BlockedBecause::Deleting),
        Presence::Unreadable(refusal) => Some(BlockedBecause::Unreadable(refusal.clone())),
    }
}

/// Whether an object is looked at only because it was declared at an earlier plan: it never was ours, and nothing is to be done
/// about it.
fn is_no_concern(input: &PlanInput<'_>, key: &Key) -> bool {
    let is_known = input.desired.objects().contains(key) || input.inventory.entries().contains(key);
    !is_known && !input.inventory.open().any(|intent| intent.key == *key)
}

/// What is in the place of a declared object, unless all of that goes by this plan.
fn obstruction(
    input: &PlanInput<'_>,
    identities: &Identities,
    key: &Key,
    by: &[Key],
    reason: &str,
) -> Option<BlockedBecause> {
    let is_declared = |key: &Key| input.desired.objects().contains(key);
    let is_deleted = |key: &Key| matches!(decide(input, identities, key).0, Decision::Step(..));
    let is_cleared = !by.is_empty() && by.iter().all(|other| !is_declared(other) && is_deleted(other));
    (is_declared(key) && !is_cleared).then(|| BlockedBecause::Obstructed { reason: reason.to_owned() })
}

/// The object for whose sake a declared field is left, if that goes by this plan: what is declared would not be written, and nobody would
/// keep it from being so afterwards.
fn left_until_gone(input: &PlanInput<'_>, identities: &Identities, key: &Key) -> Option<Key> {
    let holders = previewed(input, key)?.foreign.iter().filter_map(|field| field.holder.as_ref());
    let is_declared = |key: &Key| input.desired.objects().contains(key);
    let goes =
        |key: &&Key| !is_declared(key) && matches!(decide(input, identities, key).0, Decision::Step(..));
    holders.filter(|holder| *holder != key).find(goes).cloned()
}

/// What the target previewed of an object, if it was asked.
pub(super) fn previewed<'a>(input: &PlanInput<'a>, key: &Key) -> Option<&'a Preview> {
    input.previews.get(key).and_then(|preview| preview.as_ref().ok())
}

/// The fields that the target previewed; none if it was not asked.
fn foretold_diff(input: &PlanInput<'_>, key: &Key) -> Diff {
    previewed(input, key).map(|preview| preview.diff.clone()).unwrap_or_default()
}

/// What the target previewed of an object's components.
fn components(input: &PlanInput<'_>, key: &Key) -> Components {
    Components {
        owned: input.live.get(key).map_or(0, |live| live.components.len()),
        changes: previewed(input, key).map(|preview| preview.components.clone()).unwrap_or_default(),
    }
}

/// What the target says goes with an object.
fn takes(input: &PlanInput<'_>, key: &Key) -> Vec<Taken> {
    previewed(input, key).map(|preview| preview.takes.clone()).unwrap_or_default()
}

/// The declared fields that the target says other clients set.
fn foreign(input: &PlanInput<'_>, key: &Key) -> Vec<ForeignField> {
    previewed(input, key).map(|preview| preview.foreign.clone()).unwrap_or_default()
}

fn create(input: &PlanInput<'_>, object: &Arc<Object>, entry: Option<&Owned>) -> Decision {
    if let Some(ended) = entry.and_then(|entry| ended(object, entry)) {
        return ended;
    }
    let made_before = entry.filter(|entry| entry.state != OwnedState::Claimed);
    let (cause, reason) = match made_before {
        None => (Cause::ThisChange, Reason::New),
        // Nobody else took it away: we did, or it ran to its end.
        Some(entry) if is_gone_by_us(object, entry) => (Cause::ThisChange, Reason::New),
        Some(entry) => (cause(Some(entry), &object.body.digest()), Reason::Missing),
    };
    change(input, object, None, Action::Create, cause, reason, foretold_diff(input, &object.key))
}

/// Whether an object that is gone was deleted by us, or has run to an end that was seen.
fn is_gone_by_us(object: &Object, entry: &Owned) -> bool {
    let has_ended = object.runs_once && entry.runs_once && entry.readiness != ReadinessRecord::None;
    entry.state == OwnedState::Deleting || has_ended
}

/// What is to be done about an object that runs once and is gone since it was made as declared. That it is gone is no
/// drift; without a witness of its end it counts as not ready.
fn ended(object: &Object, entry: &Owned) -> Option<Decision> {
    let is_made = entry.state == OwnedState::Held && entry.desired == Some(object.body.digest());
    if !object.runs_once || !is_made {
        return None;
    }
    Some(match &entry.readiness {
        ReadinessRecord::Ready | ReadinessRecord::Released => Decision::Nothing,
        ReadinessRecord::Failed(reason) => {
            Decision::Hold(BlockedBecause::Ended { failure: Some(reason.clone()) })
        }
        ReadinessRecord::None => Decision::Hold(BlockedBecause::Ended { failure: None }),
    })
}

/// An object that is gone after its end is made again for another, for the same cause; nothing if it is there, or there is something
/// else about it.
pub(super) fn made_again(
    input: &PlanInput<'_>,
    identities: &Identities,
    object: &Arc<Object>,
    cause: Cause,
) -> Option<Decision> {
    let is_gone = input.candidates.contains(&object.key) && !input.live.contains_key(&object.key);
    let entry = input.inventory.entries().get(&object.key).filter(|_| is_gone)?;
    let is_over = matches!(ended(object, entry), Some(Decision::Nothing));
    let is_all = is_over && matches!(decide(input, identities, &object.key).0, Decision::Nothing);
    let diff = foretold_diff(input, &object.key);
    is_all.then(|| change(input, object, None, Action::Create, cause, Reason::Missing, diff))
}

/// The object is declared and there: it must be ours, and equal.
fn keep_equal(
    input: &PlanInput<'_>,
    object: &Arc<Object>,
    live: &Live,
    entry: Option<&Owned>,
) -> (Decision, bool) {
    match &live.ownership {
        Ownership::Owner(_) if live.is_owned_by(input.inventory.owner()) => {}
        Ownership::Unlabelled if entry.is_some_and(|entry| is_the_one_we_hold(entry, live)) => {
            return (relabel(input, object, live, entry), true);
        }
        _ if object.yields => return (Decision::Nothing, false),
        Ownership::Unlabelled if input.options.adopt => return (adopt(input, object, live), true),
        Ownership::Unlabelled if entry.is_some_and(|entry| may_be_the_one_we_hold(entry, live)) => {
            return (Decision::Hold(BlockedBecause::LabelLost), false);
        }
        Ownership::Unlabelled => return (Decision::Hold(BlockedBecause::Unlabelled), false),
        Ownership::Owner(owner) => {
            return (Decision::Hold(BlockedBecause::OwnedByOther { owner: owner.clone() }), false);
        }
    }
    let body = object.body.digest();
    let moves = former_label(input, live);
    if moves.is_none() && entry.is_some_and(|entry| is_as_left(entry, live, &body)) {
        if let Some(step) = entry.and_then(|entry| clean_up(input, object, live, entry)) {
            return (step, false);
        }
        return (learn(input, object, live, entry, body), false);
    }
    let (diff, replace) = compare(input, object, live);
    if diff.is_empty() && replace.is_none() {
        // Nothing is remembered as equal that another client keeps from being so.
        let fields: Vec<ForeignField> =
            foreign(input, &object.key).into_iter().filter(ForeignField::is_blocked).collect();
        if !fields.is_empty() {
            return (Decision::Hold(BlockedBecause::ForeignFields { fields }), true);
        }
        let Some(from) = moves else { return (learn(input, object, live, entry, body), true) };
        let reason = Reason::OwnershipMoves { from: from.to_owned() };
        return (change(input, object, Some(live), Action::Update, Cause::ThisChange, reason, diff), true);
    }
    if let Some(differing) = input.differing.get(&object.key).filter(|differing| differing.is(&body, live)) {
        let fields = differing.fields.clone();
        return (Decision::Hold(BlockedBecause::Differs { fields }), true);
    }
    let (action, reason) = match replace {
        Some(why) => (Action::Replace, Reason::CannotChangeInPlace { why }),
        None => (Action::Update, Reason::Differs { fields: diff.fields().len() }),
    };
    let cause = match previewed(input, &object.key).is_some_and(|preview| preview.configured) {
        true => Cause::ThisChange,
        false => cause(entry, &body),
    };
    (change(input, object, Some(live), action, cause, reason, diff), true)
}

/// Deletes what has ended, if it is declared so and every other end was seen: a hook of several phases is needed to the last one.
/// The plan has such steps only if it has no others.
fn clean_up(input: &PlanInput<'_>, object: &Arc<Object>, live: &Live, entry: &Owned) -> Option<Decision> {
    let failure = match &entry.readiness {
        ReadinessRecord::Ready | ReadinessRecord::Released if object.clean_up.succeeded => None,
        ReadinessRecord::Failed(reason) if object.clean_up.failed => Some(reason.clone()),
        _ => return None,
    };
    let entries = input.inventory.entries();
    let is_awaited = |key: &Key| key != &object.key && entries.get(key).is_some_and(Owned::may_use_more);
    let is_awaited = input.inventory.unproven().any(is_awaited);
    if !object.runs_once || object.keep || live.keep || is_awaited {
        return None;
    }
    let step = Step {
        key: object.key.clone(),
        action: Action::Delete,
        cause: Cause::ThisChange,
        reason: Reason::Ended { failure },
        risk: Vec::new(),
        components: Components::default(),
        diff: Diff::default(),
        expect: Some(Expect::from(live)),
        desired: None,
        preview: None,
        provenance: Some(object.provenance.clone()),
        after: Vec::new(),
        takes: Vec::new(),
        foreign: Vec::new(),
        brings_back: false,
        left_otherwise: false,
    };
    Some(Decision::Step(Box::new(step), Some(object.clone())))
}

/// The label of the application's former name, if the object carries it where people read it.
fn former_label<'a>(input: &PlanInput<'_>, live: &'a Live) -> Option<&'a str> {
    let shown = input.labelled.contains(live.key.target());
    live.former_label(input.inventory.owner()).filter(|_| shown)
}

impl Differing {
    /// Whether to write this body would write the same over the same state again.
    fn is(&self, body: &Digest, live: &Live) -> bool {
        self.desired == *body && self.state == Expect::from(live)
    }
}

/// Neither the declaration nor the object moved since we wrote it.
fn is_as_left(entry: &Owned, live: &Live, body: &Digest) -> bool {
    entry.desired.as_ref() == Some(body) && is_in_the_state_we_left(entry, live)
}

/// The object did not move since we wrote it.
pub(super) fn is_in_the_state_we_left(entry: &Owned, live: &Live) -> bool {
    entry.state == OwnedState::Held
        && entry.version.as_ref() == Some(&live.version)
        && entry.uid.as_ref() == Some(&live.uid)
}

fn compare(input: &PlanInput<'_>, object: &Object, live: &Live) -> (Diff, Option<String>) {
    match previewed(input, &object.key) {
        Some(preview) => (preview.diff.clone(), preview.replace.clone()),
        None => (input.differ.diff(&object.body, &live.body), None),
    }
}

/// The declaration is the one that we last wrote, and the target made something else of it.
fn is_left_otherwise(input: &PlanInput<'_>, object: &Object, live: Option<&Live>) -> bool {
    let (entry, live) = (input.inventory.entries().get(&object.key), live);
    let is_it = |entry: &Owned| {
        let is_same = live.is_some_and(|live| entry.uid.as_ref() == Some(&live.uid));
        is_same && entry.state == OwnedState::Held && entry.left_otherwise == Some(object.body.digest())
    };
    entry.is_some_and(is_it)
}

/// The declaration is the one that we last wrote: somebody else moved the object.
fn cause(entry: Option<&Owned>, body: &Digest) -> Cause {
    match entry.is_some_and(|entry| entry.state == OwnedState::Held && entry.desired.as_ref() == Some(body)) {
        true => Cause::Drift,
        false => Cause::ThisChange,
    }
}

/// The incarnation is the one that our inventory has: whoever took its owner label off did not make it another's.
fn is_the_one_we_hold(entry: &Owned, live: &Live) -> bool {
    entry.state == OwnedState::Held && entry.uid.as_ref() == Some(&live.uid)
}

/// Its identity went with its owner label.
fn may_be_the_one_we_hold(entry: &Owned, live: &Live) -> bool {
    entry.state != OwnedState::Claimed && live.uid.is_unlabelled()
}

/// What is ours and lost its owner label gets it back, and is made what is declared.
fn relabel(input: &PlanInput<'_>, object: &Arc<Object>, live: &Live, entry: Option<&Owned>) -> Decision {
    match compare(input, object, live) {
        (_, Some(why)) => Decision::Hold(BlockedBecause::CannotAdopt { why }),
        (diff, None) => {
            let cause = cause(entry, &object.body.digest());
            change(input, object, Some(live), Action::Update, cause, Reason::LabelLost, diff)
        }
    }
}

/// What others made is taken over and made what is declared. It is not removed for that: to remove it was not asked for.
fn adopt(input: &PlanInput<'_>, object: &Arc<Object>, live: &Live) -> Decision {
    match compare(input, object, live) {
        (_, Some(why)) => Decision::Hold(BlockedBecause::CannotAdopt { why }),
        (diff, None) => {
            change(input, object, Some(live), Action::Update, Cause::ThisChange, Reason::Adopted, diff)
        }
    }
}

fn change(
    input: &PlanInput<'_>,
    object: &Arc<Object>,
    live: Option<&Live>,
    action: Action,
    cause: Cause,
    reason: Reason,
    diff: Diff,
) -> Decision {
    let step = Box::new(Step {
        key: object.key.clone(),
        action,
        cause,
        reason,
        risk: risk(input, &object.key, action, object.keep || live.is_some_and(|live| live.keep), &diff),
        components: components(input, &object.key),
        diff,
        expect: live.map(Expect::from),
        desired: Some(object.body.digest()),
        preview: previewed(input, &object.key).map(|preview| preview.digest),
        provenance: Some(object.provenance.clone()),
        after: Vec::new(),
        takes: if action == Action::Replace { takes(input, &object.key) } else { Vec::new() },
        foreign: foreign(input, &object.key),
        brings_back: false,
        left_otherwise: is_left_otherwise(input, object, live),
    });
    match (cause, input.flapping.get(&object.key)) {
        (Cause::Drift, _) if input.options.drift == DriftPolicy::Report => Decision::Drift(step),
        (Cause::Drift, Some(until)) => Decision::Hold(BlockedBecause::Flapping { until: *until }),
        _ => Decision::Step(step, Some(object.clone())),
    }
}

fn learn(
    input: &PlanInput<'_>,
    object: &Arc<Object>,
    live: &Live,
    entry: Option<&Owned>,
    body: Digest,
) -> Decision {
    // Of what is left to another client nobody hears when that client goes: it is compared each time.
    let of_this = entry.filter(|entry| entry.uid.as_ref() == Some(&live.uid));
    let left = LeftFields::of(&foreign(input, &object.key), &object.body, of_this);
    let version = if left.written.is_empty() { live.version.clone() } else { Version::new("") };
    let learned = Owned {
        state: OwnedState::Held,
        uid: Some(live.uid.clone()),
        version: Some(version),
        desired: left.are_as_written.then_some(body),
        path: object.provenance.path.clone(),
        needs: input.desired.needs(object).unwrap_or_default(),
        keep: object.keep,
        stage: object.stage,
        runs_once: object.runs_once,
        likeness: object.likeness,
        left_otherwise: (!left.are_as_written).then_some(body),
        still_needs: Vec::new(),
        left_fields: left.written,
        readiness: ReadinessRecord::None,
        never_ready: entry.is_some_and(|entry| entry.never_ready),
        let_go: false,
    };
    let learned = learned.knowing(entry);
    match entry == Some(&learned) {
        true => Decision::Nothing,
        false => Decision::Learn(Box::new(learned)),
    }
}

/// Where a delete is decided. The object is in our inventory and nobody declares it.
///
/// It is deleted only if it is there, carries our owner label, and is the incarnation that we made; the step names that
/// incarnation and the observed state as its precondition.
fn prune(input: &PlanInput<'_>, key: &Key, live: Option<&Live>, entry: &Owned) -> Decision {
    let Some(live) = live else { return Decision::Gone };
    let is_the_one_we_made =
        entry.uid.as_ref() == Some(&live.uid) && live.is_owned_by(input.inventory.owner());
    if !is_the_one_we_made {
        return match entry.state {
            OwnedState::Claimed if entry.keep => Decision::Keep(OrphanedBecause::DeclaredToStay),
            OwnedState::Claimed => Decision::Hold(BlockedBecause::Unresolved),
            // Somebody took it from us; it is still what we made, or may be, and nobody would know of it any more.
            _ if live.ownership == Ownership::Unlabelled
                && (entry.uid.as_ref() == Some(&live.uid) || may_be_the_one_we_hold(entry, live)) =>
            {
                Decision::Keep(OrphanedBecause::Unlabelled)
            }
            // It says that it is ours, and we know nothing of it.
            _ if live.is_owned_by(input.inventory.owner()) => Decision::Keep(OrphanedBecause::MadeAnew),
            _ => Decision::Gone,
        };
    }
    if let Some(why) = orphaned_because(input, live, entry) {
        return Decision::Keep(why);
    }
    if let Some(why) = takes_along(input, key) {
        return Decision::Hold(why);
    }
    let revision = input.inventory.accepted().map_or("", |revision| revision.id());
    let provenance = Provenance {
        source: input.basis.source.as_str().into(),
        revision: revision.into(),
        path: entry.path.clone(),
        line: 0,
    };
    let diff = foretold_diff(input, key);
    let step = Step {
        key: key.clone(),
        action: Action::Delete,
        cause: Cause::ThisChange,
        reason: Reason::Undeclared,
        risk: risk(input, key, Action::Delete, entry.keep, &diff),
        components: components(input, key),
        diff,
        expect: Some(Expect::from(live)),
        desired: None,
        preview: previewed(input, key).map(|preview| preview.digest),
        provenance: Some(provenance),
        after: Vec::new(),
        takes: takes(input, key),
        foreign: Vec::new(),
        brings_back: false,
        left_otherwise: false,
    };
    Decision::Step(Box::new(step), None)
}

/// What keeps an object from being deleted because it would go with it: what is declared, and what left the source and
/// stays.
fn takes_along(input: &PlanInput<'_>, key: &Key) -> Option<BlockedBecause> {
    let takes = previewed(input, key).into_iter().flat_map(|preview| &preview.takes);
    let keys: BTreeSet<&Key> = takes.flat_map(Taken::keys).collect();
    let is_declared = |key: &&&Key| input.desired.objects().contains(key);
    let is_kept = |key: &&&Key| {
        let entry = input.inventory.entries().get(key);
        let is_marked = input.live.get(**key).is_some_and(|live| live.keep);
        entry.is_some_and(|entry| entry.keep || is_marked)
    };
    let declared: Vec<Key> = keys.iter().filter(is_declared).map(|key| (*key).clone()).collect();
    let others = keys.iter().filter(|key| !is_declared(key));
    let kept: Vec<Key> = others.filter(is_kept).map(|key| (*key).clone()).collect();
    (!declared.is_empty() || !kept.is_empty()).then_some(BlockedBecause::TakesAlong { declared, kept })
}

/// Why an object that left the source stays, if it does.
fn orphaned_because(input: &PlanInput<'_>, live: &Live, entry: &Owned) -> Option<OrphanedBecause> {
    match (entry.keep, live.keep) {
        (true, _) => Some(OrphanedBecause::DeclaredToStay),
        (false, true) => Some(OrphanedBecause::MarkedToStay),
        (false, false) => (!input.options.prune).then_some(OrphanedBecause::PruningIsOff),
    }
}

/// What a reviewer should look at twice; `keep` says that the object is to stay whatever happens.
fn risk(input: &PlanInput<'_>, key: &Key, action: Action, keep: bool, diff: &Diff) -> Vec<Risk> {
    let of_action = match action {
        Action::Delete => Some(Risk::Delete),
        Action::Replace => Some(Risk::Replace),
        Action::Update | Action::Create => None,
    };
    let previewed = previewed(input, key);
    let components = previewed.into_iter().flat_map(|preview| &preview.components);
    let losses: BTreeSet<Risk> = components.filter_map(|change| change.risk).chain(of_action).collect();
    let kinds = input.protected.get(key.target());
    let of_kind = kinds.is_some_and(|kinds| kinds.contains(key.kind()));
    let of_target = previewed.is_some_and(|preview| preview.protected);
    let protected = of_action.is_some() && (keep || of_kind || of_target);
    let is_secret = |value: &Option<Value>| matches!(value, Some(Value::Secret(_)));
    let secret = diff.fields().iter().any(|field| is_secret(&field.before) || is_secret(&field.after));
    let rest = [protected.then_some(Risk::Protected), secret.then_some(Risk::Secret)];
    losses.into_iter().chain(rest.into_iter().flatten()).collect()
}
