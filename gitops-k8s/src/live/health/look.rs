//! How objects are doing now, without a wait.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use gitops_core::capability::Readiness;
use gitops_core::{Cx, Key, Result};

use super::wait::{self, defined, is_definition, works_at_once};
use super::{has_an_end, pods};
use crate::client::kinds::{Place, versions_served};
use crate::live::application::Inner;
use crate::live::list::List;
use crate::live::object::Seen;

/// From so many objects of one kind in one namespace on, they are listed instead of asked for one by one.
const LIST_FROM: usize = 5;

/// How many questions are open at once.
const OPEN: usize = 8;

/// How the objects are doing that can be looked at; the others are left out.
pub(super) async fn look(inner: &Inner, cx: &Cx, keys: &[Key]) -> BTreeMap<Key, Readiness> {
    let (at_once, asked): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| works_at_once(inner, key));
    let mut found: BTreeMap<Key, Readiness> =
        at_once.into_iter().map(|key| (key.clone(), Readiness::Ready)).collect();
    let mut together: BTreeMap<_, Vec<&Key>> = BTreeMap::new();
    for key in asked {
        together.entry((key.kind(), key.namespace())).or_default().push(key);
    }
    let questions: Vec<_> = together.into_values().flat_map(split).map(|keys| ask(inner, cx, keys)).collect();
    let answers: Vec<_> = stream::iter(questions).buffer_unordered(OPEN).collect().await;
    // What can't be looked at is not known.
    found.extend(answers.into_iter().flat_map(Result::unwrap_or_default));
    found
}

/// All in one question, or one question for each.
fn split(keys: Vec<&Key>) -> Vec<Vec<&Key>> {
    match keys.len() >= LIST_FROM {
        true => vec![keys],
        false => keys.into_iter().map(|key| vec![key]).collect(),
    }
}

async fn ask(inner: &Inner, cx: &Cx, keys: Vec<&Key>) -> Result<Vec<(Key, Readiness)>> {
    let mut answers = Vec::new();
    let [key] = keys[..] else { return Box::pin(list(inner, cx, keys)).await };
    let place = inner.place(cx, key).await?;
    if let Some(seen) = inner.read(cx, place.object(&place.served.versions[0])).await? {
        answers.push((key.clone(), now(inner, cx, key, &place, &seen).await?));
    }
    Ok(answers)
}

async fn list(inner: &Inner, cx: &Cx, keys: Vec<&Key>) -> Result<Vec<(Key, Readiness)>> {
    let mut answers = Vec::new();
    let names: BTreeMap<&str, &Key> = keys.iter().map(|key| (key.name(), *key)).collect();
    let Some(first) = keys.first() else { return Ok(answers) };
    let place = inner.place(cx, first).await?;
    let version = &place.served.versions[0];
    let mut list = List::new(place.beside(version), place.served.api_version(version), place.kind());
    let is_asked = |name: &str| names.contains_key(name);
    while let Some(page) = list.next_page(inner.wire(), cx, is_asked).await? {
        for (name, seen) in page {
            let Some(key) = names.get(name.as_str()) else { continue };
            answers.push(((*key).clone(), now(inner, cx, key, &place, &seen).await?));
        }
    }
    Ok(answers)
}

async fn now(inner: &Inner, cx: &Cx, key: &Key, place: &Place, seen: &Seen) -> Result<Readiness> {
    let readiness = wait::now(inner, cx, place, seen);
    if has_an_end(key) {
        inner.book.await_end(key, &seen.uid());
    }
    let readiness = match readiness {
        Ok(readiness) => readiness,
        // What a wait would be told by a pod is known here too. Where nobody may look at pods, its own status has to do.
        Err(standing) => match pods::broken_now(inner, cx, key, place).await.ok().flatten() {
            Some(reason) => Readiness::Failed(reason),
            None => standing.readiness(cx.now(), inner.patience),
        },
    };
    let defines = defined(&seen.json).filter(|_| is_definition(key) && readiness == Readiness::Ready);
    let versions = versions_served(&seen.json);
    match defines {
        Some(kind) if !inner.cluster.kinds().is_served(cx, inner.wire(), &kind, &versions).await? => {
            Ok(Readiness::Progressing(format!("{kind} is not served yet in each of its versions")))
        }
        _ => Ok(readiness),
    }
}
