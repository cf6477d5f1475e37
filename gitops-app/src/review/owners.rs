//! The owners of files, as the target branch has them, and the members of teams, as the forge has them.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::review::owners::{CodeOwners, Dialect, Owner};
use gitops_core::{Cx, Error, ErrorKind, Result};
use gitops_forge::Forge;
use gitops_git::Entry;

use super::Planned;
use crate::config::{ApprovalConfig, Approvers, ForgeKind};
use crate::forge::patiently;

/// How many teams are asked about.
const TEAMS: usize = 100;

/// The owners of files, and the file that says it.
pub(super) struct Owners {
    pub file: String,
    pub owners: CodeOwners,
}

/// The file of owners as the target branch has it; nothing if no rule asks for owners, or there is no such file.
///
/// # Errors
/// `Invalid` for a file that can't be read, and for one that a rule names and the target branch does not have.
pub(super) async fn of(
    cx: &Cx,
    kind: ForgeKind,
    rules: &[ApprovalConfig],
    planned: &Planned,
) -> Result<Option<Owners>> {
    let mut files = rules.iter().filter_map(|rule| match &rule.from {
        Approvers::CodeOwners { file } => Some(file.as_deref()),
        _ => None,
    });
    let Some(named) = files.next() else { return Ok(None) };
    let places: &[&str] = match (named, kind) {
        (Some(file), _) => &[file],
        (None, ForgeKind::GitHub) => &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"],
        (None, ForgeKind::GitLab) => &["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"],
        (None, ForgeKind::Gitea) => &["CODEOWNERS", "docs/CODEOWNERS", ".gitea/CODEOWNERS"],
    };
    for place in places {
        match planned.git.entry(cx, &planned.base, place).await? {
            None => {}
            Some(Entry::File(bytes)) => {
                let owners = read(place, bytes, kind, planned)?;
                return Ok(Some(Owners { file: (*place).to_owned(), owners }));
            }
            // Whoever made it a link means that somebody owns something.
            Some(_) => {
                let message = format!("`{place}` of {} is no file", planned.base.name());
                return Err(Error::new(ErrorKind::Invalid, message)
                    .help("put the owners themselves there, or name another file with `code_owners`"));
            }
        }
    }
    match named {
        Some(file) => {
            let message =
                format!("{} has no `{file}`, which a rule of `approvals` names", planned.base.name());
            Err(Error::new(ErrorKind::Invalid, message)
                .help("add the file to the target branch, or correct the rule"))
        }
        None => Ok(None),
    }
}

fn read(place: &str, bytes: Vec<u8>, kind: ForgeKind, planned: &Planned) -> Result<CodeOwners> {
    let dialect = match kind {
        ForgeKind::GitHub => Dialect::GitHub,
        ForgeKind::GitLab => Dialect::GitLab,
        ForgeKind::Gitea => Dialect::Gitea,
    };
    let unread = |fault: String| {
        let message = format!("`{place}` of {} can't be read: {fault}", planned.base.name());
        Error::new(ErrorKind::Invalid, message).help("correct it on the target branch")
    };
    // A character that is replaced would fit no path, and nobody would own it.
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        unread(format!("CODEOWNERS line {line}: it is no UTF-8"))
    })?;
    CodeOwners::parse(&text, dialect).map_err(|error| unread(error.to_string()))
}

/// The members of the teams that the rules and the owners of the changed files name.
///
/// # Errors
/// `Invalid` for a team of a rule that the forge does not have; `Limit` for too many.
pub(super) async fn teams(
    cx: &Cx,
    forge: &dyn Forge,
    rules: &[ApprovalConfig],
    owners: Option<&CodeOwners>,
    changed: &[String],
) -> Result<BTreeMap<String, Vec<String>>> {
    let of_rules: BTreeSet<&str> = rules.iter().flat_map(teams_of).map(String::as_str).collect();
    let required = owners.map(|owners| owners.requirements(changed)).unwrap_or_default();
    let named = required.iter().flat_map(|group| &group.owners).filter_map(|owner| match owner {
        // On GitLab a group may have a name without a slash, as people have.
        Owner::Name(name) if name.contains('/') || forge.info().kind == "gitlab" => Some(name.as_str()),
        _ => None,
    });
    let all: BTreeSet<&str> = of_rules.iter().copied().chain(named).collect();
    if all.len() > TEAMS {
        let message = format!("the rules and the owners of the changed files name more than {TEAMS} teams");
        return Err(Error::new(ErrorKind::Limit, message).help("split the request, or name fewer teams"));
    }
    let Some(teams) = forge.teams() else { return Ok(BTreeMap::new()) };
    let mut found = BTreeMap::new();
    for team in all {
        let members = match patiently(cx, || teams.members(cx, team)).await {
            Ok(members) => members,
            Err(error) if error.is_not_found() && of_rules.contains(team) => {
                let message = format!("the forge shows no team `{team}`, which a rule of `approvals` names");
                let help =
                    "correct the rule; a team is `organisation/team`, and the token's account must see it";
                return Err(Error::new(ErrorKind::Invalid, message).help(help));
            }
            // An owner that is no team, or that nobody may see, owns as nobody.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let people = members.into_iter().filter(|member| !member.is_bot);
        found.insert(team.to_owned(), people.map(|member| member.login.to_string()).collect());
    }
    Ok(found)
}

fn teams_of(rule: &ApprovalConfig) -> &[String] {
    match &rule.from {
        Approvers::People { teams, .. } => teams,
        _ => &[],
    }
}
