//! The tutorial shows the code as it is, and what the kit says of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use first_backend::client::Client;
use first_backend::{backend, naive};
use gitops_core::backend::service::{Service, ServiceTarget};
use gitops_core::conformance::{self, Outside, Report, Samples, Subject};
use gitops_core::{GroupKind, Key, Result, Value, async_trait};

const PAGE: &str = include_str!("../../../docs/first-backend.md");

/// The blocks of the page: the language, and the text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = PAGE.split("```").collect();
    parts.iter().skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn each_block_of_rust_is_the_file_that_it_names() {
    let shown: Vec<_> = blocks().into_iter().filter(|(language, _)| *language == "rust").collect();
    assert_eq!(shown.len(), 4, "a client, a first try, a test, a backend");
    for (_, block) in shown {
        let (name, code) = block.split_once('\n').unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name.strip_prefix("// ").unwrap());
        let file = std::fs::read_to_string(&path).unwrap();
        assert_eq!(code, file, "{name}");
    }
}

/// As in the test that the page shows.
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

async fn report<S: Service + 'static>(service: fn(Client) -> S) -> Report {
    let key = |n: usize| Key::new("flags", GroupKind::new("", "Flag"), "", format!("flag-{n:04}"));
    let body = |n: usize| Value::map([("on", Value::from(true)), ("note", format!("{n}").as_str().into())]);
    let make = move || async move {
        let client = Client::default();
        let target = ServiceTarget::new(service(client.clone()));
        let subject = Subject::new(Arc::new(target), Samples::new(key, body));
        Ok(subject.outside(Arc::new(Colleague(client))))
    };
    conformance::target(make).seed(1).run().await
}

/// The checks that failed with the reason, and the sum without the seed.
fn told(report: &Report) -> String {
    let text = report.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let failed = lines.windows(2).filter(|pair| pair[0].contains(" FAIL ")).flatten();
    let sum = lines.last().and_then(|line| line.rsplit_once("; seed")).map(|(sum, _)| sum);
    failed.copied().chain(sum).flat_map(|line| [line, "\n"]).collect()
}

#[tokio::test]
async fn the_kit_says_of_both_tries_what_the_page_says() {
    let shown: Vec<&str> =
        blocks().into_iter().filter(|(kind, _)| *kind == "text").map(|(_, text)| text).collect();
    let said = [report(naive::Flags).await, report(backend::Flags).await].map(|report| told(&report));
    assert_eq!(shown, said, "{}\n{}", said[0], said[1]);
}
