//! The contract of the backend, proven against the real service.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use custom_backend::protocol::{Item, Reply, Request};
use custom_backend::{Batched, KeyValue};
use gitops_core::conformance::{self, Outside, Samples, Subject};
use gitops_core::*;

use support::Service;

fn key(name: &str) -> Key {
    Key::new("kv", GroupKind::new("", "Setting"), "", name)
}

fn settings() -> Samples {
    Samples::new(|n| key(&format!("setting-{n:04}")), |n| Value::from(format!("value {n}").as_str()))
        .text(|text| Value::from(text))
        .neighbours([key("near"), key("near-by"), key("near/by")])
        .invalid(Value::Bool(true))
        .too_large(Value::from("x".repeat(1 << 20).as_str()))
}

/// Another program of the company, which keeps the labels of what it edits.
#[async_trait]
impl Outside for Service {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        loop {
            let name = key.name().to_owned();
            let (expect, item) = match self.client().ask(Request::Get { name: name.clone() }).await? {
                Reply::Item { version, item } => (Some(version), item),
                _ => (None, Item { value: String::new(), owner: String::new(), label: "theirs".into() }),
            };
            let request = match body.and_then(Value::as_text) {
                Some(text) => Request::Put { name, expect, item: Item { value: text.into(), ..item } },
                None => match expect {
                    Some(expect) => Request::Remove { name, expect },
                    None => return Ok(()),
                },
            };
            if let Reply::Done { .. } = self.client().ask(request).await? {
                return Ok(());
            }
        }
    }
}

#[tokio::test]
async fn the_key_value_service_is_keyed() {
    let report = conformance::target(|| async {
        let service = Arc::new(Service::start());
        Ok(Subject::new(Arc::new(KeyValue(service.client().clone())), settings()).outside(service))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
}

#[tokio::test]
async fn the_same_in_batches_is_keyed() {
    let report = conformance::target(|| async {
        let service = Arc::new(Service::start());
        let target = Batched(KeyValue(service.client().clone()));
        Ok(Subject::new(Arc::new(target), settings()).outside(service))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
}
