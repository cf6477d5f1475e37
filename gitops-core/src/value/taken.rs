use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Digest, Hasher, Key};

/// How many names of one kind are kept.
const NAMED: usize = 10;

/// How many things of a kind are remembered each for itself, so that fewer of them can be told from others.
const REMEMBERED: usize = 4096;

/// What goes with an object when it is deleted: the members of a namespace, the objects of a kind, the data of a volume.
///
/// A target tells it in the [`Preview`](crate::capability::Preview) of a delete or a replacement. It is part of the
/// plan's id. What the plan deletes by itself is ours and may be named here too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Taken {
    /// What kind of thing it is, in the target's words.
    pub kind: String,
    /// Whose it is.
    pub whose: Whose,
    /// How many there are; nothing if that is not known.
    pub count: Option<usize>,
    /// The first of their names.
    pub names: Vec<String>,
    /// What else a person must know: why it is not known, or that data goes.
    pub note: Option<String>,
    /// The digest of all names.
    pub set: Digest,
    /// The beginnings of the digests of the names, unless there are too many. Not saved with a plan.
    #[serde(skip)]
    members: BTreeSet<u64>,
    /// Their keys, where the target knows them. Not saved with a plan.
    #[serde(skip)]
    keys: Vec<Key>,
}

/// What goes with an object, as an approval remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TakenSet {
    kind: String,
    whose: Whose,
    /// Nothing if nobody knows what goes.
    set: Option<Digest>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    members: BTreeSet<u64>,
}

impl TakenSet {
    /// Whether everything of another set is in this one. What nobody could count contains nothing but the same.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let same_kind = (&self.kind, self.whose) == (&other.kind, other.whose);
        let fewer = !other.members.is_empty() && other.members.is_subset(&self.members);
        same_kind && (self.set == other.set || fewer)
    }

    pub(super) fn stand_for(&self, hasher: &mut Hasher) {
        hasher.field("takes").field(&self.kind).field([self.whose as u8]);
        hasher.fields(self.set.iter().map(Digest::as_bytes));
    }
}

/// Whose something is that goes with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Whose {
    /// The application's own.
    Ours,
    /// Another application's, or nobody's that we know.
    Others,
    /// Nobody could say, because something could not be read.
    Unknown,
}

impl Taken {
    /// All things of a kind that are somebody's.
    pub fn new(
        kind: impl Into<String>,
        whose: Whose,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        let mut hasher = Hasher::new("gitops taken");
        names.iter().for_each(|name| {
            hasher.field(name);
        });
        let count = Some(names.len());
        let members = match names.len() {
            0..=REMEMBERED => names.iter().map(|name| beginning(&Digest::of(name.as_bytes()))).collect(),
            _ => BTreeSet::new(),
        };
        names.truncate(NAMED);
        Self {
            kind: kind.into(),
            whose,
            count,
            names,
            note: None,
            set: hasher.finish(),
            members,
            keys: Vec::new(),
        }
    }

    /// Things of a kind of which nobody knows how many there are, or whose, and why.
    pub fn unknown(kind: impl Into<String>, why: impl Into<String>) -> Self {
        let nothing: [String; 0] = [];
        Self { count: None, note: Some(why.into()), ..Self::new(kind, Whose::Unknown, nothing) }
    }

    /// The same with what else a person must know.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The same with the keys of these things, as they would be declared: a deletion that takes what is declared, or to be
    /// kept, is held.
    #[must_use]
    pub fn of(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// The keys of these things, where the target told them.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What an approval remembers of it.
    pub(super) fn as_set(&self) -> TakenSet {
        let set = self.count.map(|_| self.set);
        TakenSet { kind: self.kind.clone(), whose: self.whose, set, members: self.members.clone() }
    }

    /// What stands for it in the plan's id.
    pub(crate) fn stand_for(&self, hasher: &mut Hasher) {
        let count = self.count.map_or("unknown".to_owned(), |count| count.to_string());
        hasher.field("takes").field(&self.kind).field([self.whose as u8]).field(count);
        hasher.field(self.set.as_bytes()).field(self.note.as_deref().unwrap_or_default());
    }
}

/// The first eight bytes of a digest.
fn beginning(digest: &Digest) -> u64 {
    let bytes = digest.as_bytes();
    u64::from_be_bytes(std::array::from_fn(|n| bytes[n]))
}

/// Such as `3 × ConfigMap of others: a, b, c`.
impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(count) => write!(f, "{count} × {}", self.kind)?,
            None => write!(f, "an unknown number of {}", self.kind)?,
        }
        f.write_str(match self.whose {
            Whose::Ours => " of this application",
            Whose::Others => " of others",
            Whose::Unknown => "",
        })?;
        if !self.names.is_empty() {
            write!(f, ": {}", self.names.join(", "))?;
        }
        let more = self.count.unwrap_or(0).saturating_sub(self.names.len());
        if more > 0 && !self.names.is_empty() {
            write!(f, " and {more} more")?;
        }
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_whole_and_named_in_part() {
        let names = (0..12).map(|n| format!("n{n:02}"));
        let taken = Taken::new("ConfigMap", Whose::Others, names.rev());
        assert_eq!((taken.count, taken.names.len()), (Some(12), NAMED));
        assert!(taken.to_string().starts_with("12 × ConfigMap of others: n00, n01"), "{taken}");
        assert!(taken.to_string().ends_with("n09 and 2 more"), "{taken}");
        let other = Taken::new("ConfigMap", Whose::Others, (1..13).map(|n| format!("n{n:02}")));
        assert_ne!(taken.set, other.set, "a thing beyond the names counts too");
        let unknown = Taken::unknown("Secret", "may not be listed");
        assert_eq!(unknown.to_string(), "an unknown number of Secret (may not be listed)");
    }
}
