use std::fmt::Write;

use super::text::{cut, object};
use super::{Attribution, Flag, Item, Part, Review, hunk};
use crate::gate::Strictness;
use crate::value::text::on_one_line;

/// How long a message is at most, in bytes.
const MESSAGE: usize = 1_000;

/// A review as plain text, with everything that is known, the gravest first.
///
/// Control characters in names and values are written out, so that they can't rewrite a screen. There is no colour and no
/// limit: a log is not a comment.
pub fn plain(review: &Review) -> String {
    let counts = review.counts();
    let mut out =
        format!("Review: {}\n{}; {} unchanged\n", review.outcome(), counts.steps(), counts.unchanged);
    for attribution in Attribution::ALL {
        let n = counts.of(attribution).total();
        if n > 0 {
            let _ = writeln!(out, "  {attribution}: {n}");
        }
    }
    if !review.looked_at_targets() {
        out += "Drift not looked at: plans compare Git with Git where the target was not read. They can't be approved.\n";
    }
    for failure in &review.failures {
        let _ = writeln!(out, "\nnot planned: {}: {}", line(&failure.application), line(&failure.message));
    }
    review.parts.iter().for_each(|part| out += &of_part(part));
    out
}

fn line(text: &str) -> String {
    cut(&on_one_line(text), MESSAGE)
}

fn of_part(part: &Part) -> String {
    let environment = match part.labels.environment.as_str() {
        "" => String::new(),
        environment => format!(" ({})", line(environment)),
    };
    let (head, base) = (&part.head, &part.base);
    let mut out = format!(
        "\n{}{environment}: {}\n  {}, target branch: {}, effect {}\n",
        line(&part.application),
        part.counts.steps(),
        head.words(&head.revision.to_string(), line),
        base.words(&base.revision.to_string(), line),
        part.effect.name()
    );
    part.flags.iter().for_each(|flag| out += &flagged(flag));
    for blocked in &part.blocked {
        let also =
            if blocked.attribution == Attribution::ThisChange { "" } else { ", on the target branch too" };
        let _ = writeln!(out, "  blocked  {}{also}: {}", line(&object(&blocked.key)), line(&blocked.why));
    }
    part.items.iter().for_each(|item| out += &of_item(item));
    for gone in &part.withdrawn {
        let _ = writeln!(
            out,
            "  no longer needed ({}): {} {}",
            gone.attribution,
            gone.action,
            line(&object(&gone.key))
        );
    }
    for (own, note) in part.verdict.each() {
        let word = match own {
            Strictness::Warn if note.approved_by.is_some() => "Approved",
            Strictness::Warn => "Warning",
            Strictness::NeedsApproval => "Needs an approval",
            Strictness::Deny => "Denied",
        };
        let _ = writeln!(out, "  {word}: {}", line(&note.to_string()));
    }
    for rule in part.approvals.iter().flat_map(|standing| &standing.rules) {
        let _ = writeln!(out, "  Approval: {}", line(&rule.to_string()));
    }
    out
}

fn of_item(item: &Item) -> String {
    let step = &item.step;
    let reported = if item.is_reported_only { ", only reported" } else { "" };
    let moved = if item.base_moved { ", base moved too" } else { "" };
    let drifted = if item.drifted { ", existing drift too" } else { "" };
    let place =
        step.provenance.as_ref().map(|place| format!("  {}", line(&place.to_string()))).unwrap_or_default();
    let mut out = format!(
        "  {:<3}  {}  {} in {}: {} ({}{reported}{moved}{drifted}){place}\n",
        step.action.symbol(),
        step.action,
        line(&object(&step.key)),
        line(step.key.target()),
        line(&step.reason.to_string()),
        item.attribution,
    );
    item.flags.iter().for_each(|flag| out.extend(["     ", &flagged(flag)]));
    for hunk in hunk::lines(step, hunk::HunkLimits::NONE) {
        let _ = writeln!(out, "       {} {}", hunk.sign, hunk.text);
    }
    out
}

fn flagged(flag: &Flag) -> String {
    format!("  ! {} {}: {}\n", flag.level, line(&flag.rule), line(&flag.message))
}
