//! What a reader sees first: what the request comes to, how much it is, and what is risky about it.

use std::fmt::Write;

use super::Markdown;
use super::entry::{more, named};
use super::escape::{cell, code};
use super::section::Section;
use crate::gate::Strictness;
use crate::review::{Attribution, Counts, Item, Part, Review};
use crate::value::Action;

const NAME: usize = 100;
const MESSAGE: usize = 300;

/// How many flags a line explains.
const FLAGS: usize = 3;

/// The verdict and the sums.
pub(super) fn title(markdown: &Markdown<'_>, review: &Review) -> String {
    let counts = review.counts();
    let mut out = format!("## GitOps: {}\n\n", review.outcome());
    let losses = counts.steps().of(Action::Delete) + counts.steps().of(Action::Replace);
    let caution = markdown.flavour.caution().filter(|_| losses > 0);
    out += &caution.map(|caution| format!("{caution}> ")).unwrap_or_default();
    let _ = writeln!(out, "**{}**; {} unchanged.", counts.steps(), counts.unchanged);
    let prefix = if caution.is_some() { "> " } else { "" };
    let _ = writeln!(out, "{prefix}{}\n", causes(&counts));
    if !review.looked_at_targets() {
        out += "**Drift not looked at**: plans compare Git with Git where the target was not read. They can't be approved.\n\n";
    }
    out
}

/// How much has which cause.
fn causes(counts: &Counts) -> String {
    let of = Attribution::ALL.into_iter().map(|attribution| {
        let label = attribution.to_string();
        format!("{label} {}", counts.of(attribution).total())
    });
    let rest = [
        (counts.reported, "drift only reported"),
        (counts.withdrawn, "no longer needed"),
        (counts.blocked, "blocked"),
    ];
    let rest = rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what} {n}"));
    format!("By cause: {}.", of.chain(rest).collect::<Vec<_>>().join(", "))
}

/// The sums of each application, if there are several.
pub(super) fn counts(review: &Review) -> Section {
    let row = |part: &Part| {
        let counts = &part.counts;
        let steps = counts.steps();
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            if part.labels.environment.is_empty() {
                "-".to_owned()
            } else {
                cell(&part.labels.environment, NAME)
            },
            cell(&part.application, NAME),
            steps.delete,
            steps.replace,
            steps.update,
            steps.create,
            counts.existing_drift.total() + counts.reported,
            counts.base_moved.total(),
            counts.blocked,
        )
    };
    let heading = "| Environment | Application | Delete | Replace | Update | Create | Existing drift | Base moved | Blocked |\n\
                   | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    Section { heading, lines: review.parts.iter().map(row).collect(), noun: "applications" }
}

/// The applications that could not be planned.
pub(super) fn failures(review: &Review) -> Section {
    let line = |failure: &crate::review::Failure| {
        format!("- {}: {}\n", code(&failure.application, NAME), code(&failure.message, MESSAGE))
    };
    let lines = review.failures.iter().map(line).collect();
    Section { heading: "### Not planned\n\n", lines, noun: "applications" }
}

/// Everything that is removed, and every grave risk, the gravest first.
pub(super) fn risks(review: &Review) -> Section {
    let of_parts = review.parts.iter().flat_map(|part| {
        part.flags.iter().map(|flag| {
            let (level, rule) = (flag.level, code(&flag.rule, NAME));
            format!(
                "- **{level}** {}: {rule} {}\n",
                code(&part.application, NAME),
                code(&flag.message, MESSAGE)
            )
        })
    });
    let items = review.items();
    let several = review.parts.len() > 1;
    let of_items = items.iter().filter(|(_, item)| item.is_grave()).map(|(part, item)| {
        let application =
            if several { format!(" of {}", code(&part.application, NAME)) } else { String::new() };
        risk(item, &application)
    });
    let lines = of_items.chain(of_parts).collect();
    Section { heading: "### Risks\n\n", lines, noun: "risks" }
}

fn risk(item: &Item, application: &str) -> String {
    let level = item.level().map(|level| format!("**{level}** ")).unwrap_or_default();
    let action = item.loss().unwrap_or(item.step.action);
    let within = if action == item.step.action { "" } else { "in " };
    let flags = item.flags.iter().take(FLAGS);
    let flags = flags.map(|flag| format!("{} {}", code(&flag.rule, NAME), code(&flag.message, MESSAGE)));
    let flags: Vec<String> = flags.collect();
    let colon = if flags.is_empty() { "" } else { ": " };
    let rest = more(item.flags.len(), FLAGS);
    format!(
        "- {level}{action} {within}{}{application} ({}){colon}{}{rest}\n",
        named(&item.step.key),
        item.attribution,
        flags.join("; ")
    )
}

/// What the gates say of each application.
pub(super) fn policy(review: &Review) -> Section {
    let of_part = |part: &'_ Part| {
        let application = code(&part.application, NAME);
        let lines = part.verdict.each().map(|(own, note)| {
            let word = match own {
                Strictness::Warn if note.approved_by.is_some() => "approved",
                Strictness::Warn => "warning",
                Strictness::NeedsApproval => "needs approval",
                Strictness::Deny => "denied",
            };
            format!(
                "- **{word}** {application}: {} {}\n",
                code(&note.gate, NAME),
                code(&note.message, MESSAGE)
            )
        });
        lines.collect::<Vec<_>>()
    };
    let lines = review.parts.iter().flat_map(of_part).collect();
    Section { heading: "### Policy\n\n", lines, noun: "messages" }
}

/// Which approvals are needed, and which are there.
pub(super) fn approvals(review: &Review) -> Section {
    let of_part = |part: &'_ Part| {
        let application = code(&part.application, NAME);
        let standings = part.approvals.iter();
        let rules = standings.clone().flat_map(|standing| &standing.rules).map(|rule| {
            let mark = if rule.is_met() { "met" } else { "open" };
            format!("- **{mark}** {application}: {}\n", code(&rule.to_string(), MESSAGE))
        });
        let discounted = standings
            .clone()
            .flat_map(|standing| &standing.discounted)
            .map(|vote| format!("- {application}: not counted: {}: {}\n", code(&vote.by, NAME), vote.why));
        let again = standings.flat_map(|standing| &standing.asks_again_for).map(|path| {
            format!("- {application}: asked again after the merge, because {} changes\n", code(path, NAME))
        });
        rules.chain(discounted).chain(again).collect::<Vec<_>>()
    };
    let lines = review.parts.iter().flat_map(of_part).collect();
    Section { heading: "### Approvals\n\n", lines, noun: "lines" }
}

/// How the comment was shortened.
pub(super) fn shortened(paths: usize, named: usize, counted: usize, is_linked: bool) -> String {
    if [paths, named, counted] == [0, 0, 0] {
        return String::new();
    }
    let full = if is_linked { " The full plan has everything." } else { "" };
    format!(
        "_Shortened: {paths} shown without values, {named} by name only, {counted} only counted.{full}_\n\n"
    )
}
