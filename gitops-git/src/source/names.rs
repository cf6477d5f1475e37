//! Branches and tags of the repository, as they are now.

use std::sync::Arc;

use gitops_core::{Cx, Result, Revision};

use super::{Inner, blocking};
use crate::git::classify;
use crate::reference::GitRef;
use crate::remote::{self, Advertised};

/// Bytes that a list of references may have.
const LIST_BYTES: usize = 64 << 20;

impl Inner {
    /// The revision that is followed now.
    pub async fn newest(self: &Arc<Self>, cx: &Cx) -> Result<Revision> {
        if let GitRef::Commit(_) = self.follows {
            return remote::newest(&Advertised::default(), &self.follows);
        }
        let refs = self.advertised(cx, &self.patterns()).await?;
        match remote::newest(&refs, &self.follows) {
            Err(error) if error.is_not_found() && self.url.local_path().is_none() => {
                // Ask for all names, to say which there are.
                remote::newest(&self.advertised(cx, &[]).await?, &self.follows)
            }
            found => found,
        }
    }

    /// What to ask a server for, so that it answers with as little as can be.
    fn patterns(&self) -> Vec<String> {
        match &self.follows {
            GitRef::Branch(name) => vec![format!("refs/heads/{name}")],
            GitRef::Tag(name) => vec![format!("refs/tags/{name}"), format!("refs/tags/{name}^{{}}")],
            GitRef::Semver(_) => vec!["refs/tags/*".into()],
            GitRef::Commit(_) => Vec::new(),
        }
    }

    /// The references that fit one of the patterns, or all.
    pub async fn advertised(self: &Arc<Self>, cx: &Cx, patterns: &[String]) -> Result<Advertised> {
        if self.url.local_path().is_some() {
            let inner = Arc::clone(self);
            return blocking(cx, move || inner.read_local()).await;
        }
        let cx = cx.within(self.limits.time);
        let call =
            self.git(&cx).await?.call().with_server(&self.url, &self.credentials).stdout_up_to(LIST_BYTES);
        let call = call.args(["ls-remote", "--quiet", "--", self.url.address()]).args(patterns);
        let output = call.run(&cx).await.map_err(|error| self.ended(error, "listing references"))?;
        match output.status.success() {
            true => Advertised::parse(&output.stdout, self.limits.refs),
            false => Err(classify("listing references", &self.url, &output)),
        }
    }

    fn read_local(&self) -> Result<Advertised> {
        let folder = self.url.local_path().unwrap_or(self.mirror.folder());
        remote::read_local(folder, self.limits.refs)
    }
}
