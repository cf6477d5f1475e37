use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use gitops_core::{Digest, GroupKind, Key};
use smol_str::SmolStr;
use tokio::sync::Notify;

use crate::live::clients::Decision;
use crate::live::told::{State, Told};

/// What the streams report to: what the engine was told, and what moved since.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub told: Told,
    /// What was decided about other clients where that is not plain, with the digest of the preview that showed it.
    decided: Mutex<BTreeMap<Key, (Digest, Arc<Decision>)>>,
    moved: Mutex<BTreeSet<Key>>,
    /// Objects that are being changed, each with what was last shown of it meanwhile.
    flying: Mutex<BTreeMap<Key, Option<State>>>,
    /// The kinds, each in one namespace or (with none) in all, of which a stream shows every move.
    followed: Mutex<BTreeSet<(GroupKind, SmolStr)>>,
    news: Notify,
}

/// A change under way. What a watch shows of its object waits for its end: most often it is the change itself.
pub(crate) struct Flight<'a> {
    book: &'a Book,
    key: Key,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flying = self.book.flying.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = flying.remove(&self.key).flatten();
        drop(flying);
        if let Some(state) = shown {
            self.book.judge(&self.key, state);
        }
    }
}

impl Book {
    /// A stream has compared all there is and is connected, or it no longer is.
    pub fn set_followed(&self, kind: &GroupKind, namespace: &SmolStr, follows: bool) {
        let (of, mut followed) =
            ((kind.clone(), namespace.clone()), self.followed.lock().unwrap_or_else(PoisonError::into_inner));
        match follows {
            true => followed.insert(of),
            false => followed.remove(&of),
        };
    }

    /// Whether the engine was told of an object, or is changing it: nothing else is news to it.
    pub fn asks_about(&self, key: &Key) -> bool {
        self.told.get(key).is_some()
            || self.flying.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Whether an object would be told of at once if it moved: it was told of with an owner label, for only labelled ones are
    /// streamed, and a stream follows it.
    pub fn covers(&self, key: &Key) -> bool {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let follows = |namespace: &str| followed.contains(&(key.kind().clone(), namespace.into()));
        let is_followed = follows("") || follows(key.namespace());
        drop(followed);
        is_followed && self.told.get(key).is_some_and(|state| state.is_marked())
    }

    /// Notes what a preview decided about other clients.
    pub fn decide(&self, key: &Key, shown: Digest, decision: Decision) {
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        match decision.is_plain() {
            true => drop(decided.remove(key)),
            false => drop(decided.insert(key.clone(), (shown, Arc::new(decision)))),
        }
    }

    /// What a preview decided about other clients, if this is the digest that it showed and not that of a plain write.
    pub fn decided(&self, key: &Key, shown: &Digest) -> Option<Arc<Decision>> {
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        decided.get(key).filter(|(digest, _)| digest == shown).map(|(_, decision)| decision.clone())
    }

    /// A change of an object begins.
    pub fn begin(&self, key: &Key) -> Flight<'_> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        flying.insert(key.clone(), None);
        Flight { book: self, key: key.clone() }
    }

    /// What a watch shows of an object.
    pub fn show(&self, key: &Key, state: State) {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = flying.get_mut(key) {
            *shown = Some(state);
            return;
        }
        drop(flying);
        self.judge(key, state);
    }

    /// Compares a state with the one that was told. One that is older is no news, nor is an object that nobody asked
    /// about.
    fn judge(&self, key: &Key, state: State) {
        match self.told.get(key) {
            None => {}
            Some(told) if told.is(&state) && state.is_absent() => self.told.forget(key),
            Some(told) if told.is(&state) => self.told.renew(key, state),
            Some(told) if told.is_newer_than(&state) => {}
            Some(_) => self.move_key(key.clone()),
        }
    }

    /// Something may have happened to an object.
    pub fn move_key(&self, key: Key) {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        self.news.notify_one();
    }

    /// The objects that moved, waiting for the first.
    pub async fn moved(&self) -> Vec<Key> {
        loop {
            let moved = std::mem::take(&mut *self.moved.lock().unwrap_or_else(PoisonError::into_inner));
            if !moved.is_empty() {
                return moved.into_iter().collect();
            }
            self.news.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn key() -> Key {
        Key::new("k", GroupKind::new("", "ConfigMap"), "n", "a")
    }

    fn moved(book: &Book) -> bool {
        book.moved().now_or_never().is_some()
    }

    #[test]
    fn what_is_shown_during_a_change_waits_for_its_end() {
        let book = Book::default();
        let [old, new, foreign] = [State::test(1, 10), State::test(2, 20), State::test(3, 30)];
        book.told.tell(&key(), old);
        let flight = book.begin(&key());
        book.show(&key(), new);
        assert!(!moved(&book));
        book.told.tell(&key(), new);
        drop(flight);
        assert!(!moved(&book), "it was the change itself");
        let flight = book.begin(&key());
        book.show(&key(), foreign);
        drop(flight);
        assert!(moved(&book), "it was somebody else");
    }

    #[test]
    fn what_is_old_or_known_or_unasked_is_no_news() {
        let book = Book::default();
        book.show(&key(), State::test(1, 10));
        book.told.tell(&key(), State::test(2, 20));
        book.show(&key(), State::test(1, 10));
        book.show(&key(), State::test(2, 25));
        assert!(!moved(&book));
        book.show(&key(), State::absent("30"));
        assert!(moved(&book));
    }
}
