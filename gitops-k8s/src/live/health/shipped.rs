//! The rules that are shipped, for kinds of well-known projects: one file a project in `rules/`, from the projects' own
//! API documentation. Each has cases of its own in `rules/cases/`.

mod files;

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use gitops_core::GroupKind;
use gitops_core::gate::cel::Expression;

use super::HealthRule;
use crate::yaml::{self, Data, Dialect, Node, YamlLimits};
use files::FILES;

/// One rule as a file has it; parsed when its first kind is met.
struct Written {
    #[cfg(test)]
    kinds: String,
    suspended: Option<String>,
    in_progress: Option<String>,
    failed: Option<String>,
    current: String,
    unproven: Option<String>,
    parsed: OnceLock<HealthRule>,
}

/// All rules, and which kinds they are for.
struct Shipped {
    rules: Vec<Written>,
    /// By group and kind; the kind may be `*`.
    exact: BTreeMap<(String, String), usize>,
    /// By the end of a group and a kind: of projects that have a group for each of their services.
    endings: Vec<(String, String, usize)>,
}

static SHIPPED: LazyLock<Shipped> = LazyLock::new(Shipped::read);

/// The rule for a kind, if one is shipped: its own before that of its group, and that of its group before that of groups.
pub(super) fn rule(group: &str, kind: &str) -> Option<&'static HealthRule> {
    SHIPPED.find(group, kind).map(Written::parsed)
}

impl Shipped {
    fn read() -> Self {
        let mut shipped = Self { rules: Vec::new(), exact: BTreeMap::new(), endings: Vec::new() };
        for (name, text) in FILES {
            let documents = yaml::read(name, text.as_bytes(), Dialect::KyamlV3, &YamlLimits::default());
            let documents = documents.expect("tests read every file");
            documents.iter().flat_map(|document| items(&document.root)).for_each(|item| shipped.add(item));
        }
        shipped
    }

    fn find(&self, group: &str, kind: &str) -> Option<&Written> {
        let exact = |kind: &str| self.exact.get(&(group.to_owned(), kind.to_owned()));
        let ending = |kind: &str| {
            let fits = |(end, of, _): &&(String, String, usize)| group.ends_with(end.as_str()) && of == kind;
            self.endings.iter().find(fits).map(|(.., rule)| rule)
        };
        let found = exact(kind).or_else(|| exact("*")).or_else(|| ending(kind)).or_else(|| ending("*"))?;
        Some(&self.rules[*found])
    }

    fn add(&mut self, item: &Node) {
        let rule = self.rules.len();
        for name in item.get("kinds").map(items).into_iter().flatten().filter_map(Node::as_text) {
            let (kind, group) = name.split_once('.').expect("tests read every name");
            match group.strip_prefix('*') {
                Some(end) => self.endings.push((end.to_owned(), kind.to_owned(), rule)),
                None => drop(self.exact.insert((group.to_owned(), kind.to_owned()), rule)),
            }
        }
        let text = |name: &str| item.get(name).and_then(Node::as_text).map(str::to_owned);
        self.rules.push(Written {
            #[cfg(test)]
            kinds: item
                .get("kinds")
                .map(items)
                .into_iter()
                .flatten()
                .filter_map(Node::as_text)
                .collect::<Vec<_>>()
                .join(", "),
            suspended: text("suspended"),
            in_progress: text("in_progress"),
            failed: text("failed"),
            current: text("current").expect("tests read every rule"),
            unproven: text("unproven"),
            parsed: OnceLock::new(),
        });
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.data {
        Data::List(items) => items,
        _ => &[],
    }
}

impl Written {
    fn parsed(&self) -> &HealthRule {
        self.parsed.get_or_init(|| {
            let parse = |text: &String| Expression::parse(text).expect("tests parse every rule");
            let rule = HealthRule::of(GroupKind::new("", "*"), parse(&self.current));
            let rule = self.suspended.iter().map(parse).fold(rule, HealthRule::suspended);
            let rule = self.in_progress.iter().map(parse).fold(rule, HealthRule::in_progress);
            let rule = self.failed.iter().map(parse).fold(rule, HealthRule::failed);
            self.unproven.iter().map(parse).fold(rule, HealthRule::unproven)
        })
    }
}

#[cfg(test)]
mod tests;
