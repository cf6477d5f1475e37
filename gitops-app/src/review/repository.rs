//! What a merge changes in a repository: found out once for all applications that follow it, without a session of any.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Cx, Merge as _, Result, Revision, Source};
use gitops_git::GitSource;

use super::application::{CHANGED, Reviewing, Stop, find, merging, named};
use super::{Found, Sides};
use crate::config::{Applications, Config, GitRef};
use crate::source;

/// A repository, as the first of its applications reads it.
pub(super) struct Repository {
    pub base: Revision,
    pub head: Revision,
    /// Whether a merge changes something below each of the folders that applications follow.
    changes: BTreeMap<String, bool>,
}

impl Repository {
    async fn read(
        cx: &Cx,
        git: &GitSource,
        sides: &Sides,
        applications: &Applications,
    ) -> Result<Self, Stop> {
        let base = named(find(cx, git, sides.base()).await)?;
        let head = named(find(cx, git, sides.head()).await)?;
        let folders: BTreeSet<&String> = applications.all.iter().map(|config| &config.source.path).collect();
        let folders: Vec<String> = folders.into_iter().cloned().collect();
        let changes = git.merge_changes(cx, &base, &head, &folders).await.map_err(merging)?;
        let changes = folders.into_iter().zip(changes).collect();
        Ok(Self { base, head, changes })
    }
}

/// What applications have in common that read a repository in the same way.
pub(super) fn key(config: &Config) -> String {
    let git = &config.source;
    format!("{:?}", (&git.url, &git.base, &git.auth, &git.ca_file, &git.tolerate, &git.limits))
}

impl Reviewing<'_> {
    /// What can be said of one of several applications without opening it: that it follows something else, or that the merge leaves
    /// its files as they are.
    pub(super) async fn unconcerned(&mut self, cx: &Cx, config: &Config) -> Result<Option<Found>, Stop> {
        let git = source::open(cx, config)?;
        if let Some(follows) = self.follows_another(cx, &config.source.reference, &git).await? {
            return Ok(Some(Found::NotConcerned(follows)));
        }
        let key = key(config);
        if !self.repositories.contains_key(&key) {
            let found = Repository::read(cx, &git, self.sides, self.applications).await?;
            self.check_configuration(cx, config, &git, &found.base, &found.head)
                .await
                .map_err(Stop::Named)?;
            let changed = self.changed_configuration(cx, &config.source.url, &git, &found).await?;
            self.configuration.extend(changed);
            self.repositories.insert(key.clone(), found);
        }
        let changes = self.repositories[&key].changes.get(&config.source.path);
        Ok((changes == Some(&false)).then_some(Found::Untouched))
    }

    /// The files of the configuration that the request changes.
    async fn changed_configuration(
        &self,
        cx: &Cx,
        repository: &str,
        git: &GitSource,
        sides: &Repository,
    ) -> Result<Vec<String>, Stop> {
        let files = self.checked.get(repository).filter(|files| !files.is_empty());
        let Some(files) = files else { return Ok(Vec::new()) };
        let merged = git.merged(cx, &sides.base, &sides.head).await.map_err(merging)?;
        let changed = git.changed(cx, &merged.merge_base, &sides.head, CHANGED).await.map_err(Stop::Named)?;
        Ok(files.iter().filter(|file| changed.contains(file)).cloned().collect())
    }

    /// What an application follows, if a merge into the target branch does not change it.
    pub(super) async fn follows_another(
        &self,
        cx: &Cx,
        reference: &GitRef,
        git: &GitSource,
    ) -> Result<Option<String>> {
        let base = self.sides.base();
        let follows = git.info().follows;
        match reference {
            GitRef::Branch(name) if base.strip_prefix("refs/heads/").unwrap_or(base) == name => Ok(None),
            // What is no branch is a commit of the branch that is followed.
            GitRef::Branch(_) => Ok(git.branch(cx, base).await?.map(|_| follows)),
            _ => Ok(Some(follows)),
        }
    }
}
