//! The backends of this crate, proven by the kit.

use std::sync::Arc;

use gitops_core::conformance::{self, Outside, Samples, Subject};
use gitops_core::*;

struct Hands(Arc<Memory>);

#[async_trait]
impl Outside for Hands {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        self.0.edit(key, body.cloned());
        Ok(())
    }
}

fn note(namespace: &str, name: &str) -> Key {
    Key::new("memory", GroupKind::new("", "Note"), namespace, name)
}

fn notes() -> Samples {
    let text = |text: &str| Value::map([("text", Value::from(text))]);
    Samples::new(|n| note("", &format!("note-{n:04}")), move |n| text(&format!("text {n}")))
        .text(text)
        .secret(|secret| Value::map([("secret", Value::Secret(secret))]))
        .neighbours([note("", "near"), note("", "near-by"), note("a", "near")])
        .narrowing(Value::map([("text", Value::from("a")), ("more", "b".into())]), text("a"))
}

#[tokio::test]
async fn memory_is_keyed() {
    let report = conformance::target(|| async {
        let memory = Arc::new(Memory::new());
        Ok(Subject::new(memory.clone(), notes()).outside(Arc::new(Hands(memory))))
    })
    .run()
    .await;
    report.assert_earned(Tier::Keyed);
}
