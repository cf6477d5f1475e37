//! The contract of the backend.

use std::sync::Arc;

use first_backend::backend::Flags;
use first_backend::client::Client;
use gitops_core::backend::service::ServiceTarget;
use gitops_core::conformance::{self, Outside, Samples, Subject};
use gitops_core::{GroupKind, Key, RecoveryClass, Result, Value, async_trait};

/// Somebody else who works with the service: the engine is no party to what they do.
struct Colleague(Client);

#[async_trait]
impl Outside for Colleague {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let label = self.0.get(key.name()).map(|flag| flag.label).unwrap_or_default();
        match body {
            Some(fields) => drop(self.0.put(key.name(), fields, &label, |_| true)),
            None => drop(self.0.remove(key.name(), |_| true)),
        }
        Ok(())
    }
}

fn samples() -> Samples {
    let key = |n: usize| Key::new("flags", GroupKind::new("", "Flag"), "", format!("flag-{n:04}"));
    let body = |n: usize| Value::map([("on", Value::from(true)), ("note", format!("{n}").as_str().into())]);
    Samples::new(key, body)
}

#[tokio::test]
async fn flags_are_keyed() {
    let report = conformance::target(|| async {
        let client = Client::default();
        let target = ServiceTarget::new(Flags(client.clone()));
        Ok(Subject::new(Arc::new(target), samples()).outside(Arc::new(Colleague(client))))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
}
