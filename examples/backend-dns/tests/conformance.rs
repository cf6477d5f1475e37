//! The contract of the backend, proven against the real service.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::conformance::{self, Samples, Subject};
use gitops_core::*;

use support::{Server, ZONE};

fn key(name: &str) -> Key {
    Key::new("dns", GroupKind::new("", "Record"), ZONE, name)
}

fn body(content: &str) -> Value {
    Value::map([("content", Value::from(content)), ("ttl", 300.into())])
}

fn records() -> Samples {
    let wide = Value::map([("content", Value::from("v")), ("ttl", 300.into()), ("comment", "ours".into())]);
    Samples::new(|n| key(&format!("TXT/record-{n:04}")), |n| body(&format!("value {n}")))
        .text(body)
        .secret(|secret| Value::map([("content", Value::from("v")), ("updateKey", Value::Secret(secret))]))
        .refused_secret(|secret| {
            Value::map([("content", Value::from(true)), ("updateKey", Value::Secret(secret))])
        })
        .neighbours([key("TXT/near"), key("TXT/near-by"), key("A/near")])
        .defaulted([Value::map([("content", "no ttl".into())])])
        .narrowing(wide, body("v"))
        .unknown_kind(Key::new("dns", GroupKind::new("", "Zone"), ZONE, "a"))
        .invalid(Value::map([("content", Value::Bool(true))]))
        .too_large(body(&"x".repeat(20_000)))
        .illegal_keys([key("no type"), key(&format!("TXT/{}", "n".repeat(300)))])
}

#[tokio::test]
async fn the_dns_service_is_discoverable() {
    let report = conformance::target(|| async {
        let server = Arc::new(Server::start());
        Ok(Subject::new(Arc::new(server.target()), records()).outside(server))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Discoverable);
    for number in ["C11", "C12", "C75"] {
        assert!(!report.skipped().contains(&number), "{number} is run: {report}");
    }
}

#[test]
fn the_backend_is_at_most_sixty_lines() {
    let lines = include_str!("../src/backend.rs").lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 60, "the backend has {lines} lines that are not blank");
}
