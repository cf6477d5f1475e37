//! Around a rollback: what it would do, and the request that takes the bad revision back.

use std::time::Duration;

use gitops_app::config::Config;
use gitops_app::documents::plan::Summary;
use gitops_app::forge::{patiently, revert_branches};
use gitops_app::rollback::{Progress, Revert, bad_and_good};
use gitops_core::{Cx, Error, ErrorKind, Result, Revision};
use gitops_forge::{ChangeRequest, RequestState};

use super::Shared;
use super::commands::look;
use super::memory::Page;

/// How long the plan of the way back is waited for: who goes back is in a hurry.
const FORESEEN: Duration = Duration::from_secs(30);

/// What the way back would do. That nobody can tell keeps nobody from going back.
pub(super) async fn foreseen(cx: &Cx, config: &Config, good: &Revision) -> Result<String> {
    let call = cx.within(FORESEEN);
    let planned = async {
        let mut session = look(&call, config).await?;
        let planned = session.engine.plan_at(&call, good).await?;
        Ok(Summary::of(&planned.plan).line())
    };
    match call.bounded(Box::pin(planned)).await {
        Ok(line) if line.is_empty() => Ok("What is live needs no change.".to_owned()),
        Ok(line) => Ok(format!("The way back: {line}.")),
        Err(_) if cx.is_cancelled() => cx.check().map(|()| String::new()),
        Err(error) => Ok(format!("What the way back does can't be told before: {}.", error.with_help())),
    }
}

impl Shared {
    /// Opens the request that takes back what an application was rolled back from, and says so. That it can't be opened changes
    /// nothing of the rollback: the pin holds.
    pub(super) async fn take_back(&self, cx: &Cx, config: &Config, good: &Revision) -> Result<String> {
        let name = &config.name;
        match Box::pin(self.opened(cx, config, good)).await {
            Ok(Some(request)) => Ok(takes_back(request.number)),
            Ok(None) => {
                Ok("The branch took back what came after it already, and is followed again in a moment"
                    .to_owned())
            }
            Err(error) if error.kind() == ErrorKind::Cancelled && cx.is_cancelled() => Err(error),
            Err(error) => Ok(format!(
                "No request takes back what came after it ({}): mend the branch, and then `gitops -a {name} rollback --end`",
                error.with_help()
            )),
        }
    }

    /// The request, which is opened if it is not there; nothing if what it brings has landed.
    async fn opened(&self, cx: &Cx, config: &Config, good: &Revision) -> Result<Option<ChangeRequest>> {
        let session = look(cx, config).await?;
        let (bad, good) = bad_and_good(cx, session.audit(), Some(good.clone()), None).await?;
        let revert = Revert::of(cx, &session, &*self.forge, &bad, &good).await?;
        match revert.progress(cx, &session, &*self.forge, &self.context).await? {
            Progress::Open(request) => Ok(Some(*request)),
            Progress::Landed => Ok(None),
            Progress::Closed(request) => {
                let message = format!("request {} that took it back was closed", request.number);
                Err(Error::new(ErrorKind::Conflict, message).help("open it again"))
            }
            _ => revert.open(cx, &session, &*self.forge, &self.context).await.map(Some),
        }
    }

    /// Says in the answers that name a request that takes a revision back that it was closed without a merge, or that it is open again.
    pub(super) async fn say_of_revert(&self, cx: &Cx, request: &ChangeRequest) -> Result<()> {
        let number = request.number;
        let is_of = |config: &&Config| {
            let rest = request.head.name.strip_prefix(&revert_branches(&config.name));
            rest.is_some_and(|bad| !bad.contains('-'))
        };
        let Some(config) = self.followers(request).find(is_of) else { return Ok(()) };
        let me = patiently(cx, || self.forge.me(cx)).await?;
        if request.is_fork() || !request.author.is(&me) {
            return Ok(());
        }
        let (open, closed) = (takes_back(number), was_closed(number, &config.name));
        let (before, now) = match request.state {
            RequestState::Open => (closed, open),
            RequestState::Closed => (open, closed),
            RequestState::Merged => return Ok(()),
        };
        for asked_on in self.memory.with_answer(cx, &before).await? {
            let say = |page: &mut Page| page.say_instead(&before, &now);
            self.memory.change(cx, asked_on, say).await?;
            self.show_answers(cx, asked_on).await?;
        }
        Ok(())
    }
}

/// What is said of the request that takes a revision back.
fn takes_back(number: u64) -> String {
    format!(
        "Request {number} takes back what came after it; once that is merged, the branch is followed again"
    )
}

/// The same once somebody closed it.
fn was_closed(number: u64, name: &str) -> String {
    format!(
        "Request {number}, which takes back what came after it, was closed without a merge, and `{name}` stays pinned: open it again, or mend \
         the branch and then `gitops -a {name} rollback --end`"
    )
}
