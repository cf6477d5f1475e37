//! Which applications one process has to keep together.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_app::config::Config;
use gitops_core::Digest;
use gitops_server::Followed;

/// Applications that belong together, because one needs another one or because the same repository's requests change them.
pub struct Group {
    /// At least one.
    pub members: Vec<Config>,
    /// The repositories whose requests change them.
    pub followed: Vec<Arc<Followed>>,
}

/// Every application in one group, and every repository in that of its applications.
pub fn groups(all: &[Config], followed: Vec<Arc<Followed>>) -> Vec<Group> {
    let of_repositories = followed.iter().map(|followed| followed.applications().to_vec());
    let of_needs = all.iter().map(|config| [std::slice::from_ref(&config.name), &config.needs[..]].concat());
    let mut groups: Vec<Group> = together(of_repositories.chain(of_needs))
        .into_iter()
        .map(|names| Group {
            members: all.iter().filter(|config| names.contains(&config.name)).cloned().collect(),
            followed: Vec::new(),
        })
        .collect();
    for followed in followed {
        let is_of = |group: &&mut Group| {
            group.members.iter().any(|config| followed.applications().contains(&config.name))
        };
        if let Some(group) = groups.iter_mut().find(is_of) {
            group.followed.push(followed);
        }
    }
    groups.retain(|group| !group.members.is_empty());
    groups
}

/// Sets of names that share none.
fn together(sets: impl Iterator<Item = Vec<String>>) -> Vec<BTreeSet<String>> {
    let mut all: Vec<BTreeSet<String>> = Vec::new();
    for names in sets {
        let (mine, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|other| names.iter().any(|name| other.contains(name)));
        all = others;
        all.push(mine.into_iter().flatten().chain(names).collect());
    }
    all
}

impl Group {
    /// What an application waits for: what it needs of its group. What is not there is kept by a controller of other applications.
    pub fn needs<'g>(&self, config: &'g Config) -> Vec<&'g str> {
        let is_here = |need: &&str| self.members.iter().any(|member| member.name == *need);
        config.needs.iter().map(String::as_str).filter(is_here).collect()
    }

    /// Says which needs nobody waits for here.
    pub fn warn_of_needs_elsewhere(&self) {
        for config in &self.members {
            let here = self.needs(config);
            for need in config.needs.iter().filter(|need| !here.contains(&need.as_str())) {
                tracing::warn!(
                    application = config.name,
                    need,
                    "it needs an application that this controller does not keep, and does not wait for it"
                );
            }
        }
    }

    /// The leases that the group is kept under, in the order in which they are taken: every process takes them in the same one.
    /// A controller of one application speaks for that one alone.
    pub fn leases(&self, one: Option<&str>) -> Vec<String> {
        let lease = |kind: &str, text: &str| {
            format!("gitops-{kind}-{}", &Digest::of(text.as_bytes()).to_string()[..16])
        };
        let mut repositories: Vec<String> = self
            .followed
            .iter()
            .map(|followed| lease("forge", &format!("{} {}", followed.name(), one.unwrap_or_default())))
            .collect();
        repositories.sort();
        let names: Vec<&str> = self.members.iter().map(|config| config.name.as_str()).collect();
        let is_needed = self.members.iter().any(|config| !self.needs(config).is_empty());
        let needs = is_needed.then(|| lease("needs", &names.join(" ")));
        needs.into_iter().chain(repositories).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(all: &[&[&str]]) -> Vec<Vec<String>> {
        let sets = all.iter().map(|names| names.iter().map(ToString::to_string).collect());
        let sets: Vec<Vec<String>> = sets.collect();
        together(sets.into_iter()).into_iter().map(|names| names.into_iter().collect()).collect()
    }

    #[test]
    fn what_is_related_by_any_way_is_in_one_set() {
        let found = sets(&[&["a", "b"], &["c"], &["d", "c"], &["e"], &["b", "f"], &["f", "d"]]);
        assert_eq!(found, [vec!["e"], vec!["a", "b", "c", "d", "f"]]);
    }
}
