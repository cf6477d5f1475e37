//! What a reader does next, and the names by which plans and effects are known.

use super::Markdown;
use super::escape::code;
use super::section::Section;
use crate::review::{Outcome, Part, Review};
use crate::source::Commit;

const NAME: usize = 100;
const SUMMARY: usize = 120;

/// The commands that make sense now.
pub(super) fn commands(markdown: &Markdown<'_>, review: &Review) -> Section {
    let prefix = markdown.flavour.command_prefix();
    let line =
        |command: &str, what: &str| format!("- {} {what}\n", code(&format!("{prefix}{command}"), NAME));
    let effect = review.effect().name();
    let mut lines = vec![line("plan", "plans again")];
    match review.outcome() {
        Outcome::NeedsApproval if review.looked_at_targets() => {
            lines.push(line(&format!("approve {effect}"), "approves exactly this effect"));
        }
        Outcome::Ready | Outcome::Approved => {
            lines.push(line("apply", "after the merge: has it applied at once"));
        }
        _ => {}
    }
    lines.push(line("why OBJECT", "says what becomes of an object and why"));
    let lines = if markdown.has_commands { lines } else { Vec::new() };
    Section { heading: "### Commands\n\n", lines, noun: "commands" }
}

/// The plans that were compared.
pub(super) fn plans(review: &Review) -> Section {
    let line = |part: &Part| {
        format!(
            "- {}: {}, target branch: {}, effect {}\n",
            code(&part.application, NAME),
            part.head.words(part.head.revision.short(), |word| code(word, NAME)),
            part.base.words(part.base.revision.short(), |word| code(word, NAME)),
            code(&part.effect.name(), NAME),
        )
    };
    Section { heading: "### Plans\n\n", lines: review.parts.iter().map(line).collect(), noun: "plans" }
}

/// The commits of the request, the newest first.
pub(super) fn commits(commits: &[Commit]) -> Section {
    let line = |commit: &Commit| {
        let id = commit.id.get(..12).unwrap_or(&commit.id);
        format!(
            "- {} {}: {}\n",
            code(id, NAME),
            code(name(&commit.author), NAME),
            code(&commit.summary, SUMMARY)
        )
    };
    Section { heading: "### Commits\n\n", lines: commits.iter().map(line).collect(), noun: "commits" }
}

/// The author without the address.
fn name(author: &str) -> &str {
    match author.split_once('<') {
        Some((name, _)) if !name.trim().is_empty() => name.trim(),
        _ => author,
    }
}

/// The effect as a whole, and where the full plan is.
pub(super) fn identity(markdown: &Markdown<'_>, review: &Review) -> String {
    let link = markdown.full_plan.as_ref().map(|link| {
        format!("[Full plan](<{}>), BLAKE3 {}\n\n", link.url(), code(&link.digest().to_string(), NAME))
    });
    format!("Effect {}\n\n{}", code(&review.effect().to_string(), NAME), link.unwrap_or_default())
}
