use serde::Serialize;

/// What a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceInfo {
    /// What a person would call it: a URL without credentials. Part of every plan's id.
    pub name: String,
    /// What of it is followed: a branch, a tag, a range.
    pub follows: String,
    /// The branch, tag or range without the folder that is read of it, where `follows` names that too.
    #[serde(skip)]
    reference: Option<String>,
}

impl SourceInfo {
    /// A source by its name, following something.
    pub fn new(name: impl Into<String>, follows: impl Into<String>) -> Self {
        Self { name: name.into(), follows: follows.into(), reference: None }
    }

    /// Says what is followed apart from the folder that is read of it. Sources of one name that follow one reference have the
    /// same revisions: of applications that need each other, one takes up a revision after the other.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// What its revisions are revisions of: those of two sources that say the same are the same.
    pub(crate) fn line(&self) -> (String, String) {
        (self.name.clone(), self.reference.as_ref().unwrap_or(&self.follows).clone())
    }
}
