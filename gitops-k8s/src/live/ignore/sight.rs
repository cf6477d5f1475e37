//! What is known of the live side of a value while fields of it are left.

use serde_json::Value as Json;

use crate::live::fields::{Element, FieldSet, Managed, extract};

/// What of a value we own.
#[derive(Clone, Copy)]
pub(super) enum Owned<'a> {
    Nothing,
    Part(&'a FieldSet),
    Whole,
}

impl<'a> Owned<'a> {
    pub fn of(set: &'a FieldSet) -> Self {
        match (set.below.is_empty(), set.itself) {
            (true, true) => Self::Whole,
            (true, false) => Self::Nothing,
            (false, _) => Self::Part(set),
        }
    }

    fn below(self, element: &Element) -> Self {
        match self {
            Self::Part(set) => set.below.get(element).map_or(Self::Nothing, Owned::of),
            all_or_nothing => all_or_nothing,
        }
    }

    /// The part of a value that is ours.
    fn of_value(self, live: &Json) -> Option<Json> {
        match self {
            Self::Nothing => None,
            Self::Part(set) => extract(live, set),
            Self::Whole => Some(live.clone()),
        }
    }
}

/// What all records of owners say of a value.
#[derive(Clone)]
pub(super) enum Records<'a> {
    /// Who owns which part of it.
    Parts(Vec<&'a FieldSet>),
    /// It has one owner: what is left out of it when it is written is removed.
    OneOwner,
    /// Nobody says who owns it, so that it may have one owner.
    Unknown,
    /// Its parts have owners; the records of them are not looked at.
    Granular,
}

impl<'a> Records<'a> {
    pub fn of(all: &'a [Managed]) -> Self {
        match all.is_empty() {
            true => Self::Unknown,
            false => Self::Parts(all.iter().map(|entry| &entry.fields).collect()),
        }
    }

    fn below(&self, element: &Element) -> Self {
        let Self::Parts(sets) = self else { return self.clone() };
        let below: Vec<&FieldSet> = sets.iter().filter_map(|set| set.below.get(element)).collect();
        match (below.is_empty(), below.iter().any(|set| !set.below.is_empty())) {
            (true, _) => Self::Unknown,
            (false, true) => Self::Parts(below),
            (false, false) => Self::OneOwner,
        }
    }

    /// The elements of a list that records name.
    pub fn elements(&self) -> impl Iterator<Item = &'a Element> + use<'a> {
        let sets = if let Self::Parts(sets) = self { sets.clone() } else { Vec::new() };
        sets.into_iter().flat_map(|set| set.below.keys())
    }
}

/// A value as it is live, with what is known of its owners.
pub(super) struct Sight<'a> {
    pub live: &'a Json,
    pub ours: Owned<'a>,
    pub records: Records<'a>,
}

impl<'a> Sight<'a> {
    /// An item of a list that is written as a whole.
    pub fn of_whole(&self, live: &'a Json) -> Self {
        Self { live, ours: Owned::Whole, records: self.records.clone() }
    }

    /// Whether the value is written as a whole, for certain.
    pub fn is_of_one_owner(&self) -> bool {
        matches!(self.records, Records::OneOwner)
    }

    /// Whether we own an element, or something in it.
    pub fn is_ours(&self, element: &Element) -> bool {
        !matches!(self.ours.below(element), Owned::Nothing)
    }

    /// What is at an element, if it is there.
    pub fn below(&self, element: &Element) -> Option<Self> {
        let live = element.of(self.live)?;
        Some(Self { live, ours: self.ours.below(element), records: self.records.below(element) })
    }

    /// What is written for an element that is left: what it has, as far as it is ours or may be part of a whole.
    pub fn kept(&self, element: &Element) -> Option<Json> {
        let live = element.of(self.live)?;
        let ours = match self.records {
            Records::OneOwner | Records::Unknown => Owned::Whole,
            Records::Parts(_) | Records::Granular => self.ours.below(element),
        };
        ours.of_value(live)
    }
}
