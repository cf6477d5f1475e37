//! What is remembered of one request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gitops_app::forge::AsWritten;
use gitops_core::Time;
use gitops_core::review::Command;
use serde::{Deserialize, Serialize};

use super::MergedAs;

/// How long what was asked is remembered: for longer than it could be taken for new.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// How many commands of a request are remembered however old they are.
pub const SHOWN: usize = 10;

/// How many comments of a request are remembered whose approvals were refused.
const REFUSED: usize = 100;

/// What is remembered of one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// When something of it last changed.
    pub touched: Time,
    /// Its head, and since when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Why it is not to be merged into the branch for which it was reviewed, as long as that is so: it was closed, or goes into another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
    /// Until when what was approved of it is void, since it was away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_until: Option<Time>,
    /// The heads that it left, of which it is not known yet that nothing is pending there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The head that somebody vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<String>,
    /// Of the effects that were to be approved, the digits by which each was shown, those of the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<String>,
    /// The commands that are for another context: the comment and which of its commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of_others: Vec<(String, usize)>,
    /// What was asked for in comments, in the order in which it was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Entry>,
    /// The comments of which an approval was stored, the latest of them: what it was for may be done before it is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<String>,
    /// The comments whose approvals were answered with a no: they count for none later, be it that their writers get rights, or that
    /// what they name is to be done again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Comments as webhooks told of them when they were written.
    #[serde(default, skip_serializing_if = "AsWritten::is_empty")]
    pub written: AsWritten,
    /// Comments with an `/approve` that somebody else may have written, with their authors: they wait to be confirmed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unconfirmed: BTreeMap<String, String>,
    /// How each application stands after the merge.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, Outcome>,
    /// What of it is applied before its merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// Its last commit in a merge queue, once one was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_queue: Option<InQueue>,
    /// Whether the second comment does not say yet what is to be said there: the process may have been stopped in between.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unshown: bool,
    /// The applications that it would change, as it was reviewed last.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub changes: BTreeSet<String>,
    /// The head that was judged last, and the applications of which nothing in it is asked again after the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<(String, BTreeSet<String>)>,
    /// What it was merged as, as long as that is not known to be live everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergedAs>,
    /// Whether what it was merged as was live everywhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_live: bool,
    /// The applications that it changes, whose audit logs are to say who opened, reviewed and merged it; nothing before it was reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concerns: Option<BTreeSet<String>>,
    /// Those that say it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub audited: BTreeSet<String>,
    /// Whether all of them say it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_audited: bool,
}

/// A commit of a merge queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InQueue {
    pub commit: String,
    /// Why it must not become the branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A head that is applied before its merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// The commit.
    pub head: String,
    /// The branch that it is to be merged into.
    pub base: String,
    /// The applications of which all must be live before it is merged.
    pub applications: Vec<String>,
    /// Who applied it.
    pub by: String,
    /// How each application stands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<String, String>,
    /// The reviews and comments by which it is approved: what is applied of an approval is spent, and they are asked again before the merge.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rests_on: BTreeSet<String>,
    /// Whether one of the applications was let go of without a merge: then nothing is merged before it is applied again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_let_go: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub commit: String,
    /// The branch that it is to be merged into; empty where a former version noted it.
    #[serde(default)]
    pub base: String,
    pub since: Time,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The comment, as the forge knows it.
    pub comment: String,
    /// Which of its commands.
    pub nth: usize,
    /// When it was written.
    pub at: Time,
    /// By whom.
    pub by: String,
    /// What, as it is shown.
    pub command: String,
    /// How far it is.
    pub stage: Stage,
}

impl Entry {
    /// Whether it is an `/approve`.
    pub fn is_approval(&self) -> bool {
        // One with a fault is shown as it was typed.
        matches!(Command::read(&self.command)[..], [Ok(Command::Approve { .. })])
    }

    /// Where it stands, as approvals name it.
    pub fn place(&self) -> String {
        format!("comment {}", self.comment)
    }

    fn was_done(&self) -> bool {
        matches!(self.stage, Stage::Answered { is_done: true, .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// It may have been carried out.
    Begun,
    /// The next review answers it.
    AwaitsReview,
    /// It was answered.
    Answered { is_done: bool, text: String },
}

/// How an application stands after the merge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether somebody has to do something.
    pub needs_person: bool,
    pub text: String,
    /// What `/approve` has to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// What it had to name before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// What would be done then, a step a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would: Vec<String>,
}

impl Outcome {
    /// The same, with what there was to be approved before it was said.
    #[must_use]
    pub fn after(self, before: Option<&Self>) -> Self {
        let is_other = |before: &&Self| before.effect.is_some() && before.effect != self.effect;
        let instead_of = match before.filter(is_other) {
            Some(before) => before.effect.clone(),
            None => before.and_then(|before| before.instead_of.clone()),
        };
        Self { instead_of: instead_of.filter(|_| self.effect.is_some()), ..self }
    }

    /// Whether it was to be approved by this name, and is something else by now.
    pub fn was_named(&self, effect: &str) -> bool {
        let is_now = |name: &String| effect.starts_with(name.as_str());
        self.instead_of.as_ref().is_some_and(is_now) && !self.effect.as_ref().is_some_and(is_now)
    }
}

impl Page {
    pub fn entry(&mut self, comment: &str, nth: usize) -> Option<&mut Entry> {
        self.asked.iter_mut().find(|entry| entry.comment == comment && entry.nth == nth)
    }

    /// The stage of a command that was seen before.
    pub fn stage(&self, comment: &str, nth: usize) -> Option<&Stage> {
        let entry = self.asked.iter().find(|entry| entry.comment == comment && entry.nth == nth);
        entry.map(|entry| &entry.stage)
    }

    /// The commands that the next review answers.
    pub fn awaiting_review(&self) -> impl Iterator<Item = &Entry> {
        self.asked.iter().filter(|entry| entry.stage == Stage::AwaitsReview)
    }

    /// Whether the second comment is to be written, or somebody has to see how a command ended that was begun.
    pub fn is_unfinished(&self) -> bool {
        self.is_unshown || self.asked.iter().any(|entry| entry.stage == Stage::Begun)
    }

    /// A command that waited for a review is carried out without one.
    pub fn begin_again(&mut self, comment: &str, nth: usize) {
        if let Some(entry) = self.entry(comment, nth) {
            entry.stage = Stage::Begun;
        }
    }

    /// Whether something else is to be said in the second comment than `before`.
    pub fn says_else_than(&self, before: &Self) -> bool {
        fn said(page: &Page) -> impl PartialEq {
            let answered: Vec<&Entry> = page.answered().collect();
            let ahead = page.ahead.as_ref().map(|ahead| (&ahead.head, &ahead.base, &ahead.by, &ahead.said));
            (answered, &page.unconfirmed, &page.outcomes, ahead, &page.in_queue)
        }
        said(self) != said(before)
    }

    /// Answers the commands with a no that were begun, and of which nothing more is to be expected.
    pub fn give_up(&mut self, is_meant: impl Fn(&Entry) -> bool, why: &str) {
        let meant = self.asked.iter().filter(|entry| entry.stage == Stage::Begun && is_meant(entry));
        let meant: Vec<(String, usize)> = meant.map(|entry| (entry.comment.clone(), entry.nth)).collect();
        for (comment, nth) in meant {
            self.answer(&comment, nth, false, why);
        }
    }

    /// The commands that were answered.
    pub fn answered(&self) -> impl Iterator<Item = &Entry> {
        self.asked.iter().filter(|entry| matches!(entry.stage, Stage::Answered { .. }))
    }

    /// Records the answer to a command. A comment of which no approval counted counts for none later.
    pub fn answer(&mut self, comment: &str, nth: usize, is_done: bool, text: &str) {
        let Some(entry) = self.entry(comment, nth) else { return };
        entry.stage = Stage::Answered { is_done, text: text.to_owned() };
        if !entry.is_approval() {
            return;
        }
        let has_counted = self.has_counted(comment)
            || self
                .asked
                .iter()
                .any(|entry| entry.comment == comment && entry.is_approval() && entry.was_done());
        match has_counted {
            true => self.refused.retain(|refused| refused != comment),
            false => self.refuse(comment),
        }
    }

    /// Whether an answer has some words.
    pub fn has_said(&self, words: &str) -> bool {
        let said =
            |entry: &Entry| matches!(&entry.stage, Stage::Answered { text, .. } if text.contains(words));
        self.asked.iter().any(said)
    }

    /// Other words take the place of some in the answers.
    pub fn say_instead(&mut self, before: &str, now: &str) {
        for entry in &mut self.asked {
            if let Stage::Answered { text, .. } = &mut entry.stage {
                *text = text.replace(before, now);
            }
        }
    }

    /// No approval in a comment counts.
    fn refuse(&mut self, comment: &str) {
        self.refused.retain(|refused| refused != comment);
        self.refused.push(comment.to_owned());
        let surplus = self.refused.len().saturating_sub(REFUSED);
        self.refused.drain(..surplus);
    }

    /// The same of one that is not answered, as far as there is room.
    pub fn refuse_besides(&mut self, comment: &str) {
        if self.refused.len() < REFUSED && !self.refused.iter().any(|refused| refused == comment) {
            self.refused.push(comment.to_owned());
        }
    }

    /// Whether one more command is answered of those who may give none.
    pub fn has_room_for_refusals(&self) -> bool {
        self.answered().filter(|entry| !entry.was_done()).count() < SHOWN
    }

    /// What somebody said was stored as an approval.
    pub fn count(&mut self, places: impl IntoIterator<Item = String>) {
        for place in places {
            if !self.counted.contains(&place) {
                self.counted.push(place);
            }
        }
        let surplus = self.counted.len().saturating_sub(SHOWN);
        self.counted.drain(..surplus);
    }

    /// Whether an approval was stored of what somebody commented.
    pub fn has_counted(&self, comment: &str) -> bool {
        self.counted.iter().any(|place| place.strip_prefix("comment ") == Some(comment))
    }

    /// It would change these applications.
    pub fn change(&mut self, applications: &BTreeSet<String>) {
        self.changes.clone_from(applications);
        self.concerns = Some(applications.clone());
    }

    /// Whether the audit log of an application does not say yet who merged it. What nobody reviewed before its merge may change any.
    pub fn is_unaudited_in(&self, application: &str) -> bool {
        let may_change = self.concerns.as_ref().is_none_or(|concerns| concerns.contains(application));
        may_change && !self.is_audited && !self.audited.contains(application)
    }

    /// Whether it is about other applications, as far as that is known. A former version forgot which they were once all was noted.
    pub fn is_about_others_than(&self, application: &str) -> bool {
        let others = self.concerns.as_ref().filter(|concerns| !concerns.is_empty());
        others.is_some_and(|others| !others.contains(application))
    }

    /// The audit log of an application says it.
    pub fn is_audited_in(&mut self, application: &str) {
        self.audited.insert(application.to_owned());
        if self.concerns.as_ref().is_some_and(|concerns| concerns.is_subset(&self.audited)) {
            (self.is_audited, self.audited) = (true, BTreeSet::new());
        }
    }

    /// A commit is the head no longer.
    pub fn leave(&mut self, head: String) {
        if !self.left.contains(&head) {
            self.left.push(head);
        }
        let surplus = self.left.len().saturating_sub(SHOWN);
        self.left.drain(..surplus);
    }

    pub fn prune(&mut self, now: Time) {
        let surplus = self.asked.len().saturating_sub(SHOWN);
        let mut nth = 0;
        self.asked.retain(|entry| {
            nth += 1;
            nth > surplus || now.since(entry.at) < KEPT
        });
    }
}
