//! What a change would do, as the server says.

use async_trait::async_trait;
use gitops_core::capability::{DryRun, Preview};
use gitops_core::{
    Change, Cx, Diagnostic, Diff, Digest, Error, ErrorKind, Expect, FieldChange, Hasher, Key, Live, Object,
    Precondition, Result, Value,
};
use serde_json::Value as Json;

use crate::change::apply::replace::{self, Proof};
use crate::change::beside::beside;
use crate::change::document::{Document, check_secrets};
use crate::change::mask::{Mask, hidden};
use crate::change::negotiate::{Agreed, negotiate};
use crate::change::treatment::Treatment;
use crate::change::{admit, adopt, blast, stored, versions};
use crate::client::cluster::Failure;
use crate::live::application::{Inner, Kubernetes};
use crate::live::clients::{Cleared, Decision};
use crate::live::fields::{Element, FieldSet, Leaf, changes, extract, leaves};
use crate::live::object::Seen;
use crate::live::owner_label;

#[async_trait]
impl DryRun for Kubernetes {
    async fn preview(
        &self,
        cx: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        object.map_or(Ok(()), check_secrets)?;
        let inner = self.inner();
        let expect = live.map(Expect::from);
        let digest = digest(inner, object, expect.as_ref());
        let Previewed { diff, replace, decision } = match (object, live) {
            (Some(object), Some(_)) => {
                Box::pin(preview_new(inner, cx, object)).await.map_err(|error| error.at(key))?
            }
            // An object that is not there is made as it is declared, and one that goes goes: the server has
            // nothing to add to that.
            _ => Previewed::default(),
        };
        let digest = decision.over(digest);
        let foreign = decision.foreign.clone();
        inner.book.decide(key, digest, decision);
        let body = object.map(|object| &object.body).or(live.map(|live| &live.body));
        let removes = if object.is_none() { Removal::Whole } else { Removal::Replace };
        let protected = body.is_some_and(|body| takes_data(key, body, removes));
        let goes = live.filter(|_| object.is_none() || replace.is_some());
        let takes = match goes {
            Some(live) => blast::taken(inner, cx, key, live).await.map_err(|error| error.at(key))?,
            None => Vec::new(),
        };
        let preview = Preview::new(diff, digest).replacing(replace).protecting(protected);
        Ok(preview.taking(takes).among(foreign))
    }
}

/// What the server says of a write.
#[derive(Default)]
struct Previewed {
    diff: Diff,
    replace: Option<String>,
    decision: Decision,
}

/// How an object goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removal {
    /// For good.
    Whole,
    /// To be made anew.
    Replace,
}

/// Whether the claims of a `StatefulSet`, and with them its data, are at stake: they outlive a replacement only if it comes
/// about, and a removal only if they are told to.
fn takes_data(key: &Key, body: &Value, removal: Removal) -> bool {
    let at = |path: &[&str]| path.iter().try_fold(body, |value, name| value.get(name));
    let has_claims =
        matches!(at(&["spec", "volumeClaimTemplates"]), Some(Value::List(claims)) if !claims.is_empty());
    let goes = at(&["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"]).and_then(Value::as_text);
    let is_set = (key.kind().group(), key.kind().kind()) == ("apps", "StatefulSet");
    is_set && has_claims && (removal == Removal::Replace || goes == Some("Delete"))
}

/// Stands for all that decides what the change does: the declaration, the state of the fields that we own, and
/// what we do about fields that others own.
fn digest(inner: &Inner, object: Option<&Object>, expect: Option<&Expect>) -> Digest {
    let mut hasher = Hasher::new("gitops kubernetes preview");
    hasher.field([inner.conflicts as u8, u8::from(inner.replace)]);
    if let Some(object) = object {
        hasher.field("declared").field(object.body.digest().as_bytes());
    }
    if let Some(expect) = expect {
        hasher.field("live").field(expect.uid.as_str()).field(expect.version.as_str());
    }
    hasher.finish()
}

/// Refuses a change whose effect would be another than the one that was previewed. No call: what decides the effect
/// and is not in the digest (the server, by its version) is compared by the server.
pub(crate) fn check(inner: &Inner, change: &Change) -> Result<()> {
    let expect = match change.expects() {
        Precondition::Exactly(expect) => Some(expect),
        Precondition::Absent => None,
    };
    let now = digest(inner, change.object().map(AsRef::as_ref), expect);
    let is_decided = |shown: &Digest| {
        inner.book.decided(change.key(), shown).is_some_and(|decision| decision.over(now) == *shown)
    };
    match change.preview().is_none_or(|shown| *shown == now || is_decided(shown)) {
        true => Ok(()),
        false => {
            Err(Error::conflict(change.key()).help("plan again: the change would do something else now"))
        }
    }
}

/// Asks the server by a dry run. Compared is what we own before and after, as the server writes it down; where that changes, what
/// the write changes beside it is shown too.
async fn preview_new(inner: &Inner, cx: &Cx, object: &Object) -> Result<Previewed> {
    let policy = Treatment::of(object);
    if policy.leaves_what_is_there {
        return Ok(Previewed::default());
    }
    let place = inner.place_of(cx, object).await?;
    let Some(before) = inner.read_as_declared(cx, &place, object).await? else {
        return Err(Error::conflict(&object.key));
    };
    let document = Document::over(object, before.owner_label.as_ref(), &before, &inner.eye)?;
    if versions::comes(&place, object) {
        return Ok(Previewed {
            diff: compare_moving(inner, object, &before, document),
            ..Previewed::default()
        });
    }
    tell_idle_rules(inner, &document, &before);
    let Agreed { after, mut decision, exchanged } = negotiate(inner, cx, object, &place, &before).await?;
    let failure = match after {
        Ok(after) => {
            versions::check(inner, cx, object, &before.json, &after.json).await?;
            decision.foreign.extend(stored::otherwise(&inner.eye, object, &after, &decision)?);
            let mut found = compare(inner, object, &before, &after, &decision);
            found.extend(Box::pin(adopt::going(inner, cx, object, &place, [&before, &after])).await?);
            if !found.is_empty() {
                let agreed = (&decision, exchanged.as_ref());
                found.extend(beside(inner, cx, object, &place, [&before, &after], agreed).await?);
            }
            let mask = Mask { live: &before, object, inner };
            let diff = found.into_iter().map(|change| mask.over(change)).collect();
            return Ok(Previewed { diff, replace: None, decision });
        }
        Err(failure) => failure,
    };
    if failure.is_of_record() && moves(inner, &before).is_some() {
        // The server can't say what it would do before our record is of this version: told is what is declared.
        let mut found: Vec<FieldChange> =
            compare_declared(inner, object, &before, &Seen::new(document.json)).fields().to_vec();
        found.extend(moves(inner, &before));
        return Ok(Previewed { diff: found.into_iter().collect(), replace: None, decision });
    }
    if failure.is_misfit()
        && let Some(error) = admit::misfit(inner, cx, object, &document).await?
    {
        return Err(error);
    }
    decision.cleared = Cleared::of(&failure, &before, &document.json, &inner.eye);
    if !decision.cleared.is_empty() && Box::pin(replace::prove(inner, cx, object)).await.is_ok() {
        return Ok(cleared(inner, object, &before, document, decision));
    }
    let why = why_replace(inner.replace || policy.recreate, failure.of_a_rule())?;
    let why = match replace::prove(inner, cx, object).await? {
        Proof::DryRun => why,
        Proof::None => format!("{why}; {UNPROVEN}"),
    };
    let declared = Seen::new(document.json);
    let diff = compare_declared(inner, object, &before, &declared);
    Ok(Previewed { diff, replace: Some(why), decision: Decision::default() })
}

/// What is declared, without what the server filled in and is in its way: it says nothing more before that is ours.
fn cleared(
    inner: &Inner,
    object: &Object,
    before: &Seen,
    document: Document,
    decision: Decision,
) -> Previewed {
    let declared = compare_declared(inner, object, before, &Seen::new(document.json));
    let mut found: Vec<FieldChange> = declared.fields().to_vec();
    found.extend(adopt::transfer(inner, object, before));
    found.extend(decision.cleared.changes.iter().cloned());
    Previewed { diff: found.into_iter().collect(), replace: None, decision }
}

/// Tells of rules that can leave nothing of the object.
fn tell_idle_rules(inner: &Inner, document: &Document, before: &Seen) {
    for key in inner.eye.ignore.shared(before).keys {
        let message = format!(
            "a rule of `ignore` has no effect on {}: it names `{key}`, which says which item of the list it is",
            document.key
        );
        let help = "name other fields of the item, or the whole item: end the path with `select(…)`";
        let warning = Diagnostic::warning("GO0116", &*document.declared_at, message).help(help);
        inner.warnings.say(&document.key, warning);
    }
}

/// What a plan says of a replacement that nothing is proven of.
const UNPROVEN: &str = "that the server would take the new one is not proven, for a dry run would have to give it another name, and \
    the names of this kind have a meaning";

/// Why the object has to be made anew, if that is what the refusal means and if it is allowed.
fn why_replace(allowed: bool, failure: Failure) -> Result<String> {
    let immutable: Vec<&str> = failure
        .causes
        .iter()
        .filter(|cause| cause.is_immutable())
        .map(|cause| cause.field.as_str())
        .collect();
    if immutable.is_empty() || failure.kind() != ErrorKind::Invalid {
        return Err(explained(failure));
    }
    let why = format!("the server does not let it change in place: {}", immutable.join(", "));
    match allowed {
        true => Ok(why),
        false => Err(Error::new(ErrorKind::Denied, why)
            .help("undo the change; or let the object be deleted and made anew: allow `replace`")),
    }
}

fn explained(failure: Failure) -> Error {
    let owners: Vec<String> = failure.owned_by_others().collect();
    if owners.is_empty() {
        return failure.error;
    }
    let what = format!("others own what is declared: {}", owners.join(", "));
    Error::new(ErrorKind::Conflict, what)
        .help("leave the fields to them by a rule of `ignore`, or take them over: `conflicts: take`")
}

/// What a write changes of the fields that are ours before or after it.
fn compare(
    inner: &Inner,
    object: &Object,
    before: &Seen,
    after: &Seen,
    decision: &Decision,
) -> Vec<FieldChange> {
    let (mut was, mut is) = (before.owned(&inner.eye), after.owned(&inner.eye));
    let mut fields = was.clone();
    fields.merge(&is);
    let of_version = moves(inner, before);
    let moved = of_version.is_some();
    if moved {
        // Our record names fields of another version: of this one, every field may be ours.
        [before, after].iter().for_each(|seen| fields.merge(&FieldSet::of(&seen.declarable())));
    }
    owner_label::strip(&mut fields);
    let mut found = changes(&fields, &before.json, &after.json);
    found.extend(of_version);
    found.extend(adopt::transfer(inner, object, before));
    found.extend(decision.changes().iter().cloned());
    if moved {
        return found;
    }
    // A whole that is shared is seen anyway.
    let shared = inner.eye.ignore.shared(before);
    [&mut was, &mut is].into_iter().for_each(|set| set.subtract(&shared.fields));
    let is_same = found.is_empty();
    found.extend(given_up(inner, &was, &is, [before, after], is_same));
    if is_same {
        // No value changes, but whose the fields are: those that others took come back to us. Without that, nobody would see
        // them move again.
        let all = leaves(&is, &before.json, &after.json);
        found.extend(all.iter().filter(|leaf| was.at(&leaf.path).is_none()).map(Leaf::change));
    }
    found
}

/// The fields that we give up and that stay, each with who keeps it: another client that set it too, or, of an object of which
/// nothing else changes, the server.
fn given_up(
    inner: &Inner,
    was: &FieldSet,
    is: &FieldSet,
    [before, after]: [&Seen; 2],
    with_defaults: bool,
) -> Vec<FieldChange> {
    let mut was = was.clone();
    owner_label::strip(&mut was);
    let ours = after.ours(&inner.eye).map(|ours| &*ours.manager);
    let kept_by = |path: &[Element]| {
        let mut others = after.managed.iter().filter(|entry| Some(&*entry.manager) != ours);
        others.find(|entry| entry.fields.at(path).is_some()).map(|entry| entry.manager.to_string())
    };
    let change = |leaf: &Leaf<'_>| {
        leaf.after.filter(|_| is.at(&leaf.path).is_none())?;
        let whom = kept_by(&leaf.path).or_else(|| with_defaults.then(|| "the API server".to_owned()))?;
        Some(leaf.change().staying_with(whom))
    };
    leaves(&was, &before.json, &after.json).iter().filter_map(change).collect()
}

/// The move of our record of ownership to the version that is declared, if it is of another one.
fn moves(inner: &Inner, before: &Seen) -> Option<FieldChange> {
    let ours = before.ours(&inner.eye).filter(|_| before.owner_label.is_some())?;
    (ours.api_version != before.api_version()).then(|| {
        FieldChange::new(
            "/apiVersion",
            Some(ours.api_version.as_str().into()),
            Some(before.api_version().into()),
        )
    })
}

/// The declared fields that differ, where the server would not say what it would make of them.
fn compare_declared(inner: &Inner, object: &Object, before: &Seen, declared: &Seen) -> Diff {
    let mut fields = FieldSet::of(&declared.json);
    owner_label::strip(&mut fields);
    without_same_lists(&mut fields, &before.owned(&inner.eye), &before.json, &declared.json);
    let found = changes(&fields, &before.json, &declared.json);
    let mask = Mask { live: before, object, inner };
    let hide = |change| if before.is_secret() { hidden(change, inner) } else { mask.over(change) };
    found.into_iter().map(hide).collect()
}

/// Takes out of a set the lists of which each item is there as it is declared: as wholes they differ by what others set in them.
fn without_same_lists(fields: &mut FieldSet, ours: &FieldSet, live: &Json, declared: &Json) {
    fields.below.retain(|element, below| {
        let pair = element.of(live).zip(element.of(declared));
        let Some((ours, (live, declared))) = ours.below.get(element).zip(pair) else { return true };
        let Some(items) = declared.as_array() else {
            let is_leaf = below.below.is_empty();
            without_same_lists(below, ours, live, declared);
            return is_leaf || !below.below.is_empty();
        };
        let are_ours = ours.below.len() == items.len() && extract(declared, ours).as_ref() == Some(declared);
        !(are_ours && changes(ours, live, declared).is_empty())
    });
}

/// The declared fields that differ, of an object whose version is served as soon as its definition is applied.
fn compare_moving(inner: &Inner, object: &Object, before: &Seen, document: Document) -> Diff {
    let declared = document.api_version().to_owned();
    let mut found: Vec<FieldChange> =
        compare_declared(inner, object, before, &Seen::new(document.json)).fields().to_vec();
    found.retain(|change| change.path != "/apiVersion");
    found.insert(
        0,
        FieldChange::new("/apiVersion", Some(before.api_version().into()), Some(declared.as_str().into())),
    );
    found.into_iter().collect()
}
