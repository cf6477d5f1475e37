use std::fmt;

use gitops_core::{Error, ErrorKind, Result};

use crate::fault::shown;

/// What a comment or an issue of ours is found again by: a first line that readers do not see.
///
/// Anybody can copy it, so it counts only in what we wrote ourselves.
///
/// ```
/// use gitops_forge::Marker;
/// let marker = Marker::new("plan/site")?;
/// assert_eq!(marker.stamp("No changes."), "<!-- gitops: plan/site -->\nNo changes.");
/// assert!(marker.is_on("<!-- gitops: plan/site -->\r\nNo changes."));
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker(String);

impl Marker {
    /// A marker of a name, such as what the comment is about.
    ///
    /// # Errors
    /// `Invalid` unless the name is 1 to 200 characters of letters, digits and `-_./:@`, without `--`, which would end a
    /// comment of HTML.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
        match (1..=200).contains(&name.len()) && name.bytes().all(is_plain) && !name.contains("--") {
            true => Ok(Self(name)),
            false => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` can't be the name of a marker", shown(&name, 80)),
            )
            .help("use letters, digits and `-_./:@`, at most 200, and no two `-` together")),
        }
    }

    /// A text with the marker before it.
    pub fn stamp(&self, text: &str) -> String {
        format!("{self}\n{text}")
    }

    /// Whether a body begins with it.
    pub fn is_on(&self, body: &str) -> bool {
        body.lines().next().is_some_and(|line| line.trim_end() == self.to_string())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<!-- gitops: {} -->", self.0)
    }
}
