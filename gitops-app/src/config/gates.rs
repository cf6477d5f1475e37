//! Rules that plans must pass, as CEL expressions.

use gitops_core::Verdict;
use gitops_core::gate::cel::{CelGate, Expression};

use super::node::{Node, Place};
use super::plain_name;
use super::reader::Reader;

const KEYS: [&str; 4] = ["name", "rule", "otherwise", "message"];

const EXAMPLE: &str = "- { name: few, rule: plan.delete < 3, otherwise: deny }";

/// What a gate says of a plan for which its rule does not hold.
#[derive(Clone, Copy)]
enum Otherwise {
    Warn,
    NeedsApproval,
    Deny,
}

/// The list under `gates`.
pub fn read(reader: &Reader, node: &Node) -> Vec<CelGate> {
    let items = reader.items(node, "`gates`", &format!("write `{EXAMPLE}` in a line of its own"));
    items.iter().filter_map(|item| gate(reader, item, item.place)).collect()
}

fn gate(reader: &Reader, node: &Node, owner: Place) -> Option<CelGate> {
    let fields = reader.fields(node, "a gate", owner, &KEYS)?;
    let name = fields.require("name", "name: few-deletes").and_then(|(_, node)| {
        let name = reader.text(node, "`name`")?;
        plain_name(reader, "a gate's `name`", &name, node.place).then_some(name)
    });
    let rule = fields.require("rule", "rule: plan.delete < 3").and_then(|(_, node)| rule(reader, node));
    let verdicts =
        [("warn", Otherwise::Warn), ("needs-approval", Otherwise::NeedsApproval), ("deny", Otherwise::Deny)];
    let otherwise = fields
        .require("otherwise", "otherwise: deny")
        .and_then(|(_, node)| reader.one_of(node, "`otherwise`", &verdicts));
    let message = fields.get("message").map(|(_, node)| reader.text(node, "`message`"));
    let (name, rule, otherwise) = (name?, rule?, otherwise?);
    let message = match message {
        Some(message) => message?,
        None => format!("the rule does not hold: {}", rule.text()),
    };
    let verdict = match otherwise {
        Otherwise::Warn => Verdict::warn(&name, message),
        Otherwise::NeedsApproval => Verdict::needs_approval(&name, message),
        Otherwise::Deny => Verdict::deny(&name, message),
    };
    Some(CelGate::new(name, rule, verdict))
}

fn rule(reader: &Reader, node: &Node) -> Option<Expression> {
    let text = reader.text(node, "`rule`")?;
    let help = "write a CEL expression that is true for a plan that may pass, such as `plan.delete < 3`";
    let known = |rule: Expression| CelGate::check_names(&rule).map(|()| rule);
    Expression::parse(&text)
        .and_then(known)
        .map_err(|error| {
            let help = error.help_text().unwrap_or(help).to_owned();
            reader.fault("GO0110", node.place, error.message().to_owned(), &help);
        })
        .ok()
}
