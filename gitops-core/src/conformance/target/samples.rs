use std::sync::Arc;

use crate::value::{Key, Secret, Value};

type Made<T, V> = Arc<dyn Fn(T) -> V + Send + Sync>;
type Keyed = (Key, Value);
type OfText = Arc<dyn Fn(&str) -> Value + Send + Sync>;

/// Keys and bodies for the kit to write.
///
/// Only [`new`](Self::new) is required. Each other sample lets more checks run; without it they are skipped, and the
/// report says what is missing.
#[derive(Clone)]
pub struct Samples {
    pub(super) key: Made<usize, Key>,
    pub(super) body: Made<usize, Value>,
    pub(super) text: Option<OfText>,
    pub(super) secret: Option<Made<Secret, Value>>,
    pub(super) refused_secret: Option<Made<Secret, Value>>,
    pub(super) neighbours: Vec<Key>,
    pub(super) spellings: Vec<Key>,
    pub(super) defaulted: Vec<Value>,
    pub(super) narrowing: Option<(Value, Value)>,
    pub(super) container: Option<(Keyed, Keyed)>,
    pub(super) unknown_kind: Option<Key>,
    pub(super) invalid: Option<Value>,
    pub(super) too_large: Option<Value>,
    pub(super) illegal_keys: Vec<Key>,
    pub(super) many: usize,
    pub(super) awaits: usize,
    pub(super) repeats: usize,
}

impl Samples {
    /// Different keys and different bodies for different numbers, as small as you like.
    ///
    /// A body is as a declaration has it: what the target shows for an object that was made from it must not differ.
    pub fn new(
        key: impl Fn(usize) -> Key + Send + Sync + 'static,
        body: impl Fn(usize) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self {
            key: Arc::new(key),
            body: Arc::new(body),
            text: None,
            secret: None,
            refused_secret: None,
            neighbours: Vec::new(),
            spellings: Vec::new(),
            defaulted: Vec::new(),
            narrowing: None,
            container: None,
            unknown_kind: None,
            invalid: None,
            too_large: None,
            illegal_keys: Vec::new(),
            many: 120,
            awaits: 64,
            repeats: 10,
        }
    }

    /// A body that holds a text, for odd texts: empty, long, and of all languages (C07).
    #[must_use]
    pub fn text(mut self, body: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        self.text = Some(Arc::new(body));
        self
    }

    /// A body that holds a secret (C57, C58, C59).
    #[must_use]
    pub fn secret(mut self, body: impl Fn(Secret) -> Value + Send + Sync + 'static) -> Self {
        self.secret = Some(Arc::new(body));
        self
    }

    /// A body that holds a secret and that the server itself refuses, so that its refusal may quote it (C58).
    #[must_use]
    pub fn refused_secret(mut self, body: impl Fn(Secret) -> Value + Send + Sync + 'static) -> Self {
        self.refused_secret = Some(Arc::new(body));
        self
    }

    /// Keys that differ in one part each, or of which one begins with another (C02, C39).
    #[must_use]
    pub fn neighbours(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.neighbours = keys.into_iter().collect();
        self
    }

    /// Other spellings of key 0 that the target may take for the same (C08); its name in capitals if nothing is said.
    #[must_use]
    pub fn spellings(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.spellings = keys.into_iter().collect();
        self
    }

    /// Bodies that leave out what the target fills in, or spell a value otherwise than it does (C29, C30).
    #[must_use]
    pub fn defaulted(mut self, bodies: impl IntoIterator<Item = Value>) -> Self {
        self.defaulted = bodies.into_iter().collect();
        self
    }

    /// A body, and the same without one of its fields (C32).
    #[must_use]
    pub fn narrowing(mut self, wide: Value, narrow: Value) -> Self {
        self.narrowing = Some((wide, narrow));
        self
    }

    /// An object that takes others with it when it is deleted, and an object of others in it (C80).
    #[must_use]
    pub fn container(mut self, outer: (Key, Value), inner: (Key, Value)) -> Self {
        self.container = Some((outer, inner));
        self
    }

    /// A key of a kind that the target does not have (C14).
    #[must_use]
    pub fn unknown_kind(mut self, key: Key) -> Self {
        self.unknown_kind = Some(key);
        self
    }

    /// A body that the target refuses as wrong (C44).
    #[must_use]
    pub fn invalid(mut self, body: Value) -> Self {
        self.invalid = Some(body);
        self
    }

    /// A body that is larger than the target takes (C63).
    #[must_use]
    pub fn too_large(mut self, body: Value) -> Self {
        self.too_large = Some(body);
        self
    }

    /// Keys that the target must refuse: too long, with illegal characters, outside of it (C64).
    #[must_use]
    pub fn illegal_keys(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.illegal_keys = keys.into_iter().collect();
        self
    }

    /// How many objects make more than a page (C11, C12); 120 if nothing is said.
    #[must_use]
    pub fn many(mut self, objects: usize) -> Self {
        self.many = objects;
        self
    }

    /// At how many awaits of one call it is stopped at most (C20, C27, C48 to C51); 64 if nothing is said.
    #[must_use]
    pub fn awaits(mut self, awaits: usize) -> Self {
        self.awaits = awaits;
        self
    }

    /// How often a change is repeated (C28); 10 if nothing is said.
    #[must_use]
    pub fn repeats(mut self, times: usize) -> Self {
        self.repeats = times;
        self
    }
}
