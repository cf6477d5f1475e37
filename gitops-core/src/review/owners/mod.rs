//! Who owns which files: a CODEOWNERS file, in GitHub's syntax, GitLab's or Gitea's.

mod expression;
mod line;
mod pattern;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use line::{Line, read};
use pattern::Patterns;

/// How long a file may be; GitHub ignores a longer one.
const BYTES: usize = 3 << 20;

/// How many rules a file may have.
const RULES: usize = 10_000;

/// How many faults are reported.
const FAULTS: usize = 20;

/// Whose syntax a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// GitHub: the last matching rule of the file counts.
    GitHub,
    /// GitLab: the last matching rule of each section counts; sections can be optional and ask for several approvals.
    GitLab,
    /// Gitea and Forgejo: patterns are regular expressions, and every rule that fits counts, each by itself.
    Gitea,
}

/// The owners of files.
///
/// Patterns are those of `.gitignore`: with a slash at the beginning they begin at the root, with one at the end they
/// stand for everything below a folder, `*` ends at a slash and `**` does not. On GitHub a slash within a pattern binds
/// it to the root too; on GitLab it does not.
///
/// On Gitea a pattern is a regular expression of the whole path from the root, and `!` before a pattern stands for all files that it does not fit. `\` takes the meaning of the next character away, so that an expression
/// has two where it means one. What Gitea's expressions have and this does not read, such as a look ahead, is a fault.
///
/// ```
/// use gitops_core::review::owners::{CodeOwners, Dialect};
/// let owners = CodeOwners::parse("*  @acme/platform\n/shop/  @alice @bob\n", Dialect::GitHub)?;
/// let needed = owners.requirements(&["shop/web.yaml".to_owned()]);
/// assert_eq!(needed[0].owners[0].to_string(), "@alice");
/// # Ok::<(), gitops_core::review::owners::OwnersError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CodeOwners {
    sections: Vec<Section>,
}

/// An owner: an account or a team, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Owner {
    /// An account, or a team as `organisation/team`.
    Name(String),
    /// The address of an account.
    Email(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "@{name}"),
            Self::Email(email) => f.write_str(email),
        }
    }
}

/// A group of owners of whom some must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Requirement {
    /// The section and the pattern, for people.
    pub name: String,
    /// The owners.
    pub owners: Vec<Owner>,
    /// How many of them must approve.
    pub needed: usize,
}

/// A file with lines that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct OwnersError(Vec<OwnersFault>);

impl OwnersError {
    /// The faults, in the order of their lines; at most 20.
    pub fn faults(&self) -> &[OwnersFault] {
        &self.0
    }
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CODEOWNERS line {line}: {message}")]
#[non_exhaustive]
pub struct OwnersFault {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Rules that stand under one heading.
#[derive(Clone, Debug)]
struct Section {
    name: String,
    needed: usize,
    dialect: Dialect,
    patterns: Patterns,
    rules: Vec<Rule>,
}

/// The owners of what a pattern fits; nobody for a rule that takes files out.
#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    owners: Vec<Owner>,
    is_exclusion: bool,
}

impl CodeOwners {
    /// Reads a file.
    ///
    /// A line that can't be read is a fault of the file, where forges pass over it: a rule that somebody relies on would
    /// be missing.
    ///
    /// # Errors
    /// Every line that can't be read, up to 20; a file that is too long or has too many rules.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, OwnersError> {
        let whole = |message: String| OwnersError(vec![OwnersFault { line: 0, message }]);
        if text.len() > BYTES {
            return Err(whole(format!("the file has more than {BYTES} bytes")));
        }
        let mut sections = vec![Draft::new(String::new(), 1, Vec::new())];
        let (mut faults, mut rules) = (Vec::new(), 0);
        for (nth, line) in text.lines().enumerate() {
            match read(line, dialect) {
                Ok(Line::Empty) => {}
                Ok(Line::Section { name, needed, owners }) => open(&mut sections, name, needed, owners),
                Ok(Line::Rule { pattern, owners, is_exclusion }) => {
                    rules += 1;
                    let section = sections.last_mut().expect("there is always a section");
                    let owners = match owners.is_empty() && !is_exclusion {
                        true => section.owners.clone(),
                        false => owners,
                    };
                    section.rules.push(Rule { pattern, owners, is_exclusion });
                }
                Err(message) => faults.push(OwnersFault { line: nth + 1, message }),
            }
            if faults.len() == FAULTS {
                break;
            }
        }
        if rules > RULES {
            return Err(whole(format!("the file has more than {RULES} rules")));
        }
        if !faults.is_empty() {
            return Err(OwnersError(faults));
        }
        let finish = |draft: Draft| draft.finish(dialect).map_err(whole);
        Ok(Self { sections: sections.into_iter().map(finish).collect::<Result<_, _>>()? })
    }

    /// The groups of owners who must approve a change of some files, each once, in the order of the file.
    pub fn requirements(&self, changed: &[String]) -> Vec<Requirement> {
        let mut found: BTreeMap<(usize, usize), Requirement> = BTreeMap::new();
        for path in changed {
            for (at, section) in self.sections.iter().enumerate() {
                for rule in section.rules_of(path) {
                    if let Some(requirement) = section.requirement(rule) {
                        found.entry((at, rule)).or_insert(requirement);
                    }
                }
            }
        }
        found.into_values().collect()
    }
}

/// Begins a section, or goes on with one of the same name.
fn open(sections: &mut Vec<Draft>, name: String, needed: usize, owners: Vec<Owner>) {
    match sections.iter().position(|section| section.name.eq_ignore_ascii_case(&name)) {
        Some(at) => {
            let known = sections.remove(at);
            let owners = if owners.is_empty() { known.owners } else { owners };
            sections.push(Draft { needed: known.needed.max(needed), owners, ..known });
        }
        None => sections.push(Draft::new(name, needed, owners)),
    }
}

/// A section while it is read.
struct Draft {
    name: String,
    needed: usize,
    owners: Vec<Owner>,
    rules: Vec<Rule>,
}

impl Draft {
    fn new(name: String, needed: usize, owners: Vec<Owner>) -> Self {
        Self { name, needed, owners, rules: Vec::new() }
    }

    fn finish(self, dialect: Dialect) -> Result<Section, String> {
        let patterns = Patterns::new(self.rules.iter().map(|rule| rule.pattern.as_str()), dialect)?;
        Ok(Section { name: self.name, needed: self.needed, dialect, patterns, rules: self.rules })
    }
}

impl Section {
    /// The rules that count for a path: the last one that fits, unless a rule takes the path out of the section; on Gitea all
    /// that fit.
    fn rules_of(&self, path: &str) -> Vec<usize> {
        let mut fitting = self.patterns.fitting(path);
        if self.dialect == Dialect::Gitea {
            return fitting;
        }
        let is_out = fitting.iter().any(|rule| self.rules[*rule].is_exclusion);
        fitting.drain(..fitting.len().saturating_sub(usize::from(!is_out)));
        fitting
    }

    /// Who must approve where a rule counts, if anybody must.
    fn requirement(&self, rule: usize) -> Option<Requirement> {
        let Rule { pattern, owners, .. } = &self.rules[rule];
        if self.needed == 0 || owners.is_empty() {
            return None;
        }
        let name = if self.name.is_empty() { pattern.clone() } else { format!("{}: {pattern}", self.name) };
        Some(Requirement { name, owners: owners.clone(), needed: self.needed })
    }
}

#[cfg(test)]
mod tests;
