//! The patterns of a CODEOWNERS file: globs, and regular expressions on Gitea.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::Dialect;
use super::expression::Expressions;

/// How long a pattern may be, in bytes.
const BYTES: usize = 1_024;

/// The patterns of a section, in its order.
#[derive(Clone, Debug)]
pub(super) enum Patterns {
    Globs(Globs),
    Expressions(Expressions),
}

impl Patterns {
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a str>, dialect: Dialect) -> Result<Self, String> {
        Ok(match dialect {
            Dialect::Gitea => Self::Expressions(Expressions::new(patterns)?),
            Dialect::GitHub | Dialect::GitLab => Self::Globs(Globs::new(patterns, dialect)?),
        })
    }

    /// The rules that fit a path, in order.
    pub(super) fn fitting(&self, path: &str) -> Vec<usize> {
        match self {
            Self::Globs(globs) => globs.fitting(path),
            Self::Expressions(expressions) => expressions.fitting(path),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Globs {
    set: GlobSet,
    /// The rule of each glob: a pattern may need two.
    rules: Vec<usize>,
}

impl Globs {
    fn new<'a>(patterns: impl Iterator<Item = &'a str>, dialect: Dialect) -> Result<Self, String> {
        let (mut set, mut rules) = (GlobSetBuilder::new(), Vec::new());
        for (rule, pattern) in patterns.enumerate() {
            for glob in globs(pattern, dialect) {
                let shown = || pattern.chars().take(100).collect::<String>();
                if glob.len() > BYTES {
                    return Err(format!("the pattern `{}` has more than {BYTES} bytes", shown()));
                }
                let built = GlobBuilder::new(&glob).literal_separator(true).build();
                set.add(built.map_err(|error| format!("the pattern `{}`: {}", shown(), error.kind()))?);
                rules.push(rule);
            }
        }
        let set = set.build().map_err(|error| format!("the patterns: {}", error.kind()))?;
        Ok(Self { set, rules })
    }

    fn fitting(&self, path: &str) -> Vec<usize> {
        let mut rules: Vec<usize> = self.set.matches(path).into_iter().map(|glob| self.rules[glob]).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// What a pattern stands for: the file itself, and everything below a folder of that name.
fn globs(pattern: &str, dialect: Dialect) -> Vec<String> {
    let is_folder = pattern.ends_with('/');
    let body = pattern.trim_end_matches('/');
    let has_inner_slash = body.trim_start_matches('/').contains('/');
    let is_rooted = body.starts_with('/') || pattern == "/" || has_inner_slash && dialect == Dialect::GitHub;
    let body = escape(body.trim_start_matches('/'));
    if body.is_empty() {
        return vec!["**".to_owned()];
    }
    let glob = if is_rooted || body.starts_with("**/") { body.clone() } else { format!("**/{body}") };
    // `docs/*` is the files in a folder, and not those below.
    let is_open = body.ends_with("/*") || body == "**" || body.ends_with("/**");
    match (is_folder, is_open) {
        (true, _) => vec![format!("{glob}/**")],
        (false, true) => vec![glob],
        (false, false) => vec![format!("{glob}/**"), glob],
    }
}

/// The same with the marks that only globs know taken as they are.
fn escape(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
        match c {
            '[' | ']' | '{' | '}' => out.extend(['[', c, ']']),
            '\\' => out.push_str("[\\\\]"),
            c => out.push(c),
        }
    }
    out
}
