//! A commit's pack, taken from the server and checked, at the cost of what is new in it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gitops_core::{Cx, Result};
use gix::ObjectId;

use super::Inner;
use crate::git::{Call, Output, Running};
use crate::mirror::{Lock, haves};
use crate::url::Transport;
use crate::wire::{Answer, Request, Talk};

impl Inner {
    /// Receives a commit with all that is new in it; `None` if the server speaks an older protocol, so that it has to be
    /// asked by `git fetch`.
    ///
    /// `git index-pack --strict` takes a pack only if every object in it is sound and everything that it names is in the
    /// pack or in the mirror. So, whatever the mirror holds is there whole, and nothing old has to be looked through.
    pub async fn receive(self: &Arc<Self>, cx: &Cx, lock: &Lock, want: ObjectId) -> Result<Option<Output>> {
        if self.is_old.load(Relaxed) {
            return Ok(None);
        }
        let (inner, git) = (Arc::clone(self), self.git(cx).await?);
        let haves = super::blocking(cx, move || inner.mirror.reopen()?.with(haves)).await?;
        let _turn = cx.program_turn().await?;
        let server = git.connect(Some(self.mirror.folder()), &self.url, &self.credentials, &self.trust());
        let mut server = server.memory_up_to(self.limits.memory).start()?;
        let mut indexer = self.indexer(git.call(), lock)?.start()?;
        let talk = Talk {
            from: tokio::io::BufReader::new(server.output()?),
            to: server.input()?,
            pack: indexer.input()?,
            through_helper: matches!(self.url.transport(), Transport::Http { .. }),
        };
        let request = Request { want, haves };
        let received = cx.bounded(async {
            let answer = talk.ask(&request).await;
            self.outcome(answer, &mut server, &mut indexer).await
        });
        let received = received.await;
        if received.is_err() {
            tokio::join!(server.stop(), indexer.stop());
        }
        received.map_err(|error| self.ended(error, "fetching"))
    }

    fn indexer(&self, git: Call, lock: &Lock) -> Result<Call> {
        let ignored: Vec<String> = self.tolerated.iter().map(|kind| format!("{kind}=ignore")).collect();
        let equals = if ignored.is_empty() { "" } else { "=" };
        let strict = format!("--strict{equals}{}", ignored.join(","));
        let call = git.in_repository(self.mirror.folder());
        let call = call.args(["index-pack", "--stdin", "--fix-thin", &strict]).holding(lock.copy()?);
        Ok(call.files_up_to(self.limits.pack_bytes).memory_up_to(self.limits.memory))
    }

    async fn outcome(
        &self,
        answer: Answer,
        server: &mut Running,
        indexer: &mut Running,
    ) -> Result<Option<Output>> {
        match answer {
            Answer::Whole | Answer::NotTaken => {
                let (status, stderr) = indexer.end().await?;
                Ok(Some(Output { status, stdout: Vec::new(), stderr }))
            }
            Answer::Unspoken => {
                self.is_old.store(true, Relaxed);
                Ok(None)
            }
            Answer::Cut => Ok(Some(failed(format!("{}\nearly EOF", server.end().await?.1)))),
            Answer::Refused(reason) => Ok(Some(failed(format!("{reason}\n{}", server.end().await?.1)))),
        }
    }
}

/// As if one program had said it and failed.
pub(super) fn failed(stderr: String) -> Output {
    Output { status: ExitStatus::from_raw(1 << 8), stdout: Vec::new(), stderr }
}
