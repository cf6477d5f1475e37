use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::dialect::Rules;
use super::{Data, Fault, Member, Node, Place};

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

    /// The members in the order of their keys.
    ///
    /// # Errors
    /// A key is written twice.
    pub fn finish(self, rules: &Rules) -> Result<Vec<Member>, Fault> {
        if self.merged.is_empty() {
            return sorted(self.written);
        }
        sorted(self.written.clone())?;
        let mut found: BTreeMap<SmolStr, Member> = BTreeMap::new();
        for member in self.in_order(rules.written_beats_merged) {
            found.insert(member.name.clone(), member);
        }
        Ok(found.into_values().collect())
    }

    /// All pairs, such that of one key the last counts.
    fn in_order(self, merged_first: bool) -> Vec<Member> {
        let mut members = Vec::new();
        let mut written = self.written.into_iter();
        let mut taken = 0;
        for (before, merged) in self.merged {
            if !merged_first {
                members.extend(written.by_ref().take(before - taken));
                taken = before;
            }
            members.extend(merged);
        }
        members.extend(written);
        members
    }
}

/// # Errors
/// A key is there twice.
pub(super) fn sorted(mut members: Vec<Member>) -> Result<Vec<Member>, Fault> {
    // Stable: of one key, the pairs stay in the order in which they were written.
    members.sort_by(|a, b| a.name.cmp(&b.name));
    match members.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(repeated(&pair[0], &pair[1])),
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
