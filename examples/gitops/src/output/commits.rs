//! Commits as people read them.

use std::collections::BTreeSet;

use gitops_core::{Commit, Commits, Time};

use super::style::{BOLD, DIM, count, escape, paint};
use super::table::{Cell, Columns, draw};
use super::when;

/// How many authors are named.
const NAMED: usize = 3;

/// An author without the address.
pub fn name(author: &str) -> &str {
    author.split_once(" <").map_or(author, |(name, _)| name)
}

/// How many commits, and by whom: `3 commits by Ana, Bo`.
pub fn sum(commits: &Commits) -> String {
    let mut seen = BTreeSet::new();
    let authors: Vec<&str> =
        commits.list.iter().map(|commit| name(&commit.author)).filter(|name| seen.insert(*name)).collect();
    let more = authors.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {}", count(more, "other"))).unwrap_or_default();
    let at_least = if commits.more { "more than " } else { "" };
    let named: Vec<&str> = authors.into_iter().take(NAMED).collect();
    escape(&format!("{at_least}{} by {}{more}", count(commits.list.len(), "commit"), named.join(", ")))
}

/// The newest of them on one line, and how to see the others.
pub fn newest(commits: &Commits, now: Time, all: &str) -> String {
    let Some(first) = commits.list.first() else { return String::new() };
    let rest = match commits.list.len() - 1 {
        0 => String::new(),
        rest => paint(DIM, format_args!("  (and {rest} more: {all})")),
    };
    let (author, ago) = (name(&first.author), when::ago(now, first.time));
    let line = escape(&format!("{}  {author}  {ago}  {}", short(first), first.summary));
    format!("  {line}{rest}\n")
}

/// All of them, a line each.
pub fn table(commits: &[Commit], now: Time, columns: Columns) -> String {
    let row = |commit: &Commit| -> Vec<Cell> {
        let by = match name(&commit.committer) {
            committer if committer == name(&commit.author) => name(&commit.author).to_owned(),
            committer => format!("{} (committed by {committer})", name(&commit.author)),
        };
        let signed = commit.signer.as_ref().map(|signer| format!(", signed by {}", signer.name));
        vec![
            Cell::styled(BOLD, short(commit)),
            (by + &signed.unwrap_or_default()).into(),
            when::both(now, commit.time).into(),
            commit.summary.clone().into(),
        ]
    };
    draw(&commits.iter().map(row).collect::<Vec<_>>(), columns)
}

/// The first digits of its id.
pub fn short(commit: &Commit) -> &str {
    commit.id.get(..12).unwrap_or(&commit.id)
}
