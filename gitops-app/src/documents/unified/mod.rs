//! What differs between two values, as a unified diff of their YAML.

mod parts;
mod sides;

pub use parts::{Part, parts};
pub use sides::sides;

use gitops_core::Value;
use similar::{ChangeTag, DiffTag, TextDiff};

use super::yaml;

/// How many lines are compared of each side, and shown of one.
const LINES: usize = 5_000;

/// How many characters of the place of a hunk are shown.
const PLACE: usize = 60;

/// One line of a unified diff, without the sign that it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub sign: Sign,
    /// Its text, as it is in the value: not yet safe to show.
    pub text: String,
}

/// What a line of a unified diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sign {
    /// The head of a hunk: the lines of both sides, and where they are.
    Hunk,
    /// A line of both sides.
    Same,
    /// A line that is live and not declared.
    Removed,
    /// A line that is declared and not live.
    Added,
    /// How many lines are not shown.
    More,
}

impl Sign {
    /// What a line begins with.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Hunk => "@@ ",
            Self::Same => " ",
            Self::Removed => "-",
            Self::Added => "+",
            Self::More => "\\ ",
        }
    }
}

/// Both sides have more lines than are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The lines of the first one.
    pub before: usize,
    /// The lines of the second one.
    pub after: usize,
}

/// The lines in which two values differ, with so many equal ones around them; none if they are equal. Of what comes or goes as a
/// whole, the first 5,000 lines are given.
///
/// # Errors
/// Both sides have more than 5,000 lines: they would take too long to compare.
pub fn unified(before: Option<&Value>, after: Option<&Value>, context: usize) -> Result<Vec<Line>, TooLong> {
    let lines = |side: Option<Value>| side.as_ref().map(yaml::lines).unwrap_or_default();
    let after = after.map(|after| match before {
        Some(before) => sides::cleared(before, after),
        None => after.shown(),
    });
    let (before, after) = (lines(before.map(Value::shown)), lines(after));
    if before.len() > LINES && after.len() > LINES {
        return Err(TooLong { before: before.len(), after: after.len() });
    }
    if before.is_empty() || after.is_empty() {
        return Ok(whole(before, after));
    }
    let texts = |lines: &[String]| lines.iter().map(|line| line.clone() + "\n").collect::<String>();
    let (old, new) = (texts(&before), texts(&after));
    let diff = TextDiff::from_lines(&old, &new);
    let mut found = Vec::new();
    for hunk in diff.unified_diff().context_radius(context).iter_hunks() {
        let header = hunk.header().to_string();
        let changed = hunk.ops().iter().find(|op| op.tag() != DiffTag::Equal);
        let place = changed.map(|op| match op.old_range().is_empty() {
            true => place(&after, op.new_range().start),
            false => place(&before, op.old_range().start),
        });
        found.push(head(header.trim_matches(['@', ' ']), &place.unwrap_or_default()));
        found.extend(hunk.iter_changes().map(|change| {
            let sign = match change.tag() {
                ChangeTag::Equal => Sign::Same,
                ChangeTag::Insert => Sign::Added,
                ChangeTag::Delete => Sign::Removed,
            };
            Line { sign, text: change.value().trim_end_matches('\n').to_owned() }
        }));
    }
    Ok(found)
}

fn head(numbers: &str, place: &str) -> Line {
    Line { sign: Sign::Hunk, text: format!("{numbers} @@ {place}").trim_end().to_owned() }
}

/// What comes or goes as a whole.
fn whole(before: Vec<String>, after: Vec<String>) -> Vec<Line> {
    let (sign, lines, numbers) = match after.is_empty() {
        true => (Sign::Removed, &before, format!("-1,{} +0,0", before.len())),
        false => (Sign::Added, &after, format!("-0,0 +1,{}", after.len())),
    };
    if lines.is_empty() {
        return Vec::new();
    }
    let more = lines.len().saturating_sub(LINES);
    let more = (more > 0).then(|| Line { sign: Sign::More, text: format!("{more} more lines") });
    let shown = lines.iter().take(LINES).map(|text| Line { sign, text: text.clone() });
    std::iter::once(head(&numbers, "")).chain(shown).chain(more).collect()
}

/// What a line is in: the names above it, each less indented than the one below.
fn place(lines: &[String], at: usize) -> String {
    let mut depth = lines.get(at).map_or(0, |line| indent(line));
    let mut names = Vec::new();
    for line in lines[..at.min(lines.len())].iter().rev().filter(|line| !line.is_empty()) {
        if depth == 0 {
            break;
        }
        if indent(line) < depth {
            depth = indent(line);
            names.extend(name(line));
        }
    }
    names.reverse();
    let place = names.join(".");
    match place.char_indices().nth(PLACE) {
        Some((end, _)) => format!("{}…", &place[..end]),
        None => place,
    }
}

/// How far a line is indented. An item of a list is deeper than the list's name, though it begins below it.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// The name that a line gives to the lines below it.
fn name(line: &str) -> Option<&str> {
    let line = line.trim_start_matches([' ', '-']);
    line.strip_suffix(':').or_else(|| line.rsplit_once(": |").map(|(name, _)| name))
}

#[cfg(test)]
mod tests;
