use gitops_core::Value;

use crate::tool::address::canonical;

use super::{Diagnostic, Reader, Redact, parse};

/// One line of the stream that a plan or an apply prints. An open set: what is new is passed over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// An error or a warning.
    Diagnostic(Diagnostic),
    /// A change of a resource began.
    Start(Hook),
    /// It was made.
    Complete(Hook),
    /// It failed.
    Errored(Hook),
    /// A provisioner of a resource began.
    Provision(Hook),
    /// A run is over.
    Summary {
        /// `plan`, `apply` or `destroy`.
        operation: String,
    },
}

/// Which resource an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The resource's address.
    pub address: String,
    /// What is done to it: `create`, `update`, `delete`, `replace`, `read`.
    pub action: String,
    /// The identity that the provider gave it.
    pub id: Option<String>,
}

/// The types that matter, as they stand in a line.
const TYPES: [&str; 6] =
    ["diagnostic", "apply_start", "apply_complete", "apply_errored", "provision_start", "change_summary"];

/// The event of a line; nothing if it is none that matters here.
pub(crate) fn event(line: &[u8], redact: &Redact) -> Option<Event> {
    // Most of a long stream is what provisioners print: it is not even decoded.
    let text = std::str::from_utf8(line).ok()?;
    TYPES.iter().any(|kind| text.contains(kind)).then_some(())?;
    let value = parse(line).ok()?;
    let reader = Reader::new(&value, "event");
    let hook = || hook(&reader);
    match value.get("type").and_then(Value::as_text)? {
        "diagnostic" => Some(Event::Diagnostic(Diagnostic::read(&reader.field("diagnostic")?, redact))),
        "apply_start" => hook().map(Event::Start),
        "apply_complete" => hook().map(Event::Complete),
        "apply_errored" => hook().map(Event::Errored),
        "provision_start" => hook().map(Event::Provision),
        "change_summary" => {
            let operation = reader.field("changes")?.optional_text("operation")?;
            Some(Event::Summary { operation })
        }
        _ => None,
    }
}

fn hook(reader: &Reader<'_>) -> Option<Hook> {
    let hook = reader.field("hook")?;
    Some(Hook {
        address: canonical(&hook.field("resource")?.optional_text("addr")?),
        action: hook.optional_text("action").unwrap_or_default(),
        id: hook.optional_text("id_value"),
    })
}

/// The events of a stream that was kept.
pub(crate) fn events(stream: &[u8], redact: &Redact) -> Vec<Event> {
    stream.split(|byte| *byte == b'\n').filter_map(|line| event(line, redact)).collect()
}

/// The events of a run in a folder of the source: files are named from the source's root.
pub(crate) fn events_in(folder: &str, stream: &[u8], redact: &Redact) -> Vec<Event> {
    let seen = |event| match event {
        Event::Diagnostic(said) => Event::Diagnostic(said.seen_from_root(folder)),
        other => other,
    };
    events(stream, redact).into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_that_is_unknown_or_no_json_is_passed_over() {
        let stream = br#"{"type":"new_thing","x":1}
plain text
{"type":"apply_start","hook":{"resource":{"addr":"a.b"},"action":"create"}}
{"type":"apply_start","hook":{"resource":{}}}
{"type":"change_summary","changes":{"operation":"apply"}}"#;
        let hook = Hook { address: "a.b".into(), action: "create".into(), id: None };
        let summary = Event::Summary { operation: "apply".into() };
        assert_eq!(events(stream, &Redact::default()), [Event::Start(hook), summary]);
    }

    proptest! {
        #[test]
        fn no_line_panics(kind in "(apply_start|diagnostic|change_summary)", rest in "[{}\\[\\]:,\"a-z]{0,40}") {
            let line = format!(r#"{{"type":"{kind}",{rest}}}"#);
            event(line.as_bytes(), &Redact::default());
        }
    }
}
