use std::time::Duration;

use gitops_core::{Applied, Cx, Error, ErrorKind, Expect, Key, Object, OwnerLabel, Result};

use super::Dry;
use super::create::create;
use super::delete::remove;
use crate::change::document::{Document, Pin};
use crate::change::effect::Sent;
use crate::change::treatment::Treatment;
use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::clients::Decision;
use crate::live::follow::until_absent;
use crate::live::object::Seen;

/// How long the end of an object is waited for within a change. Whoever holds it longer holds up nothing else: the next plan
/// makes it anew once it is gone.
const END: Duration = Duration::from_secs(10);

/// Removes an object and makes it anew.
///
/// First the server is asked whether it would take the new one. Its end is waited for by a watch, for a while: one that a finalizer
/// holds is answered as being deleted. Whatever else happens after the removal leaves the outcome unknown: the object may be absent
/// then, and the next plan makes it.
pub(super) async fn replace(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    expect: &Expect,
    owner_label: &OwnerLabel,
) -> Result<Applied> {
    if !inner.replace && !Treatment::of(object).recreate {
        return Err(Error::new(ErrorKind::Denied, "the target may not delete an object to make it anew")
            .help("allow it: `replace`"));
    }
    let key = &object.key;
    let place = inner.place(cx, key).await?;
    let seen = inner.read_as_applied(cx, &place).await?;
    let seen = seen.ok_or_else(|| Error::conflict(key))?;
    if Inner::is_done(&seen, owner_label) && seen.uid() != expect.uid {
        let document = Document::over(object, Some(owner_label), &seen, &inner.eye)?;
        let uri = place.object_as(document.api_version())?;
        let decision = &Decision::default();
        let sent = Sent { object, document: &document, decision, uri: &uri };
        return inner.answer_again(cx, sent, &seen).await;
    }
    inner.check(key, &seen, expect, owner_label)?;
    prove(inner, cx, object).await?;
    let removed = remove(inner, cx, key, &place, &seen).await?;
    anew(inner, cx, object, owner_label, &place, &seen, removed).await.map_err(Error::outcome_unknown)
}

async fn anew(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    owner_label: &OwnerLabel,
    place: &Place,
    seen: &Seen,
    removed: Applied,
) -> Result<Applied> {
    if removed == Applied::Deleting {
        match until_absent(inner, &cx.within(END), place, seen.uid().as_str()).await {
            Err(error) if error.kind() == ErrorKind::Timeout && !is_over(cx) => return Ok(removed),
            gone => gone?,
        }
    }
    create(inner, cx, object, owner_label).await
}

fn is_over(cx: &Cx) -> bool {
    cx.is_cancelled() || cx.deadline().is_some_and(|deadline| cx.now() >= deadline)
}

/// How many bytes of a name are kept in the name of a proof: room for what is added in a name of 63.
const KEPT: usize = 50;

/// Proves that the server would make the object, by a dry run under another name, before anything is removed for it.
///
/// What only the object that is there stands in the way of (an address or a port that is taken, a quota) is no
/// refusal. A kind whose names have a meaning of their own can't be made under another: nothing is proven of it.
pub(crate) async fn prove(inner: &Inner, cx: &Cx, object: &Object) -> Result<Proof> {
    if NAMED_BY_MEANING.contains(&(object.key.kind().group(), object.key.kind().kind())) {
        return Ok(Proof::None);
    }
    let mut other = object.clone();
    let key = &object.key;
    let name: String = key.name().chars().take(KEPT).collect();
    let name = name.trim_end_matches(['-', '.', ':']);
    other.key = Key::new(key.target(), key.kind().clone(), key.namespace(), format!("{name}-replaced"));
    let place = inner.place(cx, &other.key).await?;
    let document = Document::new(&other, None)?;
    let uri = place.object_as(document.api_version())?;
    match inner.submit(cx, &document, &uri, Pin::Absent, Dry::Run).await {
        Err(failure) if !is_in_the_way(&failure) => {
            let error = Error::from(failure).at(key).with("step", "proof of the replacement, by a dry run");
            Err(error.help("nothing was deleted: correct what is declared"))
        }
        _ => Ok(Proof::DryRun),
    }
}

/// How it is known that the server would make an object that replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It said so of one under another name.
    DryRun,
    /// It is not known.
    None,
}

/// Kinds whose objects can't be made under another name.
const NAMED_BY_MEANING: [(&str, &str); 2] =
    [("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService")];

fn is_in_the_way(failure: &Failure) -> bool {
    let message = failure.error.message();
    ["already allocated", "exceeded quota"].iter().any(|sign| message.contains(sign))
}
