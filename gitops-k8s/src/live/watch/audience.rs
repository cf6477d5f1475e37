//! Who listens to a watch, and what each of them is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_core::{GroupKind, Hasher, Key};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::Book;
use crate::live::object::{Eye, Seen};
use crate::live::told::State;

/// A target of an application, as far as a watch concerns it.
#[derive(Clone)]
pub(super) struct Listener {
    pub target: SmolStr,
    pub eye: Eye,
    pub book: Arc<Book>,
}

/// All who listen to the watch on one kind, in one namespace or (with none) in all.
///
/// The watch sees the objects of every application in the cluster. A listener is shown only those that it asked about; of the others
/// nothing is kept but the version at which each was seen last, so that who comes later knows what moved before.
pub(super) struct Audience {
    pub kind: GroupKind,
    pub namespace: SmolStr,
    room: Mutex<Room>,
}

#[derive(Default)]
struct Room {
    next: u64,
    listeners: BTreeMap<u64, Seat>,
    /// The version at which each object was seen last, by a digest of its name: 16 bytes an object.
    known: BTreeMap<u64, u64>,
    /// Whether that is all there is.
    is_complete: bool,
    /// Whether the watch is connected.
    follows: bool,
}

struct Seat {
    listener: Listener,
    /// It came while what is there was still being shown.
    is_late: bool,
}

/// What is there, while a watch begins.
#[derive(Default)]
pub(super) struct There(BTreeMap<u64, u64>);

/// A watch that is connected, for as long as it is.
pub(super) struct Following<'a>(&'a Audience);

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.set_following(false);
    }
}

impl Audience {
    pub fn new(kind: GroupKind, namespace: SmolStr) -> Self {
        Self { kind, namespace, room: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody listen, and tells it what moved since it was told. Nothing that comes later is missed.
    pub fn enter(&self, listener: Listener) -> u64 {
        let mut room = self.lock();
        let id = room.next;
        room.next += 1;
        let is_late = !room.is_complete;
        if !is_late {
            self.catch_up(&room.known, &listener);
            if room.follows {
                listener.book.set_followed(&self.kind, &self.namespace, true);
            }
        }
        room.listeners.insert(id, Seat { listener, is_late });
        id
    }

    /// Says whether somebody still listens.
    pub fn leave(&self, id: u64) -> bool {
        let mut room = self.lock();
        if let Some(seat) = room.listeners.remove(&id) {
            seat.listener.book.set_followed(&self.kind, &self.namespace, false);
        }
        !room.listeners.is_empty()
    }

    /// The watch is connected, and every move is shown from here on.
    pub fn follow(&self) -> Following<'_> {
        self.set_following(true);
        Following(self)
    }

    fn set_following(&self, follows: bool) {
        let mut room = self.lock();
        room.follows = follows;
        for seat in room.listeners.values() {
            seat.listener.book.set_followed(&self.kind, &self.namespace, follows);
        }
    }

    /// What is there is about to be shown anew, to all who listen by now. Who comes while it is shown catches up at its end.
    pub fn begin(&self) -> There {
        let mut room = self.lock();
        room.is_complete = false;
        room.listeners.values_mut().for_each(|seat| seat.is_late = false);
        There::default()
    }

    /// All there is was shown, as of a version: what was told and is not there is gone.
    pub fn complete(&self, there: There, version: &str) {
        let mut room = self.lock();
        (room.known, room.is_complete) = (there.0, true);
        let Room { listeners, known, .. } = &mut *room;
        for seat in listeners.values_mut() {
            let Listener { target, book, .. } = &seat.listener;
            for key in book.told.of_kind(target, &self.kind, &self.namespace) {
                if !known.contains_key(&digest(key.namespace(), key.name())) {
                    book.show(&key, State::absent(version));
                }
            }
            if std::mem::take(&mut seat.is_late) {
                self.catch_up(known, &seat.listener);
            }
        }
    }

    /// An object as it is, while what is there is shown.
    pub fn show_there(&self, object: Json, there: &mut There) {
        let (namespace, name) = place(&object);
        there.0.insert(digest(namespace, name), revision(&object));
        self.tell(&self.lock(), object, true);
    }

    /// An object that moved.
    pub fn show(&self, object: Json, is_there: bool) {
        let (namespace, name) = place(&object);
        let (digest, revision) = (digest(namespace, name), revision(&object));
        let mut room = self.lock();
        match is_there {
            true => drop(room.known.insert(digest, revision)),
            false => drop(room.known.remove(&digest)),
        }
        self.tell(&room, object, is_there);
    }

    /// Nobody can say what moved: all of this kind may have.
    pub fn look_at_all(&self) {
        for Seat { listener: Listener { target, book, .. }, .. } in self.lock().listeners.values() {
            let told = book.told.of_kind(target, &self.kind, &self.namespace);
            told.into_iter().for_each(|key| book.move_key(key));
        }
    }

    /// Shows an object to those who asked about it. It is taken apart only if somebody did.
    fn tell(&self, room: &Room, object: Json, is_there: bool) {
        let (namespace, name) = place(&object);
        let (namespace, name) = (SmolStr::from(namespace), SmolStr::from(name));
        let seats = room.listeners.values().filter(|seat| !seat.is_late);
        let asked = seats.filter_map(|Seat { listener, .. }| {
            let key = Key::new(listener.target.clone(), self.kind.clone(), namespace.clone(), name.clone());
            listener.book.asks_about(&key).then_some((listener, key))
        });
        let asked: Vec<(&Listener, Key)> = asked.collect();
        if asked.is_empty() {
            return;
        }
        let seen = Seen::new(object);
        for (Listener { eye, book, .. }, key) in asked {
            book.show_end(&key, &seen);
            // One that is not there is gone, or no longer carries our label.
            let state = match is_there {
                true => State::of(&seen, eye),
                false => State::absent(seen.resource_version()),
            };
            book.show(&key, state);
        }
    }

    /// What was told of and moved since, as far as versions say: it is looked at.
    fn catch_up(&self, known: &BTreeMap<u64, u64>, Listener { target, book, .. }: &Listener) {
        for key in book.told.of_kind(target, &self.kind, &self.namespace) {
            let Some(told) = book.told.get(&key) else { continue };
            let is_known = match known.get(&digest(key.namespace(), key.name())) {
                Some(revision) => told.is_as_of(*revision),
                None => told.is_absent(),
            };
            if !is_known {
                book.move_key(key);
            }
        }
    }
}

fn place(object: &Json) -> (&str, &str) {
    let name = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    (name("namespace"), name("name"))
}

/// The server's version of an object; 0 where that is no number.
fn revision(object: &Json) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn digest(namespace: &str, name: &str) -> u64 {
    let mut hasher = Hasher::new("gitops kubernetes watched");
    hasher.field(namespace).field(name);
    u64::from_le_bytes(hasher.finish().as_bytes()[..8].try_into().expect("a digest has 32 bytes"))
}
