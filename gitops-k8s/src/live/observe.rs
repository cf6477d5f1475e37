//! What the server has of the objects that are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use gitops_core::{Cx, ErrorKind, GroupKind, Key, Live, Refusal, Result, Scope};

use crate::client::cluster::Failure;
use crate::client::kinds::{Asked, Known, Place, Served};
use crate::live::application::Inner;
use crate::live::list::List;
use crate::live::object::Seen;
use crate::live::told::State;

/// From so many objects of one kind in one namespace on, they are listed instead of asked for one by one.
const LIST_FROM: usize = 5;

/// How many questions are open at once.
const OPEN: usize = 8;

/// The objects that are there, in the order of their keys. What can't be read says why and holds up nothing else.
///
/// # Errors
/// Where the server did not answer at all: then nothing is known of anything.
pub(crate) async fn observe(inner: &Inner, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
    let _look = inner.book.look(scope.keys());
    let mut kinds: BTreeMap<&GroupKind, Vec<&Key>> = BTreeMap::new();
    scope.keys().for_each(|key| kinds.entry(key.kind()).or_default().push(key));
    let mut questions = Vec::new();
    let mut found = Vec::new();
    let asked: Vec<Asked<'_>> = kinds.iter().map(|(kind, keys)| Asked::of(kind, keys)).collect();
    let known = inner.cluster.kinds().known_of(cx, inner.wire(), &asked).await?;
    for (keys, known) in kinds.values().zip(known) {
        match known {
            Known::Served(served) => questions.extend(split(inner, &served, keys, &mut found)),
            Known::Nowhere => {}
            Known::Unsure(reason) => found.extend(unreadable(keys, &reason)),
        }
    }
    let questions: Vec<_> = questions.into_iter().map(|question| question.ask(inner, cx)).collect();
    let answers: Vec<Vec<Live>> = stream::iter(questions).buffer_unordered(OPEN).try_collect().await?;
    found.extend(answers.into_iter().flatten());
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

fn unreadable<'a>(keys: &'a [&'a Key], reason: &'a str) -> impl Iterator<Item = Live> + 'a {
    keys.iter().map(move |key| Live::unreadable((*key).clone(), reason))
}

/// The questions to ask about the objects of one kind; those that have no address are told at once.
fn split(inner: &Inner, served: &Arc<Served>, keys: &[&Key], found: &mut Vec<Live>) -> Vec<Question> {
    let mut namespaces: BTreeMap<&str, BTreeMap<String, (Key, Place)>> = BTreeMap::new();
    for key in keys {
        match Place::of(served.clone(), key, &inner.tenancy) {
            Ok(place) => {
                inner.streams.want(key);
                let names = namespaces.entry(key.namespace()).or_default();
                names.insert(key.name().to_owned(), ((*key).clone(), place));
            }
            Err(error) => {
                found.push(Live::unreadable((*key).clone(), Refusal::from(&error)));
            }
        }
    }
    let questions = namespaces.into_values().flat_map(|names| match names.len() >= LIST_FROM {
        true => vec![Question(names)],
        false => names.into_iter().map(|name| Question(BTreeMap::from([name]))).collect(),
    });
    questions.collect()
}

/// Objects of one kind in one namespace, by their names.
struct Question(BTreeMap<String, (Key, Place)>);

impl Question {
    async fn ask(self, inner: &Inner, cx: &Cx) -> Result<Vec<Live>> {
        let answer = match self.0.len() >= LIST_FROM {
            true => self.list(inner, cx).await,
            false => self.get_each(inner, cx).await,
        };
        let answer = match answer {
            // Whoever may read objects may not always list them.
            Err(failure) if failure.kind() == ErrorKind::Forbidden && self.0.len() > 1 => {
                self.get_each(inner, cx).await
            }
            answer => answer,
        };
        answer.or_else(|failure| self.give_up(inner, failure))
    }

    /// A refusal concerns the kind alone; silence concerns everything.
    fn give_up(&self, inner: &Inner, failure: Failure) -> Result<Vec<Live>> {
        if !is_of_the_kind(&failure) {
            return Err(failure.into());
        }
        if failure.kind() == ErrorKind::Unsupported {
            self.0.values().take(1).for_each(|(key, _)| inner.cluster.kinds().forget(key.kind()));
        }
        let refusal = Refusal::new(failure.kind(), failure.error.to_string());
        Ok(self.0.values().map(|(key, _)| Live::unreadable(key.clone(), refusal.clone())).collect())
    }

    async fn get_each(&self, inner: &Inner, cx: &Cx) -> Result<Vec<Live>, Failure> {
        let asked: Vec<_> = self.0.values().map(|(key, place)| get(inner, cx, key, place)).collect();
        let answers: Vec<Option<Live>> = stream::iter(asked).buffered(OPEN).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn list(&self, inner: &Inner, cx: &Cx) -> Result<Vec<Live>, Failure> {
        let Some((key, place)) = self.0.values().next() else { return Ok(Vec::new()) };
        let version = &place.served.versions[0];
        let mut list = List::new(place.beside(version), place.served.api_version(version), key.kind().kind());
        let (mut found, mut absent) = (Vec::new(), self.0.keys().collect::<BTreeSet<_>>());
        while let Some(page) = list.next_page(inner.wire(), cx, |name| self.0.contains_key(name)).await? {
            for (name, seen) in page {
                let (key, place) = &self.0[&name];
                absent.remove(&name);
                found.push(as_applied(inner, cx, key, place, version, seen).await?);
            }
            if list.has_begun_anew() {
                found.clear();
                absent = self.0.keys().collect();
            }
        }
        absent
            .into_iter()
            .for_each(|name| inner.book.told.tell(&self.0[name].0, State::absent(list.resource_version())));
        Ok(found.into_iter().flatten().collect())
    }
}

/// Whether the server answered, and what it said concerns only what was asked for.
fn is_of_the_kind(failure: &Failure) -> bool {
    match failure.kind() {
        ErrorKind::Forbidden | ErrorKind::Unsupported | ErrorKind::Invalid | ErrorKind::Corrupt => true,
        // The server has too much to do: that concerns everything, and says when to come back.
        ErrorKind::Unavailable => failure.answered && failure.error.retry() == gitops_core::Retry::Now,
        _ => false,
    }
}

async fn get(inner: &Inner, cx: &Cx, key: &Key, place: &Place) -> Result<Option<Live>, Failure> {
    let version = &place.served.versions[0];
    let Some(seen) = inner.read(cx, place.object(version)).await? else {
        inner.book.told.tell(key, State::absent(""));
        return Ok(None);
    };
    as_applied(inner, cx, key, place, version, seen).await
}

/// The object in the version in which we applied it: only in that one the record of our fields fits its form.
async fn as_applied(
    inner: &Inner,
    cx: &Cx,
    key: &Key,
    place: &Place,
    version: &str,
    seen: Seen,
) -> Result<Option<Live>, Failure> {
    let ours = seen.ours(&inner.eye).map(|ours| ours.api_version.clone());
    let other = ours.filter(|ours| *ours != place.served.api_version(version));
    let seen = match other.and_then(|other| place.object_as(&other).ok()) {
        Some(uri) => inner.read(cx, uri).await?,
        None => Some(seen),
    };
    let Some(seen) = seen else {
        inner.book.told.tell(key, State::absent(""));
        return Ok(None);
    };
    let version = seen.version(&inner.eye);
    inner.book.told.tell(key, State::at(&seen, &version));
    Ok(Some(seen.live(key.clone(), version, &inner.eye)))
}
