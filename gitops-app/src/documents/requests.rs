//! The requests that an audit log knows of, and which of them a revision brought.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{AuditEvent, AuditRecord, Cx, History, MergedRequest, Relation, Revision};

use crate::session::Session;

/// How many commits of a revision are looked at for those of requests.
const COMMITS: usize = 10_000;

/// The requests that were merged.
#[derive(Debug, Default)]
pub(super) struct Merges {
    /// The order in which they were noted; of one that was noted twice, what was noted last.
    noted: Vec<MergedRequest>,
    /// The commits of requests between two revisions, the oldest first, where the source knows them; nothing where the way between them
    /// leads back.
    between: BTreeMap<(String, String), Option<Vec<String>>>,
}

impl Merges {
    pub fn take(&mut self, AuditRecord { entry, .. }: &AuditRecord) {
        let AuditEvent::Merged(merged) = &entry.what else { return };
        self.noted.retain(|other| other.request != merged.request);
        self.noted.push((**merged).clone());
    }

    /// The requests that a revision brought over the one before it, in the order in which they were merged; one that was applied before its merge has its head as the
    /// revision. A way back to an older revision is nobody's request.
    pub async fn of(
        &mut self,
        cx: &Cx,
        session: &Session,
        revision: &Revision,
        before: Option<&Revision>,
    ) -> Vec<MergedRequest> {
        if self.noted.is_empty() {
            return Vec::new();
        }
        let before = before.filter(|before| before.id() != revision.id());
        let commits = match before {
            Some(before) => match self.commits(cx, session, before, revision).await {
                Some(commits) => commits,
                None => return Vec::new(),
            },
            None => Vec::new(),
        };
        let came_in = |merged: &&MergedRequest| {
            let is_revision = merged.commit == revision.id() || merged.head == revision.id();
            is_revision || commits.contains(&merged.commit)
        };
        let mut found: Vec<MergedRequest> = self.noted.iter().filter(came_in).cloned().collect();
        let place = |merged: &MergedRequest| commits.iter().position(|commit| *commit == merged.commit);
        found.sort_by_key(|merged| place(merged).unwrap_or(commits.len()));
        found
    }

    /// The commits of requests that one revision has and another has not; nothing if it is an older one.
    async fn commits(
        &mut self,
        cx: &Cx,
        session: &Session,
        from: &Revision,
        to: &Revision,
    ) -> Option<Vec<String>> {
        let pair = (from.id().to_owned(), to.id().to_owned());
        if let Some(known) = self.between.get(&pair) {
            return known.clone();
        }
        let merged: BTreeSet<&str> = self.noted.iter().map(|merged| merged.commit.as_str()).collect();
        if matches!(session.git.relation(cx, from, to).await, Ok(Relation::Older)) {
            self.between.insert(pair, None);
            return None;
        }
        // What could not be looked at now is asked for again.
        let Ok(found) = session.git.between(cx, from, to, COMMITS).await else { return Some(Vec::new()) };
        let found = found.into_iter().filter(|commit| merged.contains(commit.id.as_str()));
        let mut found: Vec<String> = found.map(|commit| commit.id.to_string()).collect();
        found.reverse();
        self.between.insert(pair, Some(found.clone()));
        Some(found)
    }
}

/// What is known of a request, in one line.
pub fn merged_in_words(merged: &MergedRequest) -> String {
    let reviews = merged.reviews.iter().map(|review| {
        let of = review.commit.as_deref().map(|commit| format!(" of {}", short(commit)));
        let of =
            of.or_else(|| review.effect.as_deref().map(|effect| format!(" of effect {}", short(effect))));
        format!("{} by {} ({}{})", review.said, review.by, review.place, of.unwrap_or_default())
    });
    let reviews: Vec<String> = reviews.collect();
    let reviewed = if reviews.is_empty() {
        "no review by anybody who could write when this was noted".to_owned()
    } else {
        reviews.join(", ")
    };
    let by = merged.merged_by.as_deref().unwrap_or("somebody whom the forge does not name");
    let MergedRequest { request, opened_by, head, commit, .. } = merged;
    format!(
        "{request}: opened by {opened_by}; {reviewed}; merged by {by}: {} as {}",
        short(head),
        short(commit)
    )
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
