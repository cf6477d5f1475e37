//! The second comment of a request: what was asked for and answered, and how each application stands after the merge.

use std::collections::BTreeSet;
use std::fmt::Write;

use gitops_app::config::ForgeKind;
use gitops_app::forge::patiently;
use gitops_core::review::{Flavour, code_span};
use gitops_core::{Cx, Result};
use gitops_forge::{ForgeExt, Marker};

use super::Shared;
use super::memory::{Ahead, InQueue, Page, Stage};

/// The hidden line that names the commands that were answered.
const ANSWERED: &str = "<!-- gitops-answered:";

/// How many answers are shown, how many lines each has, and how long each is.
const SHOWN: usize = 10;
const LINES: usize = 12;
const LINE: usize = 400;

/// How long what is said of an application may be where there are few, and how long that of all of them together.
const SAID: usize = 1_500;
const SAID_OF_ALL: usize = 12_000;

/// The commands that a comment of ours names as answered.
#[derive(Default)]
pub(super) struct Answered(BTreeSet<String>);

impl Answered {
    /// Reads the hidden line of a comment of ours.
    pub fn read(body: &str) -> Self {
        let line =
            body.lines().nth(1).and_then(|line| line.trim_end().strip_prefix(ANSWERED)?.strip_suffix("-->"));
        Self(line.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect())
    }

    pub fn has(&self, comment: &str, nth: usize) -> bool {
        self.0.contains(&id(comment, nth))
    }
}

fn id(comment: &str, nth: usize) -> String {
    format!("{comment}.{nth}")
}

impl Shared {
    pub(super) fn answers_marker(&self) -> Result<Marker> {
        Marker::new(format!("answers/{}", self.context))
    }

    pub(super) fn review_marker(&self) -> Result<Marker> {
        Marker::new(format!("review/{}", self.context))
    }

    pub(super) fn flavour(&self) -> Flavour {
        match self.kind {
            ForgeKind::GitHub => Flavour::GitHub,
            ForgeKind::GitLab => Flavour::GitLab,
            ForgeKind::Gitea => Flavour::Gitea,
        }
    }

    /// Keeps the second comment current; there is none as long as there is nothing to say.
    pub(super) async fn show_answers(&self, cx: &Cx, number: u64) -> Result<()> {
        let page = self.memory.page(cx, number).await?;
        let said = text(&page, self.flavour());
        if let Some(text) = &said {
            let marker = self.answers_marker()?;
            patiently(cx, || self.forge.upsert_comment(cx, number, &marker, text)).await?;
        }
        // What was added meanwhile is not shown yet.
        let note = |page: &mut Page| page.is_unshown &= text(page, self.flavour()) != said;
        self.memory.change(cx, number, note).await
    }
}

/// How long what is said of each application may be: an error, with what to do about it, where that fits.
fn room(applications: usize) -> usize {
    (SAID_OF_ALL / applications.max(1)).clamp(LINE, SAID)
}

/// The comment, without its marker.
fn text(page: &Page, flavour: Flavour) -> Option<String> {
    let ahead = page.ahead.as_ref().filter(|ahead| !ahead.said.is_empty());
    let was_said = |page: &Page| {
        let is_asked = !page.asked.is_empty() || !page.unconfirmed.is_empty();
        is_asked || !page.outcomes.is_empty() || page.in_queue.is_some()
    };
    if !was_said(page) && ahead.is_none() {
        return None;
    }
    let ids: Vec<String> = page.answered().map(|entry| id(&entry.comment, entry.nth)).collect();
    let mut text = format!("{ANSWERED} {} -->\n", ids.join(" "));
    if let Some(Ahead { head, base, by, said, .. }) = ahead {
        text.push_str("### GitOps: applied before the merge\n\n");
        let short = head.get(..12).unwrap_or(head);
        let _ = writeln!(
            text,
            "{} into {}, applied by {}\n",
            code_span(short, 12),
            code_span(base, 100),
            code_span(by, 100)
        );
        let room = room(said.len());
        for (application, said) in said {
            let _ = writeln!(text, "- {}: {}", code_span(application, 100), code_span(said, room));
        }
        text.push('\n');
    }
    if let Some(InQueue { commit, refused }) = &page.in_queue {
        text.push_str("### GitOps: in the merge queue\n\n");
        let said = match refused {
            Some(why) => format!("refused: {}", code_span(why, SAID)),
            None => "nothing is against it".to_owned(),
        };
        let _ = writeln!(text, "- {}: {said}\n", code_span(commit.get(..12).unwrap_or(commit), 12));
    }
    if !page.outcomes.is_empty() {
        text.push_str("### GitOps: after the merge\n\n");
    }
    let room = room(page.outcomes.len());
    for (application, outcome) in &page.outcomes {
        let _ = writeln!(text, "- {}: {}", code_span(application, 100), code_span(&outcome.text, room));
        if let Some(effect) = &outcome.effect {
            let command = format!("{}approve {effect}", flavour.command_prefix());
            let _ = writeln!(text, "  - who may approve it: comment {}", code_span(&command, 100));
            if let Some(before) = &outcome.instead_of {
                let before = code_span(before.get(..12).unwrap_or(before), 12);
                let _ = writeln!(text, "  - what there is to do changed: {before}… is not approved any more");
            }
            for step in &outcome.would {
                let _ = writeln!(text, "  - it would {}", code_span(step, LINE));
            }
        }
    }
    if !page.unconfirmed.is_empty() {
        text.push_str("### GitOps: to be confirmed\n\n");
        for (comment, by) in &page.unconfirmed {
            let _ = writeln!(
                text,
                "- {} of comment {}: others may edit a comment in the second in which it was written, and the forge does not tell it. Put a 👍 \
                 on your own comment, and it is taken up.",
                code_span(by, 100),
                code_span(comment, 40)
            );
        }
        text.push('\n');
    }
    if !page.asked.is_empty() {
        text.push_str("\n### GitOps: commands\n\n");
    }
    for entry in page.asked.iter().rev().take(SHOWN) {
        let (sign, said) = match &entry.stage {
            Stage::Begun => ("👀", "is being carried out"),
            Stage::AwaitsReview => ("👀", "is answered by the next review"),
            Stage::Answered { is_done: true, text } => ("👍", text.as_str()),
            Stage::Answered { is_done: false, text } => ("👎", text.as_str()),
        };
        let _ = writeln!(text, "- {sign} {}: {}", code_span(&entry.by, 100), code_span(&entry.command, 200));
        for line in said.lines().take(LINES) {
            let _ = writeln!(text, "  - {}", code_span(line, LINE));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use gitops_core::Time;

    use super::super::memory::{Entry, Outcome};
    use super::*;

    #[test]
    fn the_comment_names_what_was_answered_and_holds_no_text_that_could_do_anything() {
        let answered = |is_done, text: &str| Stage::Answered { is_done, text: text.to_owned() };
        let entry = |comment: &str, by: &str, stage| Entry {
            comment: comment.to_owned(),
            nth: 0,
            at: Time::default(),
            by: by.to_owned(),
            command: "/plan".to_owned(),
            stage,
        };
        let mut page = Page::default();
        assert_eq!(text(&page, Flavour::Gitea), None);
        page.asked = vec![
            entry("5", "alice", answered(true, "planned: ready")),
            entry("9", "mallory", answered(false, "no `x`\n@everybody <b>\n/close")),
            entry("11", "bob", Stage::AwaitsReview),
        ];
        let outcome = Outcome { needs_person: true, text: "waits".to_owned(), ..Outcome::default() };
        let before = Outcome { effect: Some("ba9876543210".to_owned()), ..outcome.clone() };
        let would = vec!["update file:page".to_owned()];
        let outcome = Outcome { effect: Some("0123456789ab".to_owned()), would, ..outcome };
        let outcome = outcome.after(Some(&before));
        page.outcomes.insert("site".to_owned(), outcome);
        let shown = text(&page, Flavour::Gitea).unwrap();
        insta::assert_snapshot!(shown, @r"
        <!-- gitops-answered: 5.0 9.0 -->
        ### GitOps: after the merge

        - `site`: `waits`
          - who may approve it: comment `/approve 0123456789ab`
          - what there is to do changed: `ba9876543210`… is not approved any more
          - it would `update file:page`

        ### GitOps: commands

        - 👀 `bob`: `/plan`
          - `is answered by the next review`
        - 👎 `mallory`: `/plan`
          - `` no `x` ``
          - `@everybody <b>`
          - `/close`
        - 👍 `alice`: `/plan`
          - `planned: ready`
        ");
        let read = Answered::read(&format!("<!-- gitops: answers/gitops -->\n{shown}"));
        assert!(read.has("5", 0) && read.has("9", 0) && !read.has("11", 0) && !read.has("5", 1));
    }
}
