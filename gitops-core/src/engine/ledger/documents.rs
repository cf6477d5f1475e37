//! Loads and replaces the documents of an inventory.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::cx::Cx;
pub(super) use crate::state::inventory::StoredInventory as Content;
use crate::state::inventory::{Place, Shard, ShardId};
use crate::state::store::{Document, StateStore};
use crate::value::{Digest, Error, ErrorKind, Result, Version};

/// How many shards are read at once.
const AT_ONCE: usize = 16;

/// How often a document that others wrote meanwhile is written again.
const TRIES: usize = 5;

/// All shards that an index names, with the versions of their documents.
pub(super) async fn load_shards(
    cx: &Cx,
    store: &dyn StateStore,
    places: &BTreeMap<ShardId, Place>,
) -> Result<BTreeMap<ShardId, (Shard, Version)>> {
    let load = |(id, place): (&ShardId, &Place)| {
        let (id, place) = (id.clone(), place.clone());
        async move { load_shard(cx, store, &id, &place).await.map(|shard| (id, shard)) }
    };
    stream::iter(places.iter().map(load)).buffer_unordered(AT_ONCE).try_collect().await
}

async fn load_shard(
    cx: &Cx,
    store: &dyn StateStore,
    id: &ShardId,
    place: &Place,
) -> Result<(Shard, Version)> {
    let name = place.slot.document(id);
    let stored =
        store.load(cx, &name).await?.ok_or_else(|| damaged("it is missing").with("document", &name))?;
    if Digest::of(&stored.document.bytes) != place.digest {
        return Err(damaged("it is not the one that the index names").with("document", &name));
    }
    let shard = serde_json::from_slice(&stored.document.bytes)
        .map_err(|error| damaged(&error.to_string()).with("document", &name))?;
    Ok((shard, stored.version))
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a part of the inventory is damaged: {what}"))
        .help("put all documents back from one backup; do not delete them: they record what is owned")
}

/// Replaces a document that no index names, whatever an earlier try left in its place; one of a newer engine stays.
pub(super) async fn put(
    cx: &Cx,
    store: &dyn StateStore,
    name: &str,
    mut expect: Option<Version>,
    document: Document,
) -> Result<Version> {
    for _ in 0..TRIES {
        match store.swap(cx, name, expect.as_ref(), document.clone()).await {
            Err(error) if error.is_conflict() => {
                let stored = store.load(cx, name).await?;
                if stored.as_ref().is_some_and(|stored| stored.document.epoch > document.epoch) {
                    return Err(error);
                }
                expect = stored.map(|stored| stored.version);
            }
            written => return written,
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "a document is written by somebody else all the time")
        .with("document", name))
}
