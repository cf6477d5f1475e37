use super::Mark;

/// A policy that is misspelt or not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyFault {
    /// The stable code.
    pub code: &'static str,
    /// Where the key stands.
    pub section: Section,
    /// The key.
    pub key: String,
    /// One lower-case sentence.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// Which part of `metadata` a policy is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// `metadata.annotations`
    Annotations,
    /// `metadata.labels`
    Labels,
}

impl Section {
    /// The member of `metadata`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Annotations => "annotations",
            Self::Labels => "labels",
        }
    }
}

impl PolicyFault {
    fn new(code: &'static str, mark: &Mark<'_>, message: String, help: String) -> Self {
        Self { code, section: mark.section, key: mark.key.to_owned(), message, help }
    }

    /// A key or a value that nobody knows.
    pub(super) fn unknown(mark: &Mark<'_>, message: String, help: String) -> Self {
        Self::new("GO0409", mark, message, help)
    }

    /// A policy that is known and not carried out.
    pub(super) fn unsupported(mark: &Mark<'_>, what: &str, help: &str) -> Self {
        Self::new("GO0410", mark, format!("{what} is not carried out"), help.to_owned())
    }
}
