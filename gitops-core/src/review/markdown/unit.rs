//! The steps of one application, in a block that can be folded.

use super::budget::{Form, Size};
use super::entry::{Entry, Group};
use super::escape::html;
use crate::review::{ByAction, Part};

/// How long the name of an application or environment is at most, in bytes.
const NAME: usize = 100;

const END: &str = "</details>\n\n";

/// One application's entries.
pub(super) struct Unit {
    summary: String,
    entries: Vec<Entry>,
}

impl Unit {
    pub(super) fn of(part: &Part) -> Self {
        let blocked = part.blocked.iter().map(Entry::of_blocked);
        let items = part.items.iter().map(Entry::of_item);
        let withdrawn = part.withdrawn.iter().map(Entry::of_withdrawn);
        Self { summary: summary(part), entries: blocked.chain(items).chain(withdrawn).collect() }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The room that it takes without any entry named.
    pub(super) fn overhead(&self) -> Size {
        let groups = Group::ALL.into_iter().filter_map(|group| {
            let counts = Unnamed::of(self.entries.iter().filter(|entry| entry.group == group));
            (counts.all > 0).then(|| Size::of(group.heading()) + Size::of(&counts.line(group)))
        });
        groups.fold(Size::of(&self.summary) + Size::of(END), |sum, size| sum + size)
    }

    /// The text with each entry in a form.
    pub(super) fn text(&self, forms: &[Form]) -> String {
        let mut out = self.summary.clone();
        for group in Group::ALL {
            let of_group = || self.entries.iter().zip(forms).filter(move |(entry, _)| entry.group == group);
            if of_group().next().is_none() {
                continue;
            }
            out += group.heading();
            of_group().for_each(|(entry, form)| out += entry.text(*form));
            let left = of_group().filter(|(_, form)| **form == Form::Counted).map(|(entry, _)| entry);
            let left = Unnamed::of(left);
            if left.all > 0 {
                out += &left.line(group);
            } else {
                out.push('\n');
            }
        }
        out + END
    }
}

/// Such as `critical: shop (prod): 1 to create, …`.
fn summary(part: &Part) -> String {
    let level = part.level().map(|level| format!("<b>{level}</b> ")).unwrap_or_default();
    let environment = match part.labels.environment.as_str() {
        "" => String::new(),
        environment => format!(" in {}", html(environment, NAME)),
    };
    let counts = &part.counts;
    let blocked = if counts.blocked > 0 { format!(", {} blocked", counts.blocked) } else { String::new() };
    let drift = counts.existing_drift.total() + counts.reported;
    let drift = if drift > 0 { format!(", {drift} of existing drift") } else { String::new() };
    format!(
        "<details><summary>{level}{}{environment}: {}{blocked}{drift}, {} unchanged</summary>\n\n",
        html(&part.application, NAME),
        counts.steps(),
        counts.unchanged,
    )
}

/// Entries that are only counted.
#[derive(Default)]
struct Unnamed {
    all: usize,
    actions: ByAction,
}

impl Unnamed {
    fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        entries.fold(Self::default(), |mut sum, entry| {
            sum.all += 1;
            entry.action.iter().for_each(|action| sum.actions.add(*action));
            sum
        })
    }

    /// Its length grows with the numbers, so that the line of all entries has room for that of any of them.
    fn line(&self, group: Group) -> String {
        match group {
            Group::Step(_) => format!("- not named here: {}: {}\n\n", self.all, self.actions),
            _ => format!("- not named here: {}\n\n", self.all),
        }
    }
}
