use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::capability::Readiness;
use gitops_core::{Digest, GroupKind, Key, Uid};
use smol_str::SmolStr;
use tokio::sync::Notify;

use crate::live::clients::Decision;
use crate::live::health;
use crate::live::object::Seen;
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
    /// Objects that are being looked at, in the same way.
    looked: Mutex<BTreeMap<Key, Looked>>,
    /// The kinds, each in one namespace or (with none) in all, of which a stream shows every move.
    followed: Mutex<BTreeSet<(GroupKind, SmolStr)>>,
    /// Objects whose end somebody waits for, each incarnation with the end that was shown of it.
    ends: Mutex<BTreeMap<Key, (Uid, Option<Readiness>)>>,
    news: Notify,
}

/// A change under way. What a watch shows of its object waits for its end: most often it is the change itself.
pub(crate) struct Flight<'a> {
    book: &'a Book,
    key: Key,
}

/// What is known of an object that is being looked at.
#[derive(Debug, Default)]
struct Looked {
    /// How many look at it.
    looks: usize,
    /// What was last shown of it meanwhile.
    shown: Option<State>,
}

/// A look under way. What a watch shows of its objects waits for its end: what is told then may be older.
pub(crate) struct Look<'a> {
    book: &'a Book,
    keys: Vec<Key>,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let shown: Vec<(Key, State)> = {
            let mut looked = self.book.looked();
            let keys = std::mem::take(&mut self.keys).into_iter();
            keys.filter_map(|key| Some((key.clone(), end_look(&mut looked, &key)?))).collect()
        };
        shown.into_iter().for_each(|(key, state)| self.book.judge(&key, state));
    }
}

/// What was shown of an object, once the last of those who look at it is through.
fn end_look(looked: &mut BTreeMap<Key, Looked>, key: &Key) -> Option<State> {
    let look = looked.get_mut(key)?;
    look.looks = look.looks.saturating_sub(1);
    match look.looks {
        0 => looked.remove(key)?.shown,
        _ => None,
    }
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

    fn looked(&self) -> MutexGuard<'_, BTreeMap<Key, Looked>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the engine was told of an object, looks at it, or is changing it: nothing else is news to it.
    pub fn asks_about(&self, key: &Key) -> bool {
        self.told.get(key).is_some()
            || self.looked().contains_key(key)
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

    /// A look at objects begins: what moves from here on is not missed, also of one that nobody was told of yet.
    pub fn look<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) -> Look<'_> {
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        let mut looked = self.looked();
        keys.iter().for_each(|key| looked.entry(key.clone()).or_default().looks += 1);
        drop(looked);
        Look { book: self, keys }
    }

    /// What a watch shows of an object.
    pub fn show(&self, key: &Key, state: State) {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = flying.get_mut(key) {
            *shown = Some(state);
            return;
        }
        drop(flying);
        if let Some(look) = self.looked().get_mut(key) {
            look.shown = Some(state);
            return;
        }
        self.judge(key, state);
    }

    /// Somebody waits for the end of an object that runs to one. A stream tells of it although no field moved that we own, and
    /// remembers it, for the object may be gone before anybody looks.
    pub fn await_end(&self, key: &Key, uid: &Uid) {
        let mut ends = self.ends();
        if ends.get(key).is_none_or(|(of, _)| of != uid) {
            ends.insert(key.clone(), (uid.clone(), None));
        }
    }

    /// An object as a watch shows it, also for the last time.
    pub fn show_end(&self, key: &Key, seen: &Seen) {
        let mut ends = self.ends();
        let awaited = ends.get_mut(key).filter(|(of, known)| known.is_none() && *of == seen.uid());
        let Some((_, known)) = awaited else { return };
        *known = health::end(&seen.json);
        let has_ended = known.is_some();
        drop(ends);
        if has_ended {
            self.move_key(key.clone());
        }
    }

    /// How an incarnation of an object ended, if that was shown.
    pub fn end_of(&self, key: &Key, uid: &Uid) -> Option<Readiness> {
        self.ends().get(key).filter(|(of, _)| of == uid)?.1.clone()
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<Key, (Uid, Option<Readiness>)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn what_moves_during_the_first_look_at_an_object_is_not_missed() {
        let (book, key) = (Book::default(), key());
        let [old, new] = [State::test(1, 10), State::test(2, 20)];
        let (look, other) = (book.look([&key]), book.look([&key]));
        assert!(book.asks_about(&key));
        book.show(&key, new);
        book.told.tell(&key, old);
        drop(look);
        assert!(!moved(&book), "another look may yet tell of it");
        drop(other);
        assert!(moved(&book), "what was read was older");
        let look = book.look([&key]);
        book.show(&key, new);
        book.told.tell(&key, new);
        drop(look);
        assert!(!moved(&book), "the look saw it itself");
        let gone = book.look([&key]);
        book.show(&key, State::absent("30"));
        drop(gone);
        assert!(moved(&book), "a look that failed told nothing");
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
