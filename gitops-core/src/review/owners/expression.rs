//! The patterns of Gitea: regular expressions, each of a whole path.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};

/// How large one expression may be once it is compiled, and all of them.
const ONE: usize = 256 << 10;
const ALL: usize = 16 << 20;

/// The expressions of a file, in its order.
#[derive(Clone, Debug)]
pub(super) struct Expressions {
    set: RegexSet,
    /// Which of them stand for every path that they do not fit.
    negated: Vec<bool>,
}

impl Expressions {
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (mut expressions, mut negated) = (Vec::new(), Vec::new());
        for pattern in patterns {
            expressions.push(whole(pattern));
            negated.push(pattern.starts_with('!'));
        }
        let set = RegexSetBuilder::new(expressions).size_limit(ALL).build();
        let set = set.map_err(|error| format!("the patterns: {}", last_line(&error)))?;
        Ok(Self { set, negated })
    }

    /// The rules that fit a path, in order.
    pub(super) fn fitting(&self, path: &str) -> Vec<usize> {
        let fits = self.set.matches(path);
        (0..self.negated.len()).filter(|rule| fits.matched(*rule) != self.negated[*rule]).collect()
    }
}

/// The expression as Gitea makes it: without a group, so that the ends bind to the first and to the last alternative.
fn whole(pattern: &str) -> String {
    format!("^{}$", expression(pattern))
}

/// A path begins at the root without a slash, and a pattern may have one there.
fn expression(pattern: &str) -> &str {
    let expression = pattern.strip_prefix('!').unwrap_or(pattern);
    expression.strip_prefix('/').unwrap_or(expression)
}

/// Says what is wrong with a pattern that can't be compiled, and with one that fits no file: somebody relies on it.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let shown = || pattern.chars().take(100).collect::<String>();
    let expression = expression(pattern);
    if expression.is_empty() {
        return Err("a pattern is missing".to_owned());
    }
    let built = RegexBuilder::new(&whole(pattern)).size_limit(ONE).build();
    if let Err(error) = built {
        return Err(format!("the pattern `{}` can't be read: {}", shown(), last_line(&error)));
    }
    if has_nested_repetition(expression) {
        return Err(format!("the pattern `{}` can't be read: nested repetition `**`", shown()));
    }
    // A negated pattern that fits nothing owns everything.
    if !pattern.starts_with('!') && fits_no_file(expression) {
        let message = "fits no file: it is a regular expression of a whole path, such as `docs/.*`";
        return Err(format!("the pattern `{}` {message}", shown()));
    }
    Ok(())
}

fn has_nested_repetition(expression: &str) -> bool {
    expression.match_indices("**").any(|(at, _)| !expression[..at].ends_with('\\'))
}

/// No path ends with a slash, and a star after one only repeats it.
fn fits_no_file(expression: &str) -> bool {
    let end = expression.strip_suffix('*').unwrap_or(expression);
    !expression.contains('|') && end.ends_with('/')
}

/// What is wrong, without the picture of where.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
