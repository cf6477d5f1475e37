//! What is to be done about one object.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{DriftPolicy, PlanInput};
use crate::capability::Preview;
use crate::diff::{Diff, Differ, FieldChange};
use crate::inventory::{Owned, OwnedState};
use crate::plan::{Cause, HeldBecause, Reason, Risk, Step};
use crate::value::{
    Action, Components, Digest, Expect, Key, Live, Object, Ownership, Presence, Provenance, Value,
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
    Hold(HeldBecause),
    /// It is no longer declared and stays.
    Keep,
    /// It is as it should be, but our entry does not say so.
    Learn(Box<Owned>),
    /// It is not declared, and it is absent or no longer ours: the entry goes, nothing is deleted.
    Gone,
}

/// Decides about one object; also says whether it was compared field by field.
pub(super) fn decide(input: &PlanInput<'_>, key: &Key) -> (Decision, bool) {
    let (live, entry) = (input.live.get(key), input.inventory.entries().get(key));
    if let Some(why) = hold(input, key, live) {
        return (Decision::Hold(why), false);
    }
    match (input.desired.objects().get(key), live, entry) {
        (Some(object), None, entry) => (create(input, object, entry), false),
        (Some(object), Some(live), entry) => keep_equal(input, object, live, entry),
        (None, _, None) => (Decision::Nothing, false),
        (None, live, Some(entry)) => (prune(input, key, live, entry), false),
    }
}

/// Whether a difference, if there were one, would become a step: exactly then its target is asked to foretell it.
pub(super) fn would_be_a_step(input: &PlanInput<'_>, key: &Key) -> bool {
    let decision = decide(&PlanInput { differ: &AlwaysDiffers, ..*input }, key).0;
    matches!(decision, Decision::Step(..) | Decision::Drift(_))
}

/// Finds a difference without looking.
struct AlwaysDiffers;

impl Differ for AlwaysDiffers {
    fn diff(&self, _: &Value, _: &Value) -> Diff {
        Diff::from_iter([FieldChange { path: String::new(), before: None, after: None }])
    }

    fn merge(&self, desired: &Value, _: &Value) -> Value {
        desired.clone()
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"always differs")
    }
}

/// What stands in the way of doing anything at all.
fn hold(input: &PlanInput<'_>, key: &Key, live: Option<&Live>) -> Option<HeldBecause> {
    if input.quarantined.contains(key) {
        return Some(HeldBecause::Quarantined);
    }
    if let Some(why) = input.waiting.get(key) {
        return Some(why.clone());
    }
    if let Some(Err(reason)) = input.previews.get(key) {
        return Some(HeldBecause::Unforeseen { reason: reason.clone() });
    }
    match &live?.presence {
        Presence::Present => None,
        Presence::Deleting => Some(HeldBecause::Deleting),
        Presence::Unreadable(reason) => Some(HeldBecause::Unreadable { reason: reason.clone() }),
    }
}

/// What the target foretold of an object, if it was asked.
fn foretold<'a>(input: &PlanInput<'a>, key: &Key) -> Option<&'a Preview> {
    input.previews.get(key).and_then(|preview| preview.as_ref().ok())
}

/// The fields that the target foretold; none if it was not asked.
fn foretold_diff(input: &PlanInput<'_>, key: &Key) -> Diff {
    foretold(input, key).map(|preview| preview.diff.clone()).unwrap_or_default()
}

/// What the target foretold of an object's components.
fn components(input: &PlanInput<'_>, key: &Key) -> Components {
    Components {
        owned: input.live.get(key).map_or(0, |live| live.components.len()),
        changes: foretold(input, key).map(|preview| preview.components.clone()).unwrap_or_default(),
    }
}

fn create(input: &PlanInput<'_>, object: &Arc<Object>, entry: Option<&Owned>) -> Decision {
    let made_before = entry.filter(|entry| entry.state != OwnedState::Claimed);
    let (cause, reason) = match made_before {
        None => (Cause::ThisChange, Reason::New),
        Some(entry) => (cause(Some(entry), &object.body.digest()), Reason::Missing),
    };
    change(input, object, None, Action::Create, cause, reason, foretold_diff(input, &object.key))
}

/// The object is declared and there: it must be ours, and equal.
fn keep_equal(
    input: &PlanInput<'_>,
    object: &Arc<Object>,
    live: &Live,
    entry: Option<&Owned>,
) -> (Decision, bool) {
    match &live.ownership {
        Ownership::Owner(owner) if owner == input.inventory.owner() => {}
        Ownership::Unmarked if input.options.adopt => {
            return (adopt(input, object, live), true);
        }
        Ownership::Unmarked => return (Decision::Hold(HeldBecause::Unmarked), false),
        Ownership::Owner(owner) => {
            return (Decision::Hold(HeldBecause::OwnedByOther { owner: owner.clone() }), false);
        }
    }
    let body = object.body.digest();
    if entry.is_some_and(|entry| is_as_left(entry, live, &body)) {
        return (learn(input, object, live, entry, body), false);
    }
    let (diff, replace) = compare(input, object, live);
    if diff.is_empty() && replace.is_none() {
        return (learn(input, object, live, entry, body), true);
    }
    let (action, reason) = match replace {
        Some(why) => (Action::Replace, Reason::CannotChangeInPlace { why }),
        None => (Action::Update, Reason::Differs { fields: diff.fields().len() }),
    };
    (change(input, object, Some(live), action, cause(entry, &body), reason, diff), true)
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
    match foretold(input, &object.key) {
        Some(preview) => (preview.diff.clone(), preview.replace.clone()),
        None => (input.differ.diff(&object.body, &live.body), None),
    }
}

/// The declaration is the one that we last wrote: somebody else moved the object.
fn cause(entry: Option<&Owned>, body: &Digest) -> Cause {
    match entry.is_some_and(|entry| entry.state == OwnedState::Held && entry.desired.as_ref() == Some(body)) {
        true => Cause::Drift,
        false => Cause::ThisChange,
    }
}

fn adopt(input: &PlanInput<'_>, object: &Arc<Object>, live: &Live) -> Decision {
    let (diff, _) = compare(input, object, live);
    change(input, object, Some(live), Action::Update, Cause::ThisChange, Reason::Adopted, diff)
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
        risk: risk(input, &object.key, action, object.keep, &diff),
        components: components(input, &object.key),
        diff,
        expect: live.map(Expect::from),
        desired: Some(object.body.digest()),
        preview: foretold(input, &object.key).map(|preview| preview.digest),
        provenance: Some(object.provenance.clone()),
        after: Vec::new(),
    });
    match (cause, input.contested.get(&object.key)) {
        (Cause::Drift, _) if input.options.drift == DriftPolicy::Report => Decision::Drift(step),
        (Cause::Drift, Some(until)) => Decision::Hold(HeldBecause::Contested { until: *until }),
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
    let learned = Owned {
        state: OwnedState::Held,
        uid: Some(live.uid.clone()),
        version: Some(live.version.clone()),
        desired: Some(body),
        path: object.provenance.path.clone(),
        needs: input.desired.needs(object).unwrap_or_default(),
        keep: object.keep,
    };
    match entry == Some(&learned) {
        true => Decision::Nothing,
        false => Decision::Learn(Box::new(learned)),
    }
}

/// Where a delete is decided. The object is in our inventory and nobody declares it.
///
/// It is deleted only if it is there, carries our mark, and is the incarnation that we made; the step names that
/// incarnation and the observed state as its precondition.
fn prune(input: &PlanInput<'_>, key: &Key, live: Option<&Live>, entry: &Owned) -> Decision {
    let Some(live) = live else { return Decision::Gone };
    let is_the_one_we_made =
        entry.uid.as_ref() == Some(&live.uid) && live.is_owned_by(input.inventory.owner());
    if !is_the_one_we_made {
        return match entry.state {
            OwnedState::Claimed if entry.keep => Decision::Keep,
            OwnedState::Claimed => Decision::Hold(HeldBecause::Unresolved),
            _ => Decision::Gone,
        };
    }
    if entry.keep || !input.options.prune {
        return Decision::Keep;
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
        preview: foretold(input, key).map(|preview| preview.digest),
        provenance: Some(provenance),
        after: Vec::new(),
    };
    Decision::Step(Box::new(step), None)
}

/// What a reviewer should look at twice; `keep` says that the object is to stay whatever happens.
fn risk(input: &PlanInput<'_>, key: &Key, action: Action, keep: bool, diff: &Diff) -> Vec<Risk> {
    let of_action = match action {
        Action::Delete => Some(Risk::Delete),
        Action::Replace => Some(Risk::Replace),
        Action::Update | Action::Create => None,
    };
    let foretold = foretold(input, key);
    let components = foretold.into_iter().flat_map(|preview| &preview.components);
    let losses: BTreeSet<Risk> = components.filter_map(|change| change.risk).chain(of_action).collect();
    let kinds = input.protected.get(key.target());
    let of_kind = kinds.is_some_and(|kinds| kinds.contains(key.kind()));
    let of_target = foretold.is_some_and(|preview| preview.protected);
    let protected = of_action.is_some() && (keep || of_kind || of_target);
    let is_secret = |value: &Option<Value>| matches!(value, Some(Value::Secret(_)));
    let secret = diff.fields().iter().any(|field| is_secret(&field.before) || is_secret(&field.after));
    let rest = [protected.then_some(Risk::Protected), secret.then_some(Risk::Secret)];
    losses.into_iter().chain(rest.into_iter().flatten()).collect()
}
