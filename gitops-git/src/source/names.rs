//! Branches and tags of the repository, as they are now.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};

use super::receive::failed;
use super::{GitSource, Inner, blocking};
use crate::credentials::Credentials;
use crate::fault::over_limit;
use crate::git::{Output, classify};
use crate::reference::GitRef;
use crate::remote::{self, Advertised};
use crate::url::{GitUrl, Transport};
use crate::wire::{Answer, Talk};

/// Bytes that a list of references may have.
const LIST_BYTES: usize = 64 << 20;

impl GitSource {
    /// The branches whose names begin with a text, in their order, each as a revision: what a forge makes for itself too, such as the
    /// commits of a merge queue.
    ///
    /// # Errors
    /// Those of the repository; `Limit` if it has too many.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn branches(&self, cx: &Cx, beginning: &str) -> Result<Vec<Revision>> {
        let prefix = format!("refs/heads/{beginning}");
        let refs = self.0.advertised(cx, std::slice::from_ref(&prefix)).await?;
        let named =
            |(rest, id): (&str, gix::ObjectId)| Revision::new(id.to_string(), format!("{beginning}{rest}"));
        Ok(refs.below(&prefix).map(named).collect())
    }
}

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
            GitRef::Tag(name) => vec![format!("refs/tags/{name}")],
            GitRef::Semver(_) => vec!["refs/tags/".into()],
            GitRef::Commit(_) => Vec::new(),
        }
    }

    /// The references that begin with one of these, or all branches and tags.
    pub async fn advertised(self: &Arc<Self>, cx: &Cx, prefixes: &[String]) -> Result<Advertised> {
        if self.url.local_path().is_some() {
            let inner = Arc::clone(self);
            return blocking(cx, move || inner.read_local()).await;
        }
        let cx = cx.within(self.limits.time);
        if !self.is_old.load(Relaxed)
            && let Some(refs) = self.ask_for_refs(&cx, prefixes).await?
        {
            return Ok(refs);
        }
        let output = self.list_refs(&cx, prefixes).await?;
        if !output.status.success() {
            return Err(self.unlisted(&cx, &output).await);
        }
        let refs = Advertised::parse(&output.stdout, self.limits.refs)?;
        match refs.is_empty() {
            // Only what has references is known to be a repository, in whatever version it speaks.
            false => self.is_old.store(true, Relaxed),
            true => self.check_no_page(&cx).await?,
        }
        Ok(refs)
    }

    /// Git takes a web page of one line for a repository without references.
    async fn check_no_page(&self, cx: &Cx) -> Result<()> {
        if !matches!(self.url.transport(), Transport::Http { .. }) {
            return Ok(());
        }
        let Some(told) = self.headers(cx, &self.credentials).await else { return Ok(()) };
        match header(&told, "content-type").filter(|kind| kind.contains("html")) {
            None => Ok(()),
            Some(kind) => {
                let said = failed(format!("unexpected content type {kind}"));
                Err(classify("listing references", &self.url, &said))
            }
        }
    }

    /// Asks in version 2 of the protocol, in which a server tells what is asked for and nothing else; `None` if the server
    /// does not speak it.
    async fn ask_for_refs(&self, cx: &Cx, prefixes: &[String]) -> Result<Option<Advertised>> {
        let all = ["refs/heads/".to_owned(), "refs/tags/".to_owned()];
        let prefixes = if prefixes.is_empty() { &all } else { prefixes };
        let call = self.git(cx).await?.connect(None, &self.url, &self.credentials, &self.trust());
        let _turn = cx.program_turn().await?;
        let mut server = call.memory_up_to(self.limits.memory).start()?;
        let talk = Talk {
            from: tokio::io::BufReader::new(server.output()?),
            to: server.input()?,
            pack: tokio::io::sink(),
            through_helper: matches!(self.url.transport(), Transport::Http { .. }),
        };
        let (mut refs, mut bytes) = (Advertised::default(), 0_usize);
        let take = |line: &[u8]| {
            bytes += line.len();
            match bytes > LIST_BYTES {
                true => {
                    Err(over_limit("the list of branches and tags is too long", "refs", self.limits.refs))
                }
                false => refs.add_told(line, self.limits.refs),
            }
        };
        let answer = cx.bounded(async { talk.list(prefixes, take).await }).await;
        let output = match answer {
            Ok(Answer::Whole) => {
                server.stop().await;
                return Ok(Some(refs));
            }
            Ok(Answer::Unspoken) => {
                server.stop().await;
                return Ok(None);
            }
            Ok(Answer::Refused(reason)) => failed(reason),
            Ok(Answer::Cut | Answer::NotTaken) => {
                let said = cx.bounded(server.end()).await?.1;
                let explains = classify("", &self.url, &failed(said.clone())).kind() != ErrorKind::Internal;
                failed(if explains { said } else { format!("{said}\nearly EOF") })
            }
            Err(error) => {
                server.stop().await;
                return Err(self.ended(error, "listing references"));
            }
        };
        Err(self.unlisted(cx, &output).await)
    }

    async fn list_refs(&self, cx: &Cx, prefixes: &[String]) -> Result<Output> {
        let call = self.git(cx).await?.call().with_server(&self.url, &self.credentials, &self.trust());
        let call = call.stdout_up_to(LIST_BYTES).memory_up_to(self.limits.memory);
        let call = call.args(["ls-remote", "--quiet", "--", self.url.address()]);
        let patterns = prefixes.iter().flat_map(|prefix| match prefix.strip_suffix('/') {
            Some(_) => vec![format!("{prefix}*")],
            None => vec![prefix.clone(), format!("{prefix}^{{}}")],
        });
        call.args(patterns).run(cx).await.map_err(|error| self.ended(error, "listing references"))
    }

    /// The error for a list that failed; of a repository that moved, with its new address.
    async fn unlisted(&self, cx: &Cx, output: &Output) -> Error {
        let error = self.credentials.explain(classify("listing references", &self.url, output));
        match output.stderr.contains("returned error: 30") {
            true => match self.moved_to(cx).await {
                Some(address) => error.with("new address", &address).help(format!(
                    "write `{address}` if that is where the repository is now; nobody is followed there by itself"
                )),
                None => error,
            },
            false => error,
        }
    }

    /// Where a server says that the repository is now: git itself tells only in its trace. Asked as nobody.
    async fn moved_to(&self, cx: &Cx) -> Option<String> {
        let line = header(&self.headers(cx, &Credentials::None).await?, "location")?;
        let address = line.split("/info/refs").next().unwrap_or_default();
        // What another server says is shown only if it could be written as a URL, which holds no credentials.
        GitUrl::parse(address).ok().map(|url| url.to_string())
    }

    /// What a server answers, headers included.
    async fn headers(&self, cx: &Cx, credentials: &Credentials) -> Option<String> {
        let call = self.git(cx).await.ok()?.call();
        let call = call.with_server(&self.url, credentials, &self.trust());
        let call = call.variable("GIT_TRACE_CURL", "2").variable("GIT_TRACE_CURL_NO_DATA", "1");
        let output = call.args(["ls-remote", "--quiet", "--", self.url.address()]).run(cx).await.ok()?;
        Some(output.stderr)
    }

    fn read_local(&self) -> Result<Advertised> {
        let folder = self.url.local_path().unwrap_or(self.mirror.folder());
        remote::read_local(folder, self.limits.refs)
    }
}

/// The value of the last header of a name in what git tells of a connection.
fn header(told: &str, name: &str) -> Option<String> {
    let name = format!("{name}: ");
    let value = |line: &str| {
        let at = line.to_ascii_lowercase().find(&name)?;
        Some(line[at + name.len()..].trim().to_owned())
    };
    told.lines().rev().find_map(value)
}
