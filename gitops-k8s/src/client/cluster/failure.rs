use gitops_core::{Error, ErrorKind};
use serde::Deserialize;

/// A call that did not succeed: the error, and what the engine has no use for but we do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// What the server said of single fields.
    pub causes: Vec<Cause>,
    /// Whether the server answered at all.
    pub answered: bool,
}

/// What the server said of one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cause {
    pub reason: String,
    pub message: String,
    pub field: String,
}

impl Failure {
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The fields that other managers own with other values.
    pub fn of_managers(&self) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(|cause| cause.is_of_managers())
    }

    /// The same, each with its manager.
    pub fn owned_by_others(&self) -> impl Iterator<Item = String> {
        self.of_managers().map(Cause::owner)
    }

    /// A conflict of fields, all of which were only edited: nobody claims them.
    pub fn is_of_edits(&self) -> bool {
        let mut claims = self.causes.iter().filter(|cause| cause.is_of_managers()).map(Cause::is_of_an_edit);
        claims.next().is_some_and(|first| first && claims.all(|edit| edit))
    }

    /// The server can't bring our record of ownership, which is of another version of the kind, to this one.
    pub fn is_of_record(&self) -> bool {
        let message = self.error.message();
        let signs = ["field not declared in schema", "to an invalid group/version", "failed to convert"];
        self.answered && signs.iter().any(|sign| message.contains(sign))
    }

    /// A conflict of versions, as opposed to one of fields, which reading again does not resolve.
    pub fn is_of_versions(&self) -> bool {
        self.kind() == ErrorKind::Conflict && self.owned_by_others().next().is_none()
    }
}

impl Cause {
    fn is_of_managers(&self) -> bool {
        self.reason == "FieldManagerConflict"
    }

    /// The server says of who updated, and by what version; of who applied only the name. A subresource's owner is
    /// a controller, such as a scaler.
    fn is_of_an_edit(&self) -> bool {
        self.message.contains(" using ") && !self.message.contains(" with subresource ")
    }

    /// Whether it is of somebody who applied.
    pub fn is_of_an_apply(&self) -> bool {
        !self.message.contains(" using ")
    }

    /// The subresource of `conflict with "x" with subresource "scale" using v1`; empty if there is none.
    pub fn subresource(&self) -> &str {
        let rest = self.message.split_once(" with subresource \"").map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default()
    }

    /// The manager of `conflict with "kubectl" using v1`.
    pub fn manager(&self) -> &str {
        self.message.split('"').nth(1).unwrap_or("another manager")
    }

    /// The field and its manager, as `.spec.replicas (kubectl)`.
    pub fn owner(&self) -> String {
        format!("{} ({})", self.field, self.manager())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, causes: Vec::new(), answered: false }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self { error: error.into(), causes: Vec::new(), answered: true }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
