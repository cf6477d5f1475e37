//! Who must approve what a request would do.

use std::time::Duration;

use gitops_core::review::approval::{ApprovalRule, From, PatternError};
use gitops_core::review::{RiskLevel, Rules};
use serde::Serialize;

use super::node::{Node, Place, Shape};
use super::reader::Reader;
use super::{duration_of, plain_name, suggest};

/// How many people must approve what, and who they may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApprovalConfig {
    /// The rule's name.
    pub name: String,
    /// How many people must approve; of owners, how many of each group.
    pub needs: usize,
    /// Who they may be.
    pub from: Approvers,
    /// The environments that it is for; all if none.
    pub environments: Vec<String>,
    /// The kinds of objects that it is about; all if none.
    pub kinds: Vec<String>,
    /// From which risk on it applies.
    pub risk: Option<RiskLevel>,
    /// The risks that it is about, by the names of their rules; all if none.
    pub risks: Vec<String>,
    /// How long an approval is valid.
    pub valid_for: Option<Duration>,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Approvers {
    /// Whoever may write to the repository.
    Writers,
    /// These accounts, and the members of these teams.
    People {
        /// The accounts.
        people: Vec<String>,
        /// The teams, as `organisation/team`.
        teams: Vec<String>,
    },
    /// The owners of the files that change.
    CodeOwners {
        /// The file from the root of the repository; where the forge has it, if nothing.
        file: Option<String>,
    },
}

impl ApprovalConfig {
    /// The rule.
    ///
    /// # Errors
    /// A pattern of kinds that can't be used; there is none in a configuration that was read.
    pub fn rule(&self) -> Result<ApprovalRule, PatternError> {
        let from = match &self.from {
            Approvers::Writers => From::Writers,
            Approvers::People { people, teams } => From::people(people, teams),
            Approvers::CodeOwners { .. } => From::CodeOwners,
        };
        let rule = ApprovalRule::new(&self.name, self.needs).from(from);
        let rule = self.environments.iter().fold(rule, ApprovalRule::in_environment);
        let rule = self.risks.iter().fold(rule, ApprovalRule::on_risk);
        let rule = self.risk.into_iter().fold(rule, ApprovalRule::at_risk);
        let rule = self.valid_for.into_iter().fold(rule, ApprovalRule::valid_for);
        match self.kinds.is_empty() {
            true => Ok(rule),
            false => rule.of_kinds(&self.kinds),
        }
    }
}

const KEYS: [&str; 8] = ["name", "needs", "from", "environments", "kinds", "risk", "risks", "valid_for"];

const EXAMPLE: &str = "- { name: production, needs: 2, environments: [production] }";

/// The most people that a rule may ask for.
const MOST: u64 = 100;

/// The list under `approvals`.
pub fn read(reader: &Reader, node: &Node) -> Vec<ApprovalConfig> {
    let items = reader.items(node, "`approvals`", &format!("write `{EXAMPLE}` in a line of its own"));
    let found: Vec<ApprovalConfig> = items.iter().filter_map(|item| rule(reader, item, item.place)).collect();
    let files = found.iter().filter_map(|rule| match &rule.from {
        Approvers::CodeOwners { file } => Some(file),
        _ => None,
    });
    let mut files: Vec<&Option<String>> = files.collect();
    files.dedup();
    if files.len() > 1 {
        let help = "name one file in all of them, or none";
        reader.fault("GO0112", node.place, "the rules name several files of code owners", help);
    }
    found
}

fn rule(reader: &Reader, node: &Node, owner: Place) -> Option<ApprovalConfig> {
    let fields = reader.fields(node, "a rule of `approvals`", owner, &KEYS)?;
    let name = fields.require("name", "name: production").and_then(|(_, node)| {
        let name = reader.text(node, "`name`")?;
        plain_name(reader, "a rule's `name`", &name, node.place).then_some(name)
    });
    let needs = fields.get("needs").map(|(_, node)| needed(reader, node));
    let from = fields.limit("from").map(|(place, node)| approvers(reader, node, place));
    let texts = |key: &str| {
        let found = fields.limit(key).map(|(_, node)| reader.texts(node, &format!("`{key}`")));
        found.unwrap_or_default()
    };
    let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];
    let words = levels.map(|level| (level.to_string(), level));
    let words: Vec<(&str, RiskLevel)> = words.iter().map(|(word, level)| (word.as_str(), *level)).collect();
    let risk = fields.get("risk").map(|(_, node)| reader.one_of(node, "`risk`", &words));
    let risks = fields.limit("risks").map(|(_, node)| risks(reader, node)).unwrap_or_default();
    let rule = ApprovalConfig {
        environments: fields
            .limit("environments")
            .map(|(_, node)| reader.environments(node))
            .unwrap_or_default(),
        kinds: texts("kinds"),
        risks,
        valid_for: duration_of(reader, &fields, "valid_for"),
        name: name?,
        needs: needs.unwrap_or(Some(1))?,
        from: from.unwrap_or(Some(Approvers::Writers))?,
        risk: risk.map_or(Some(None), |risk| risk.map(Some))?,
    };
    match rule.rule() {
        Ok(_) => Some(rule),
        Err(error) => {
            let place = fields.get("kinds").map_or(owner, |(_, node)| node.place);
            let help = "write kinds such as `Namespace` or `*.rbac.authorization.k8s.io`";
            reader.fault("GO0110", place, error.to_string(), help);
            None
        }
    }
}

fn needed(reader: &Reader, node: &Node) -> Option<usize> {
    let number = reader.amount(node, "`needs`")?;
    if number > MOST {
        let message = format!("`needs` is {number}, and may be {MOST} at most");
        reader.fault("GO0110", node.place, message, "write how many people must approve");
        return None;
    }
    usize::try_from(number).ok()
}

/// The risks are those that a review finds: a name that is none of them would keep the rule from ever applying.
fn risks(reader: &Reader, node: &Node) -> Vec<String> {
    let rules = Rules::default();
    let known: Vec<&str> = rules.iter().map(gitops_core::review::Rule::name).collect();
    let items = reader.items(node, "`risks`", "write a list such as `[delete, access]`");
    let texts = items.iter().filter_map(|item| Some((item.place, reader.text(item, "`risks`")?)));
    let is_known = |(place, name): &(Place, String)| {
        let is_known = known.contains(&name.as_str());
        if !is_known {
            let message = format!("there is no risk `{name}`");
            reader.fault("GO0110", *place, message, suggest::suggestion(name, &known));
        }
        is_known
    };
    texts.filter(is_known).map(|(_, name)| name).collect()
}

/// Who may approve: `code-owners`, `{ code_owners: FILE }`, or people and teams.
fn approvers(reader: &Reader, node: &Node, owner: Place) -> Option<Approvers> {
    if matches!(node.shape, Shape::Text(_)) {
        return reader
            .one_of(node, "`from`", &[("code-owners", ())])
            .map(|()| Approvers::CodeOwners { file: None });
    }
    let fields = reader.fields(node, "`from`", owner, &["people", "teams", "code_owners"])?;
    if let Some((place, node)) = fields.get("code_owners") {
        if let Some((place, _)) = fields.get("people").or(fields.get("teams")) {
            let message = "`from` has `code_owners` and names people; only one can hold";
            reader.fault("GO0112", place, message, "write two rules: both must be met");
            return None;
        }
        return code_owners(reader, node, place);
    }
    let texts = |key: &str| {
        let found = fields.limit(key).map(|(_, node)| reader.texts(node, &format!("`{key}`")));
        found.unwrap_or_default()
    };
    let without_at = |name: String| name.strip_prefix('@').map_or(name.clone(), str::to_owned);
    let people: Vec<String> = texts("people").into_iter().map(without_at).collect();
    let teams: Vec<String> = texts("teams").into_iter().map(without_at).collect();
    Some(Approvers::People { people, teams })
}

fn code_owners(reader: &Reader, node: &Node, place: Place) -> Option<Approvers> {
    let file = reader.text(node, "`code_owners`")?;
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if !file.split('/').all(is_plain) {
        let message = "`code_owners` must be a path from the root of the repository";
        reader.fault("GO0110", place, message, "write it as `docs/CODEOWNERS`");
        return None;
    }
    Some(Approvers::CodeOwners { file: Some(file) })
}
