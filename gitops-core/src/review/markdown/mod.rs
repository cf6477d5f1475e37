//! A review as a comment in a forge.

mod budget;
mod entry;
mod escape;
mod flavour;
mod foot;
mod head;
mod link;
mod marker;
mod section;
mod unit;

pub use budget::Budget;
pub use escape::code as code_span;
pub use flavour::Flavour;
pub use link::{Link, LinkError};
pub use marker::Marker;

use super::Review;
use crate::source::Commit;
use crate::value::Action;
use budget::{Form, Size, Sizes, fit};
use section::Section;
use unit::Unit;

/// How a review is written as a comment.
///
/// The text never exceeds the [`Budget`]. What does not fit is shortened, the least important first: from all fields to
/// their paths, to the name, to a number; and the comment says so. Everything that is deleted or replaced is named before
/// anything that is created. The same review gives the same bytes.
///
/// Names, values, messages and authors are text of others: none of it can end its place, notify anybody, link, run a
/// command of the forge, or hide.
#[derive(Clone, Debug)]
#[must_use]
pub struct Markdown<'a> {
    flavour: Flavour,
    budget: Budget,
    request: Option<String>,
    full_plan: Option<Link>,
    commits: &'a [Commit],
    has_commands: bool,
}

/// A comment, and how its entries are shown. The four numbers are the sum of [`Counts::entries`](super::Counts::entries).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comment {
    /// The text.
    pub text: String,
    /// How many entries are shown with all that is known of them.
    pub full: usize,
    /// How many are shown with the paths of their fields.
    pub with_paths: usize,
    /// How many are named.
    pub named: usize,
    /// How many are only counted.
    pub counted: usize,
}

impl<'a> Markdown<'a> {
    /// A comment for a forge.
    pub fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            budget: Budget::default(),
            request: None,
            full_plan: None,
            commits: &[],
            has_commands: false,
        }
    }

    /// How long it may be.
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Begins with a hidden [`Marker`] of the request.
    pub fn marked(mut self, request: impl Into<String>) -> Self {
        self.request = Some(request.into());
        self
    }

    /// Links the full plan.
    pub fn linking(mut self, full_plan: Link) -> Self {
        self.full_plan = Some(full_plan);
        self
    }

    /// Lists the request's commits.
    pub fn with_commits(mut self, commits: &'a [Commit]) -> Self {
        self.commits = commits;
        self
    }

    /// Lists the commands that somebody answers in comments.
    pub fn with_commands(mut self) -> Self {
        self.has_commands = true;
        self
    }

    /// Writes the comment.
    pub fn render(&self, review: &Review) -> Comment {
        let marker =
            self.request.as_ref().map(|request| format!("{}\n", Marker::new(request, review.effect())));
        let title = marker.unwrap_or_default() + &head::title(self, review);
        let identity = foot::identity(self, review);
        let longest = head::shortened(usize::MAX, usize::MAX, usize::MAX, true);
        let mut room = self.budget.size();
        [&title, &identity, &longest].into_iter().for_each(|text| room -= Size::of(text));

        let mut take = |section: Section, percent: usize| {
            let filled = section.fill(room.percent(percent));
            room -= Size::of(&filled.text);
            filled
        };
        let failures = take(head::failures(review), 30);
        let risks = take(head::risks(review), 60);
        let policy = take(head::policy(review), 40);
        let approvals = take(head::approvals(review), 40);
        let counts = take(head::counts(review), 50);
        let commands = take(foot::commands(self, review), 50);
        let plans = take(foot::plans(review), 40);
        let commits = take(foot::commits(self.commits), 20);
        let units = units(review, risks.is_whole, room);
        let Units { text, full, with_paths, named, counted } = units;
        let shortened = head::shortened(with_paths, named, counted, self.full_plan.is_some());
        let text =
            [title, counts.text, failures.text, risks.text, policy.text, approvals.text, shortened, text];
        let foot = [commands.text, plans.text, commits.text, identity];
        let text = text.into_iter().chain(foot).collect();
        Comment { text, full, with_paths, named, counted }
    }
}

/// The blocks of all applications, and how their entries are shown.
#[derive(Default)]
struct Units {
    text: String,
    full: usize,
    with_paths: usize,
    named: usize,
    counted: usize,
}

/// What follows the blocks when some are left out.
fn left_out(applications: usize, entries: usize) -> String {
    format!("Not shown here: {applications} applications with {entries} entries.\n\n")
}

/// The blocks of the applications. While something that is removed is not named above, nothing that is created is named.
fn units(review: &Review, losses_are_named: bool, room: Size) -> Units {
    let all: Vec<Unit> = review.parts.iter().map(Unit::of).collect();
    let mut room = room - Size::of(&left_out(usize::MAX, usize::MAX));
    let mut shown = 0;
    for unit in &all {
        let overhead = unit.overhead();
        if !overhead.fits(room) {
            break;
        }
        room -= overhead;
        shown += 1;
    }
    let (units, rest) = all.split_at(shown);
    let forms = forms(review, units, losses_are_named, room);
    let mut sum = Units::default();
    for (unit, forms) in units.iter().zip(&forms) {
        sum.text += &unit.text(forms);
        for form in forms {
            match form {
                Form::Full => sum.full += 1,
                Form::Paths => sum.with_paths += 1,
                Form::Name => sum.named += 1,
                Form::Counted => sum.counted += 1,
            }
        }
    }
    let entries: usize = rest.iter().map(|unit| unit.entries().len()).sum();
    sum.counted += entries;
    if !rest.is_empty() {
        sum.text += &left_out(rest.len(), entries);
    }
    sum
}

/// The form of each entry of each unit.
fn forms(review: &Review, units: &[Unit], losses_are_named: bool, room: Size) -> Vec<Vec<Form>> {
    let order = ranked(review, units);
    let entry = |at: usize| &units[order[at].0].entries()[order[at].1];
    let sizes: Vec<Sizes> = (0..order.len()).map(|at| entry(at).sizes()).collect();
    let is_counted = |at: usize| !losses_are_named && entry(at).action == Some(Action::Create);
    let fitted = fit(&sizes, is_counted, room);
    let mut forms: Vec<Vec<Form>> =
        units.iter().map(|unit| vec![Form::Counted; unit.entries().len()]).collect();
    for (form, (unit, entry)) in fitted.into_iter().zip(order) {
        forms[unit][entry] = form;
    }
    forms
}

/// The entries of some units, by unit and place in it, the most important first: what is blocked, then the steps of all
/// applications by rank, then what is no longer needed.
fn ranked(review: &Review, units: &[Unit]) -> Vec<(usize, usize)> {
    let mut order = Vec::new();
    for (at, part) in review.parts.iter().take(units.len()).enumerate() {
        let rank_of = |entry: usize| {
            let item = entry.checked_sub(part.blocked.len()).map(|item| part.items.get(item));
            match item {
                None => (0, None),
                Some(Some(item)) => (1, Some((item.is_reported_only, item.rank(part.labels.is_production)))),
                Some(None) => (2, None),
            }
        };
        order.extend((0..units[at].entries().len()).map(|entry| (rank_of(entry), at, entry)));
    }
    order.sort();
    order.into_iter().map(|(_, unit, entry)| (unit, entry)).collect()
}
