//! What a trace shows of a call: its name and key, and never a body (C57, C58).

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use gitops_core::{Layer, TraceLayer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::script::{Script, create, cx, down, scope};

/// Writes every span and event down as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Lines {
    fn add(&self, name: &str, record: impl FnOnce(&mut Line)) {
        let mut line = Line(name.to_owned());
        record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        self.add("event", |line| event.record(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_span_with_operation_and_key_and_without_the_body() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let target = TraceLayer.layer(Script::failing([down()]));
    target.apply(&cx(), &create()).await.unwrap_err();
    target.observe(&cx(), &scope()).await.unwrap();
    insta::assert_snapshot!(lines.0.lock().unwrap().join("\n"), @r#"
    call operation="apply" key=dir:File/-/a
    event message=the call failed error=apply dir:File/-/a: connection refused
    call operation="observe"
    "#);
    assert!(!lines.0.lock().unwrap().iter().any(|line| line.contains("hunter2")));
}

#[tokio::test(start_paused = true)]
async fn an_error_names_operation_and_key() {
    let target = TraceLayer.layer(Script::failing([down()]));
    let error = target.apply(&cx(), &create()).await.unwrap_err();
    assert_eq!(error.to_string(), "apply dir:File/-/a: connection refused");
    let source = TraceLayer.layer_source(Script::failing([down()]));
    assert_eq!(source.resolve(&cx()).await.unwrap_err().to_string(), "resolve: connection refused");
}
