//! The review of one request, told on the forge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gitops_app::forge::patiently;
use gitops_app::review::{Reviewed, Told};
use gitops_core::review::approval::Discounted;
use gitops_core::review::{Outcome, Part};
use gitops_core::{Cx, Digest, ErrorKind, Result, redact};
use gitops_forge::{ChangeRequest, CommitId, RequestState};

use super::memory::{Entry, Head, Page};
use super::poll::Seen;
use super::{Shared, nobody};
use crate::event::ServerEvent;
use crate::plans;

/// How long a review may take: a program that hangs must not keep its place for ever.
const WHOLE: Duration = Duration::from_secs(30 * 60);

impl Shared {
    /// Reviews a request, and answers the commands that waited for it. What goes wrong is told, and tried again by the next
    /// poll.
    pub(super) async fn review(&self, cx: &Cx, number: u64) {
        let cx = &cx.within(WHOLE);
        let error = match Box::pin(self.try_review(cx, number)).await {
            Ok(()) => return self.note_review(cx, number, None),
            Err(error) if error.kind() == ErrorKind::Cancelled => return,
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Stale {
            // It was pushed to, merged or closed meanwhile: what it is now is looked at anew.
            self.seen().remove(&number);
            self.poll.notify_one();
            return;
        }
        self.note_review(cx, number, Some(&error));
        self.metrics.review(&self.repository, "failed");
        let (repository, text) = (self.repository.clone(), error.to_string());
        self.tell(&ServerEvent::ReviewFailed { repository, request: number, error: text });
        let answer = (false, format!("it can't be reviewed: {}", error.with_help()));
        // What can't be answered now is answered by the next review; an approval is refused only by one that judged it.
        let waits = |entry: &&Entry| error.is_retryable() && entry.is_approval();
        let Ok(page) = self.memory.page(cx, number).await else { return };
        let named: Vec<Entry> = page.awaiting_review().filter(|entry| !waits(entry)).cloned().collect();
        let _ = self.answer_waiting(cx, number, &named, |_| answer.clone()).await;
    }

    async fn try_review(&self, cx: &Cx, number: u64) -> Result<()> {
        let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
        let is_away = self.note_away(cx, &request).await?;
        if !self.is_ours(&request) {
            if is_away {
                self.end_left(cx, &request).await;
            }
            return Ok(());
        }
        self.ahead.notify_waiters();
        self.say_of_revert(cx, &request).await?;
        if request.state != RequestState::Open {
            self.answer_ended(cx, &request).await?;
            self.note_merged(cx, &request).await?;
            self.look_at_doubles(cx, number).await?;
            self.end_left(cx, &request).await;
            // It may have been live before that.
            return self.say_last(cx, &request).await;
        }
        let page = self.know_head(cx, &request).await?;
        let waiting: Vec<Entry> = page.awaiting_review().cloned().collect();
        let seen = Seen {
            head: request.head.commit.clone(),
            updated: request.updated,
            standing: self.standing(&request),
            at: cx.now(),
            is_told: false,
            due: None,
            is_looked_at_again: false,
        };
        self.seen().insert(number, seen.clone());
        let asked = self.asked_of(number, &page);
        let asked = match page.vouched.as_deref().map(CommitId::parse) {
            Some(Ok(head)) => asked.vouched_for(head),
            _ => asked,
        };
        let chosen = self.chosen();
        let document = |sides: &_, reviewed: &_| plans::document(sides, reviewed);
        let told = Box::pin(asked.review(cx, &self.applications(), &chosen, &nobody(), document)).await?;
        let is_told = self.end_left(cx, &told.request).await;
        self.seen().insert(number, Seen { is_told, due: told.due, ..seen });
        if told.due.is_some_and(|due| due < cx.now().after(self.every)) {
            // It would be asked for too late.
            self.poll.notify_one();
        }
        self.tell_of_review(number, &told);
        self.review_all(&told.unreviewed);
        // Before it is answered: what was approved may be done by then, and another review answers.
        let changes = changed_by(&told);
        let shown = shown_by(&told);
        let note = |page: &mut Page| {
            page.show(shown.iter().copied());
            page.count(told.counted.iter().cloned());
            page.change(&changes);
            page.judged = Some((told.request.head.commit.to_string(), settled_by(&told)));
            page.clone()
        };
        let page = self.memory.change(cx, number, note).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut applied = BTreeMap::new();
        for entry in waiting.iter().filter(|entry| self.applies(entry).is_some()) {
            let answer = Box::pin(self.go_ahead(cx, entry, &page, &told)).await?;
            applied.insert((entry.comment.clone(), entry.nth), answer);
        }
        let answered = |entry: &Entry| applied.get(&(entry.comment.clone(), entry.nth)).cloned();
        self.answer_waiting(cx, number, &waiting, |entry| {
            answered(entry).unwrap_or_else(|| answer(entry, &page, &told))
        })
        .await
    }

    /// Has requests reviewed.
    pub(super) fn review_all(&self, numbers: &[u64]) {
        for number in numbers {
            if !self.reviews.push(*number) {
                self.poll.notify_one();
            }
        }
    }

    fn tell_of_review(&self, number: u64, told: &Told) {
        let is_written = told.wrote_comment || told.statuses > 0;
        self.metrics.review(&self.repository, if is_written { "told" } else { "unchanged" });
        self.tell(&ServerEvent::Reviewed {
            repository: self.repository.clone(),
            request: number,
            head: told.request.head.commit.to_string(),
            outcome: told.reviewed.review.outcome().to_string(),
            comment: told.wrote_comment,
            statuses: told.statuses,
            approved: told.approved.clone(),
        });
    }

    /// Notes since when the head of a request is known; somebody vouches for one head only.
    pub(super) async fn know_head(&self, cx: &Cx, request: &ChangeRequest) -> Result<Page> {
        let (commit, since) = (request.head.commit.as_str(), cx.now());
        let base = request.base.name.as_str();
        let note = |page: &mut Page| {
            if page.head.as_ref().is_none_or(|head| head.commit != commit || head.base != base) {
                let before = page.head.take();
                let (left, same): (Vec<Head>, Vec<Head>) =
                    before.into_iter().partition(|head| head.commit != commit);
                left.into_iter().for_each(|head| page.leave(head.commit));
                page.left.retain(|left| left != commit);
                let since = same.first().map_or(since, |head| head.since);
                page.vouched = page.vouched.take().filter(|vouched| vouched == commit && !same.is_empty());
                page.head = Some(Head { commit: commit.to_owned(), base: base.to_owned(), since });
            }
            page.clone()
        };
        self.memory.change(cx, request.number, note).await
    }

    /// Answers the commands that waited for a review of a request that is over. An approval may have been stored by a process that was
    /// stopped before it answered; one that was not may be what the merge waits for, and is answered as one that came after it.
    async fn answer_ended(&self, cx: &Cx, request: &ChangeRequest) -> Result<()> {
        let number = request.number;
        let page = self.memory.page(cx, number).await?;
        let waiting: Vec<Entry> = page.awaiting_review().cloned().collect();
        let stored = match waiting.iter().any(Entry::is_approval) {
            true => self.asked(number).stored_by(cx, &self.chosen(), &nobody()).await?,
            false => BTreeSet::new(),
        };
        let is_stored = |entry: &Entry| {
            let is_noted = page.has_counted(&entry.comment) || stored.contains(&entry.place());
            entry.is_approval() && is_noted
        };
        let is_merged = request.state == RequestState::Merged;
        let goes_on = |entry: &Entry| is_merged && entry.is_approval() && !is_stored(entry);
        let (later, now): (Vec<Entry>, Vec<Entry>) = waiting.into_iter().partition(goes_on);
        if !later.is_empty() {
            let begin = |page: &mut Page| {
                for entry in &later {
                    page.begin_again(&entry.comment, entry.nth);
                }
            };
            self.memory.change(cx, number, begin).await?;
            if !self.looks.push(number) {
                self.poll.notify_one();
            }
        }
        // What was stored of one that was closed is void.
        self.answer_waiting(cx, number, &now, |entry| match is_merged && is_stored(entry) {
            true => (true, "approved, and stored before the request was over".to_owned()),
            false => (false, "the request is not open any more".to_owned()),
        })
        .await
    }

    /// Answers commands that waited for a review, as far as they still do.
    async fn answer_waiting(
        &self,
        cx: &Cx,
        number: u64,
        named: &[Entry],
        answer: impl Fn(&Entry) -> (bool, String),
    ) -> Result<()> {
        let is_named = |entry: &Entry| {
            named.iter().any(|named| (&named.comment, named.nth) == (&entry.comment, entry.nth))
        };
        let page = self.memory.page(cx, number).await?;
        let waiting: Vec<Entry> = page.awaiting_review().filter(|entry| is_named(entry)).cloned().collect();
        let mut has_answered = false;
        for entry in &waiting {
            let has_counted = page.has_counted(&entry.comment);
            if !has_counted && self.is_approval_of_others(cx, number, entry).await? {
                self.leave_to_others(cx, number, entry).await?;
                continue;
            }
            let (is_done, text) = answer(entry);
            self.settle(cx, number, entry, is_done, text).await?;
            has_answered = true;
        }
        match has_answered {
            true => self.show_answers(cx, number).await,
            false => Ok(()),
        }
    }

    /// Records the answer to a command, and shows it by an emoji.
    pub(super) async fn settle(
        &self,
        cx: &Cx,
        number: u64,
        entry: &Entry,
        is_done: bool,
        text: String,
    ) -> Result<()> {
        let text = self.tellable(&redact::credentials(&text));
        self.memory
            .change(cx, number, |page| {
                page.answer(&entry.comment, entry.nth, is_done, &text);
            })
            .await?;
        self.react_to_answer(cx, number, entry, is_done).await;
        self.tell(&ServerEvent::Commanded {
            repository: self.repository.clone(),
            request: number,
            comment: entry.comment.clone(),
            by: entry.by.clone(),
            command: entry.command.clone(),
            done: is_done,
            answer: text,
        });
        Ok(())
    }
}

/// The applications that a request changes, or may change: one that can't be planned is among them.
fn changed_by(told: &Told) -> BTreeSet<String> {
    let Reviewed { review, failed, .. } = &told.reviewed;
    let changed = review.parts.iter().filter(|part| !part.changes_nothing());
    let changed = changed.map(|part| part.application.clone());
    changed.chain(failed.iter().map(|failed| failed.application.clone())).collect()
}

/// The effects that a review shows to be approved: that of the whole, and of each application of which something is.
fn shown_by(told: &Told) -> Vec<Digest> {
    let review = &told.reviewed.review;
    let asking = review.parts.iter().filter(|part| part.approvals.is_some());
    asking.map(|part| part.effect).chain([review.effect()]).collect()
}

/// The applications of which approvals were judged, and of which nothing is asked again after the merge.
fn settled_by(told: &Told) -> BTreeSet<String> {
    let is_settled =
        |part: &&Part| part.approvals.as_ref().is_some_and(|found| found.asks_again_for.is_empty());
    let settled = told.reviewed.review.parts.iter().filter(is_settled);
    settled.map(|part| part.application.clone()).collect()
}

/// What a review says to somebody who asked for it.
fn answer(entry: &Entry, page: &Page, told: &Told) -> (bool, String) {
    let review = &told.reviewed.review;
    if !entry.is_approval() {
        return match told.reviewed.failed.first() {
            Some(failed) => {
                (false, format!("`{}` can't be planned; the comment says why", failed.application))
            }
            None => (true, format!("planned: {}", review.outcome())),
        };
    }
    let discounted =
        review.parts.iter().flat_map(|part| &part.approvals).flat_map(|standing| &standing.discounted);
    // What the same person said before does not count for other reasons.
    let place = entry.place();
    let mut mine = discounted.filter(|vote| vote.id == place).map(|vote| vote.why.to_string());
    match (review.outcome(), mine.next()) {
        (Outcome::NeedsApproval, _) if told.counted.contains(&place) => {
            let stored = told.approved.join(", ");
            (
                true,
                format!(
                    "approved, and stored for after the merge: {stored}; the rest of it is still to be approved"
                ),
            )
        }
        (Outcome::NeedsApproval, _) if page.has_counted(&entry.comment) => {
            (true, "approved, and stored; what is to be done now is something else already".to_owned())
        }
        // An earlier review took it up before it was answered.
        (outcome, _) if page.has_counted(&entry.comment) && !told.counted.contains(&place) => {
            let stored = "approved, and stored for after the merge";
            match outcome {
                Outcome::Approved => (true, stored.to_owned()),
                _ => (true, format!("{stored}; the request is now: {outcome}")),
            }
        }
        (Outcome::Approved, Some(why)) if !page.has_counted(&entry.comment) && !counts(entry, told) => {
            (false, format!("it does not count: {why}; {}", approved_by(told)))
        }
        (Outcome::Approved, _) if !told.approved.is_empty() => {
            (true, format!("approved, and stored for after the merge: {}", told.approved.join(", ")))
        }
        (Outcome::Approved, _) => (true, approved_by(told)),
        (Outcome::Ready | Outcome::NoChanges, _) => (true, NOTHING.to_owned()),
        (_, why) if counts(entry, told) => {
            let elsewhere = why.map(|why| format!("; elsewhere not: {why}")).unwrap_or_default();
            (true, format!("it counts{elsewhere}; the request is still: {}", review.outcome()))
        }
        (_, Some(why)) => (false, format!("it does not count: {why}")),
        (outcome, None) => (false, format!("the request is still: {outcome}")),
    }
}

const NOTHING: &str = "nothing in it has to be approved";

/// By whom a request is approved, and what of it is asked again.
fn approved_by(told: &Told) -> String {
    let standings = told.reviewed.review.parts.iter().flat_map(|part| &part.approvals);
    let people = standings.flat_map(|standing| &standing.rules).flat_map(|rule| &rule.approved_by);
    let people: BTreeSet<&str> = people.map(String::as_str).collect();
    if people.is_empty() {
        return NOTHING.to_owned();
    }
    let people = people.into_iter().collect::<Vec<_>>().join(", ");
    let again = told.asks_again.iter().flat_map(|(_, files)| files).map(String::as_str);
    let again = again.collect::<BTreeSet<&str>>().into_iter().collect::<Vec<_>>().join(", ");
    if again.is_empty() {
        return format!("it is approved already, by {people}");
    }
    format!("it is approved already, by {people}; it is asked again after the merge, because {again} changes")
}

/// Whether somebody's approval counts for an application, although that is not enough.
fn counts(entry: &Entry, told: &Told) -> bool {
    let place = entry.place();
    told.reviewed.review.parts.iter().flat_map(|part| &part.approvals).any(|standing| {
        // That of somebody who made what else it covers counts for the request itself.
        let is_whole = |why| why != Discounted::Unapplied;
        let is_discounted = standing.discounted.iter().any(|vote| vote.id == place && is_whole(vote.why));
        let approved = standing.rules.iter().flat_map(|rule| &rule.approved_by);
        !is_discounted && approved.into_iter().any(|by| by.eq_ignore_ascii_case(&entry.by))
    })
}
