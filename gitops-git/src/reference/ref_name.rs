use std::fmt;

use gitops_core::Result;

use crate::fault::invalid;

/// Longer names are refused; no server allows them.
const MAX_BYTES: usize = 1024;

/// The short name of a branch or a tag: `main`, `release/1.2`.
///
/// What `git check-ref-format refs/heads/NAME` accepts is accepted, except names that begin with `-` or `refs/`
/// and names longer than 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

impl RefName {
    /// Reads a short name.
    ///
    /// # Errors
    /// `Invalid`, saying which rule it breaks.
    pub fn parse(name: &str) -> Result<Self> {
        match broken_rule(name) {
            None => Ok(Self(name.to_owned())),
            Some(rule) => {
                let shown: String = name.chars().take(80).collect();
                Err(invalid(format!(
                    "`{}` is not the name of a branch or a tag: {rule}",
                    shown.escape_debug()
                ))
                .help("write the short name, such as `main` or `release/1.2`"))
            }
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    let rules: [(bool, &'static str); 10] = [
        (name.is_empty(), "it is empty"),
        (name.len() > MAX_BYTES, "it is longer than 1,024 bytes"),
        (name.starts_with('-'), "it begins with `-`, as an option does"),
        (name.starts_with("refs/"), "it begins with `refs/`, as only a full name does"),
        (name.contains(is_forbidden), "it holds a space, a control character or one of `~^:?*[\\`"),
        (name.contains(".."), "it holds `..`"),
        (name.contains("@{"), "it holds `@{`"),
        (name.ends_with('.'), "it ends with `.`"),
        (name.split('/').any(str::is_empty), "it has an empty part between slashes"),
        (name.split('/').any(is_forbidden_part), "a part of it begins with `.` or ends with `.lock`"),
    ];
    rules.into_iter().find_map(|(broken, rule)| broken.then_some(rule))
}

fn is_forbidden(c: char) -> bool {
    c.is_control() || " ~^:?*[\\".contains(c)
}

#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "git forbids `.lock` in lower case only"
)]
fn is_forbidden_part(part: &str) -> bool {
    part.starts_with('.') || part.ends_with(".lock")
}
