//! One object, watched until something is true of it.

use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind, Result};
use serde_json::Value as Json;

use crate::client::cluster::Failure;
use crate::client::kinds::Place;
use crate::live::application::Inner;
use crate::live::events::{Events, Kind};
use crate::live::list::{List, escape};
use crate::live::object::Seen;

/// How long to wait before asking again where watching is not allowed, or was cut.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches an object until `decide` gives an answer, which is asked of each state (`None`: absent), oldest first.
///
/// # Errors
/// `Timeout` or `Cancelled` of the context; what the server refuses for good. A cut or expired watch goes on.
pub(crate) async fn follow<T>(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    mut decide: impl FnMut(Option<&Seen>) -> Option<T> + Send,
) -> Result<T> {
    loop {
        match watch(inner, cx, place, &mut decide).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(failure) if failure.kind() == ErrorKind::Forbidden => {
                return poll(inner, cx, place, &mut decide).await;
            }
            Err(failure) if goes_on(&failure) => cx.sleep(PAUSE).await?,
            Err(failure) => return Err(failure.into()),
        }
    }
}

fn goes_on(failure: &Failure) -> bool {
    matches!(failure.kind(), ErrorKind::Stale | ErrorKind::Unavailable)
}

/// One list and one watch from it on.
async fn watch<T>(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    decide: &mut (impl FnMut(Option<&Seen>) -> Option<T> + Send),
) -> Result<Option<T>, Failure> {
    let version = &place.served.versions[0];
    let of_name = format!("{}?fieldSelector=metadata.name%3D{}", place.beside(version), escape(place.name()));
    let mut list = List::new(of_name.clone(), place.served.api_version(version), place.kind());
    let mut state = None;
    while let Some(page) = list.next_page(inner.wire(), cx, |_| true).await? {
        state = page.into_iter().next().or(state);
    }
    if let Some(answer) = decide(state.as_ref().map(|(_, seen)| seen)) {
        return Ok(Some(answer));
    }
    let from = escape(list.resource_version());
    let uri = format!("{of_name}&watch=1&allowWatchBookmarks=true&resourceVersion={from}");
    let mut events = Events::open(inner.wire(), cx, uri).await?;
    while let Some(event) = cx.bounded(events.next()).await.map_err(Error::outcome_known)? {
        let answer = match event.kind {
            Kind::Added | Kind::Modified => decide(Some(&Seen::new(event.object))),
            Kind::Deleted => decide(None),
            Kind::Bookmark | Kind::Error => None,
        };
        if answer.is_some() {
            return Ok(answer);
        }
    }
    Ok(None)
}

/// Who may not watch asks now and then.
async fn poll<T>(
    inner: &Inner,
    cx: &Cx,
    place: &Place,
    decide: &mut (impl FnMut(Option<&Seen>) -> Option<T> + Send),
) -> Result<T> {
    loop {
        let seen = inner.read(cx, place.object(&place.served.versions[0])).await?;
        if let Some(answer) = decide(seen.as_ref()) {
            return Ok(answer);
        }
        cx.sleep(PAUSE).await?;
    }
}

/// Waits until an object is gone.
pub(crate) async fn until_absent(inner: &Inner, cx: &Cx, place: &Place, uid: &str) -> Result<()> {
    let other = |json: &Json| json["metadata"]["uid"] != uid;
    follow(inner, cx, place, |seen| seen.is_none_or(|seen| other(&seen.json)).then_some(())).await
}
