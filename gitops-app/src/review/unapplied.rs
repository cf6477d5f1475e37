//! What a target branch has and is not applied yet: an approval of a request covers it too, so it matters who made it.

use gitops_core::review::approval::{Committer, Person, Unapplied};
use gitops_core::{Cx, ErrorKind, History, Result, Revision};
use gitops_forge::{ChangeRequest, CommitId, Commits, Forge, RequestQuery, RequestState};
use gitops_git::{GitSource, Landed};

use crate::forge::patiently;

/// How many merges and pushes the forge is asked about at most.
const LANDED: usize = 50;

/// How many commits of one merge that came by no request.
const COMMITS: usize = 100;

/// How many files of theirs are looked at.
const FILES: usize = 100_000;

/// What was applied last, whole; nothing if that never was.
#[derive(Clone, Debug)]
pub(super) struct Since(pub Option<Revision>);

impl Since {
    /// Whether it is this revision.
    pub fn is(&self, revision: &Revision) -> bool {
        self.0.as_ref().is_some_and(|since| since.id() == revision.id())
    }
}

/// Where it is asked.
pub(super) struct Asking<'a> {
    pub cx: &'a Cx,
    pub forge: &'a dyn Forge,
    /// The repository, and the folder that the application follows.
    pub git: &'a GitSource,
    /// The request that is judged: its own people are known.
    pub number: u64,
}

impl Asking<'_> {
    /// Who made what a branch has below the followed folder since something was applied last: each request that was merged, and each
    /// commit that was pushed. Of more than can be asked about, nobody can tell.
    pub async fn made(&self, since: &Since, to: &Revision) -> Result<Vec<Unapplied>> {
        let Some(commits) = self.forge.commits() else { return Ok(Vec::new()) };
        let landed = match self.git.landed(self.cx, since.0.as_ref(), to, LANDED).await {
            Err(error) if is_untold(error.kind()) => {
                let why = format!("nobody can tell who made all that is not applied yet ({error})");
                return Ok(vec![Unapplied::untold("what is not applied yet", why)]);
            }
            landed => landed?,
        };
        let mut found: Vec<Unapplied> = Vec::new();
        for landed in &landed {
            for made in self.made_by(commits, landed).await? {
                let is_same = |other: &Unapplied| {
                    (&other.author, &other.committers, &other.untold)
                        == (&made.author, &made.committers, &made.untold)
                };
                if !found.iter().any(is_same) {
                    found.push(made);
                }
            }
        }
        Ok(found)
    }

    /// The files below the followed folder that a branch changed since; an error where that is not known.
    pub async fn files(&self, since: &Since, to: &Revision, folder: &str) -> Result<Vec<String>> {
        let Some(from) = &since.0 else { return Ok(Vec::new()) };
        let folder = folder.trim_matches('/');
        let is_below = |path: &String| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let changed = self.git.changed(self.cx, from, to, FILES).await?;
        Ok(changed.into_iter().filter(is_below).collect())
    }

    async fn made_by(&self, commits: &dyn Commits, landed: &Landed) -> Result<Vec<Unapplied>> {
        let (mut found, mut is_own) = (Vec::new(), false);
        for request in self.merged_as(&landed.commit).await? {
            is_own |= self.is_made_by_the_forge(landed, &request).await?;
            if request.number != self.number {
                found.push(self.of_request(commits, &request).await?);
            }
        }
        if !is_own {
            // Whoever pushed it may have put more into it than requests have.
            found.extend(self.pushed(commits, landed).await?);
        }
        Ok(found)
    }

    /// The requests that were merged as a commit.
    async fn merged_as(&self, commit: &Revision) -> Result<Vec<ChangeRequest>> {
        let query = RequestQuery::OfCommit(CommitId::parse(commit.id())?);
        let mut found = patiently(self.cx, || self.forge.change_requests(self.cx, &query)).await?;
        found.retain(|request| {
            let merged = request.merge_commit.as_ref();
            request.state == RequestState::Merged
                && merged.is_some_and(|merged| merged.as_str() == commit.id())
        });
        Ok(found)
    }

    /// Whether a commit is what the merge of a request makes, and nothing else: who merged it changed nothing.
    async fn is_made_by_the_forge(&self, landed: &Landed, request: &ChangeRequest) -> Result<bool> {
        let head = &request.head.commit;
        if head.as_str() == landed.commit.id() {
            return Ok(true);
        }
        let Some(base) = landed.parents.first() else { return Ok(false) };
        let head = Revision::new(head.as_str(), head.as_str());
        let head = landed.parents.get(1).unwrap_or(&head);
        self.git.is_merge_of(self.cx, &landed.commit, base, head).await
    }

    async fn of_request(&self, commits: &dyn Commits, request: &ChangeRequest) -> Result<Unapplied> {
        let name = format!("#{}", request.number);
        match patiently(self.cx, || commits.of_request(self.cx, request.number)).await {
            Err(error) if is_untold(error.kind()) => Ok(Unapplied::untold(name, error.to_string())),
            made => {
                let people = made?.into_iter().flat_map(|commit| commit.people);
                let committers = people.map(committer);
                Ok(Unapplied::new(name, Some(Person::new(request.author.login.as_str())), committers))
            }
        }
    }

    /// A commit that somebody pushed, with all that it brought.
    async fn pushed(&self, commits: &dyn Commits, landed: &Landed) -> Result<Vec<Unapplied>> {
        let name = landed.commit.short();
        let brought = match landed.parents.first().filter(|_| landed.parents.len() > 1) {
            None => vec![landed.commit.clone()],
            Some(base) => match self.git.all_between(self.cx, base, &landed.commit, COMMITS).await {
                Err(error) if is_untold(error.kind()) => {
                    return Ok(vec![Unapplied::untold(name, error.to_string())]);
                }
                brought => brought?,
            },
        };
        let mut found = Vec::new();
        for commit in brought {
            found.extend(self.people(commits, &commit).await?);
        }
        Ok(vec![Unapplied::new(name, None, found)])
    }

    /// Who made a commit; an address where the forge knows nobody.
    async fn people(&self, commits: &dyn Commits, commit: &Revision) -> Result<Vec<Committer>> {
        let id = CommitId::parse(commit.id())?;
        match patiently(self.cx, || commits.of_commit(self.cx, &id)).await {
            Err(error) if is_untold(error.kind()) => {
                let made = History::describe(self.git, self.cx, commit).await?;
                let address = made.author.rsplit_once('<').map_or(&*made.author, |(_, rest)| rest);
                Ok(vec![Committer::new(None, address.trim_end_matches('>'))])
            }
            made => Ok(made?.people.into_iter().map(committer).collect()),
        }
    }
}

fn committer(person: gitops_forge::CommitPerson) -> Committer {
    Committer::new(person.account.map(|account| account.login.to_string()), person.email)
}

/// What a forge or a repository can't tell, now and later.
fn is_untold(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Limit | ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Invalid)
}
