use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::dialect::Rules;
use super::{Data, Fault, Member, Node, Place};

/// A mapping while it is read.
#[derive(Default)]
pub(super) struct Mapping {
    members: Vec<Entry>,
    merged: bool,
}

struct Entry {
    member: Member,
    written: bool,
}

impl Mapping {
    /// Adds a pair that is written.
    pub fn write(&mut self, member: Member) {
        self.members.push(Entry { member, written: true });
    }

    /// Merges what stands behind a `<<`.
    pub fn merge(&mut self, at: Place, value: Node, rules: &Rules) -> Result<(), Fault> {
        if self.merged && !rules.merges_freely {
            let message = "a second `<<` in one mapping";
            return Err(Fault::new("GO0403", at, message).help("write one `<<` with a list of the aliases"));
        }
        self.merged = true;
        match value.data {
            Data::Map(members) => self.take(members),
            // The first of a list wins, so it is taken last.
            Data::List(items) => {
                for item in items.into_iter().rev() {
                    let Data::Map(members) = item.data else { return Err(not_a_mapping(item.place)) };
                    self.take(members);
                }
            }
            _ => return Err(not_a_mapping(value.place)),
        }
        Ok(())
    }

    fn take(&mut self, members: Vec<Member>) {
        self.members.extend(members.into_iter().map(|member| Entry { member, written: false }));
    }

    /// The members in the order of their keys.
    ///
    /// # Errors
    /// A key is written twice.
    pub fn finish(mut self, rules: &Rules) -> Result<Vec<Member>, Fault> {
        // Stable: of one key, the entries stay in the order in which they were written.
        self.members.sort_by(|a, b| a.member.name.cmp(&b.member.name));
        self.refuse_repeated()?;
        let members = self.members.into_iter();
        if !self.merged {
            return Ok(members.map(|entry| entry.member).collect());
        }
        let mut found: BTreeMap<SmolStr, Entry> = BTreeMap::new();
        for entry in members {
            match found.get(&entry.member.name) {
                Some(earlier) if rules.written_beats_merged && earlier.written => {}
                _ => drop(found.insert(entry.member.name.clone(), entry)),
            }
        }
        Ok(found.into_values().map(|entry| entry.member).collect())
    }

    fn refuse_repeated(&self) -> Result<(), Fault> {
        let mut written = self.members.iter().filter(|entry| entry.written).map(|entry| &entry.member);
        let Some(mut last) = written.next() else { return Ok(()) };
        for member in written {
            if member.name == last.name {
                return Err(repeated(last, member));
            }
            last = member;
        }
        Ok(())
    }
}

pub(super) fn repeated(first: &Member, second: &Member) -> Fault {
    let Place { line, column } = first.place;
    let message = format!("the key `{}` is written twice", second.name);
    let help =
        format!("it is at {line}:{column} too: remove one, for `kubectl` would silently take the last");
    Fault::new("GO0403", second.place, message).help(help)
}

fn not_a_mapping(place: Place) -> Fault {
    Fault::syntax(place, "`<<` wants a mapping or a list of mappings")
}
