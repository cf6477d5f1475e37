//! Namespaces that are being deleted, and take with them what is in them.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use gitops_core::{Cx, Key, Live, Presence};

use crate::change::admit::namespace_of;
use crate::client::cluster::{Call, Failure};
use crate::live::application::Inner;
use crate::live::list::List;
use crate::live::object::Seen;

/// From so many namespaces on, they are listed instead of asked for one by one.
const LIST_FROM: usize = 20;

/// How many questions are open at once.
const OPEN: usize = 8;

/// The objects that are in a namespace that is being deleted, each with the namespace. One that was looked at is not asked about again. What
/// may not be read, or is not answered for, is taken for a namespace that stays.
pub(super) async fn with_namespaces(
    inner: &Inner,
    cx: &Cx,
    keys: &[Key],
    live: &BTreeMap<Key, Live>,
) -> BTreeMap<Key, Key> {
    let mut namespaces: BTreeMap<&str, Key> = BTreeMap::new();
    let is_within = |key: &&Key| !key.namespace().is_empty() && inner.tenancy.check(key).is_ok();
    for key in keys.iter().filter(is_within) {
        namespaces.entry(key.namespace()).or_insert_with(|| namespace_of(key));
    }
    let (known, unknown): (Vec<Key>, Vec<Key>) =
        namespaces.into_values().partition(|namespace| live.contains_key(namespace));
    let is_going =
        |namespace: &Key| live.get(namespace).is_some_and(|live| live.presence == Presence::Deleting);
    let known = known.into_iter().filter(is_going);
    let going = known.chain(ask(inner, cx, unknown).await);
    let going: BTreeMap<String, Key> = going.map(|key| (key.name().to_owned(), key)).collect();
    let place = |key: &Key| Some((key.clone(), going.get(key.namespace())?.clone()));
    keys.iter().filter_map(place).collect()
}

async fn ask(inner: &Inner, cx: &Cx, namespaces: Vec<Key>) -> Vec<Key> {
    // Whoever may read namespaces may not always list them, and who is limited to some does not.
    if namespaces.len() >= LIST_FROM
        && !inner.tenancy.is_narrow()
        && let Ok(going) = list(inner, cx, &namespaces).await
    {
        return going;
    }
    let ask = |namespace: Key| async move { is_going(inner, cx, &namespace).await.then_some(namespace) };
    let asking: Vec<_> = namespaces.into_iter().map(ask).collect();
    stream::iter(asking).buffer_unordered(OPEN).filter_map(std::future::ready).collect().await
}

async fn is_going(inner: &Inner, cx: &Cx, namespace: &Key) -> bool {
    let uri = format!("/api/v1/namespaces/{}", namespace.name());
    inner.wire().json(cx, Call::get(uri)).await.is_ok_and(|json| Seen::new(json).is_deleting())
}

async fn list(inner: &Inner, cx: &Cx, namespaces: &[Key]) -> Result<Vec<Key>, Failure> {
    let by_name: BTreeMap<&str, &Key> = namespaces.iter().map(|key| (key.name(), key)).collect();
    let mut list = List::new("/api/v1/namespaces".to_owned(), "v1".to_owned(), "Namespace").of_metadata();
    let mut going = Vec::new();
    while let Some(page) = list.next_page(inner.wire(), cx, |name| by_name.contains_key(name)).await? {
        if list.has_begun_anew() {
            going.clear();
        }
        let deleted = page.into_iter().filter(|(_, seen)| seen.is_deleting());
        going.extend(deleted.map(|(name, _)| by_name[name.as_str()].clone()));
    }
    Ok(going)
}
