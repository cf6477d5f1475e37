use gitops_core::{Error, ErrorKind};
use serde::Deserialize;

use super::refusal::MISFITS;

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

    /// The same, where a rule of the cluster forbids what is declared, whoever asks: no right is missing.
    pub fn of_a_rule(self) -> Self {
        if self.kind() != ErrorKind::Forbidden || !is_of_a_rule(self.error.message()) {
            return self;
        }
        let error = Error::new(ErrorKind::Invalid, self.error.message().to_owned());
        let error = match self.error.help_text() {
            Some(help) => error.help(help.to_owned()),
            None => error,
        };
        Self { error, ..self }
    }

    /// A rule of the cluster refuses it, whoever asks: a policy, a webhook, an admission plugin. A webhook that can't be asked without
    /// an effect, or does not answer, says nothing.
    pub fn is_of_admission(&self) -> bool {
        let message = self.error.message();
        let denies = ["denied the request", "denied request:"].iter().any(|words| message.contains(words));
        let is_answer = !matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::Unauthenticated);
        self.answered && is_answer && (denies || is_of_a_rule(message))
    }

    /// The server can't make sense of the object: a value that its field does not take.
    pub fn is_misfit(&self) -> bool {
        MISFITS.iter().any(|words| self.error.message().contains(words))
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

/// Whether a refusal is of an admission plugin: a limit, a quota, the security of pods, the size of a claim. It has the code of one who
/// lacks a right, which reads `… is forbidden: User "ana" cannot list resource "pods" …`.
pub(super) fn is_of_a_rule(message: &str) -> bool {
    let names_who = message.contains("User \"") && message.contains(" cannot ");
    message.contains("is forbidden: ") && !names_who
}

impl Cause {
    fn is_of_managers(&self) -> bool {
        self.reason == "FieldManagerConflict"
    }

    /// Whether the field can't change in place.
    pub fn is_immutable(&self) -> bool {
        let signs = ["immutable", "may not be changed", "may not change", "updates to statefulset spec"];
        signs.iter().any(|sign| self.message.contains(sign))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lacks_a_right_is_told_apart_from_what_a_rule_forbids() {
        for rule in [
            r#"persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized"#,
            r#"pods "a" is forbidden: maximum cpu usage per Container is 100m, but limit is 1"#,
            r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": privileged"#,
        ] {
            assert!(is_of_a_rule(rule), "{rule}");
        }
        for right in [
            r#"configmaps is forbidden: User "ana" cannot list resource "configmaps" in API group """#,
            "the API server refused it: Forbidden",
        ] {
            assert!(!is_of_a_rule(right), "{right}");
        }
    }

    #[test]
    fn what_admission_refuses_is_told_apart_from_what_nobody_answers() {
        let failure = |kind, message: &str| Failure {
            answered: true,
            ..Failure::from(Error::new(kind, message.to_owned()))
        };
        for (kind, message) in [
            (ErrorKind::Invalid, r#"admission webhook "a" denied the request: no"#),
            (ErrorKind::Forbidden, r#"admission webhook "a" denied the request without explanation"#),
            (
                ErrorKind::Invalid,
                r#"configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"#,
            ),
            (ErrorKind::Forbidden, r#"namespaces "default" is forbidden: this namespace may not be deleted"#),
        ] {
            assert!(failure(kind, message).is_of_admission(), "{message}");
            assert!(
                !Failure::from(Error::new(kind, message)).is_of_admission(),
                "nobody answered: {message}"
            );
        }
        for (kind, message) in [
            (
                ErrorKind::Forbidden,
                r#"configmaps "a" is forbidden: User "ana" cannot delete resource "configmaps""#,
            ),
            (ErrorKind::Invalid, r#"admission webhook "a" does not support dry run"#),
            (ErrorKind::Unavailable, r#"Internal error occurred: failed calling webhook "a": timeout"#),
            (ErrorKind::Invalid, "the dryRun feature is disabled"),
        ] {
            assert!(!failure(kind, message).is_of_admission(), "{message}");
        }
    }
}
