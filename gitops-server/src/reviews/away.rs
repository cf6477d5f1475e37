//! Requests that are closed, or that go into another branch than the one for which they were reviewed: what was approved of them is void,
//! also when they are back.

use gitops_core::{Cx, Result};
use gitops_forge::{ChangeRequest, RequestState};

use super::memory::{Page, Stage};
use super::{Shared, nobody};

impl Shared {
    /// Withdraws what was approved of a request that is closed or goes into another branch, and notes when it is back: what was said before
    /// that counts for nothing. Gives whether it is away.
    pub(super) async fn note_away(&self, cx: &Cx, request: &ChangeRequest) -> Result<bool> {
        if !self.is_at_work() {
            return Ok(false);
        }
        let (number, page) = (request.number, self.memory.page(cx, request.number).await?);
        let is_followed = self.followers(request).next().is_some();
        let Some(why) = away(request, &page) else {
            if page.away.is_some() && is_followed && request.state != RequestState::Closed {
                self.memory.change(cx, number, |page| page.come_back(request)).await?;
                return Ok(false);
            }
            return Ok(page.away.is_some());
        };
        let (chosen, asked) = (self.chosen(), self.asked(number));
        asked.withdraw_stored(cx, &chosen, &nobody(), &why).await?;
        let is_elsewhere = is_followed && request.state != RequestState::Closed;
        let note = |page: &mut Page| {
            page.go_away(&why);
            if is_elsewhere {
                // It is reviewed for that one from now on.
                page.come_back(request);
            }
        };
        self.memory.change(cx, number, note).await?;
        if self.memory.page(cx, number).await?.is_unshown {
            self.show_answers(cx, number).await?;
        }
        Ok(!is_elsewhere)
    }
}

/// Why a request is not to be merged any more into the branch for which it was reviewed, if that is news.
fn away(request: &ChangeRequest, page: &Page) -> Option<String> {
    let known = page.head.as_ref()?;
    let now = &request.base.name;
    match request.state {
        _ if page.away.is_some() => None,
        RequestState::Closed => Some("the request was closed without a merge".to_owned()),
        _ if known.base.is_empty() || known.base == *now => None,
        _ => Some(format!("the request was given the branch `{now}`")),
    }
}

impl Page {
    /// What was approved is void, and the answers say so.
    fn go_away(&mut self, why: &str) {
        for comment in std::mem::take(&mut self.counted) {
            self.add_to_answer(&comment, &format!("void since: {why}"));
        }
        self.away = Some(why.to_owned());
    }

    /// A line more is said of the approvals in a comment, which is named as approvals name it.
    fn add_to_answer(&mut self, place: &str, line: &str) {
        let of_place = self.asked.iter_mut().filter(|entry| entry.is_approval() && entry.place() == place);
        for entry in of_place {
            if let Stage::Answered { text, .. } = &mut entry.stage {
                text.extend(["\n", line]);
            }
        }
    }

    /// What is said from now on counts. When it came back no forge tells: at the latest when it last changed, and before a merge.
    fn come_back(&mut self, request: &ChangeRequest) {
        let back = request.merged.unwrap_or(request.updated);
        self.void_until = self.void_until.max(Some(back));
        self.away = None;
    }
}
