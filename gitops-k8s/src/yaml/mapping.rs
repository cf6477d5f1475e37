use std::borrow::Borrow;
use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::dialect::Rules;
use super::{Data, Fault, Member, Node, Place, differs};

/// A mapping while it is read.
#[derive(Default)]
pub(super) struct Mapping {
    written: Vec<Member>,
    /// What is merged, and how many pairs were written before it.
    merged: Vec<(usize, Vec<Member>)>,
}

impl Mapping {
    /// Adds a pair that is written.
    pub fn write(&mut self, member: Member) {
        self.written.push(member);
    }

    /// Merges what stands behind a `<<`.
    pub fn merge(&mut self, at: Place, value: Node, rules: &Rules) -> Result<(), Fault> {
        if !self.merged.is_empty() && !rules.merges_freely {
            let message = "a second `<<` in one mapping";
            return Err(Fault::new("GO0403", at, message).help("write one `<<` with a list of the aliases"));
        }
        match value.data {
            Data::Map(members) => self.merged.push((self.written.len(), members)),
            // The first of a list wins, so it is taken last.
            Data::List(items) => {
                for item in items.into_iter().rev() {
                    let Data::Map(members) = item.data else { return Err(not_a_mapping(item.place)) };
                    self.merged.push((self.written.len(), members));
                }
            }
            _ => return Err(not_a_mapping(value.place)),
        }
        Ok(())
    }

    /// The members in the order of their keys; `warnings` gets those on which readers differ.
    ///
    /// # Errors
    /// A key is written twice.
    pub fn finish(self, rules: &Rules, warnings: &mut Vec<Fault>) -> Result<Vec<Member>, Fault> {
        if self.merged.is_empty() {
            return sorted(self.written);
        }
        sorted(self.written.iter().collect::<Vec<&Member>>())?;
        let (by_place, written_last) = (self.last(false), self.last(true));
        let pairs = by_place.values().zip(written_last.values());
        let differ = pairs.filter(|(one, other)| !is_same(&one.value, &other.value));
        warnings.extend(differ.map(|(_, written)| differs::merged(written)));
        let own = if rules.written_beats_merged { written_last } else { by_place };
        Ok(own.into_values().cloned().collect())
    }

    /// Of each key the last pair, where merges count from where they stand, or before all that is written.
    fn last(&self, merged_first: bool) -> BTreeMap<&SmolStr, &Member> {
        let mut found = BTreeMap::new();
        let mut taken = 0;
        for (before, merged) in &self.merged {
            let before = if merged_first { 0 } else { *before };
            let pairs = self.written[taken..before].iter().chain(merged);
            found.extend(pairs.map(|member| (&member.name, member)));
            taken = before;
        }
        found.extend(self.written[taken..].iter().map(|member| (&member.name, member)));
        found
    }
}

/// Whether two values are the same, wherever they are written.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.data, &other.data) {
        (Data::List(one), Data::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Data::Map(one), Data::Map(other)) => {
            let same = |(one, other): (&Member, &Member)| {
                one.name == other.name && is_same(&one.value, &other.value)
            };
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        (one, other) => one == other,
    }
}

/// # Errors
/// A key is there twice.
pub(super) fn sorted<M: Borrow<Member>>(mut members: Vec<M>) -> Result<Vec<M>, Fault> {
    // Stable: of one key, the pairs stay in the order in which they were written.
    members.sort_by(|a, b| a.borrow().name.cmp(&b.borrow().name));
    match members.windows(2).find(|pair| pair[0].borrow().name == pair[1].borrow().name) {
        Some(pair) => Err(repeated(pair[0].borrow(), pair[1].borrow())),
        None => Ok(members),
    }
}

fn repeated(first: &Member, second: &Member) -> Fault {
    let Place { line, column } = first.place;
    let message = format!("the key `{}` is written twice", second.name);
    let help =
        format!("it is at {line}:{column} too: remove one, for `kubectl` would silently take the last");
    Fault::new("GO0403", second.place, message).help(help)
}

fn not_a_mapping(place: Place) -> Fault {
    Fault::syntax(place, "`<<` wants a mapping or a list of mappings")
}
