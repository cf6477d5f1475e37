//! The contract of the backend in Python, proven against its own process.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::conformance::{self, Samples, Subject};
use gitops_core::*;

use support::Flags;

fn key(name: &str) -> Key {
    Key::new("flags", GroupKind::new("", "Flag"), "", name)
}

fn flag(note: &str) -> Value {
    Value::map([("enabled", Value::Bool(true)), ("note", note.into())])
}

fn flags() -> Samples {
    let wide = Value::map([("enabled", Value::Bool(true)), ("note", "n".into()), ("percent", 5.into())]);
    Samples::new(|n| key(&format!("flag-{n:04}")), |n| flag(&format!("number {n}")))
        .text(flag)
        .secret(|secret| Value::map([("enabled", Value::Bool(true)), ("token", Value::Secret(secret))]))
        .refused_secret(|secret| Value::map([("enabled", Value::from(1)), ("token", Value::Secret(secret))]))
        .neighbours([key("near"), key("near-by"), key("NEAR")])
        .defaulted([Value::map([("enabled", Value::Bool(false))])])
        .narrowing(wide, flag("n"))
        .unknown_kind(Key::new("flags", GroupKind::new("", "Bug"), "", "a"))
        .invalid(Value::map([("colour", Value::from("red"))]))
        .too_large(flag(&"x".repeat(100_000)))
        .illegal_keys([key(&"n".repeat(300)), key("line\nbreak")])
        .awaits(8)
        .many(60)
}

#[tokio::test]
async fn flags_in_python_are_keyed() {
    let report = conformance::target(|| async {
        let flags = Arc::new(Flags::start().await?);
        Ok(Subject::new(flags.target.clone(), self::flags()).outside(flags))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
    for number in ["C11", "C12", "C75", "C83"] {
        assert!(!report.skipped().contains(&number), "{number} is run: {report}");
    }
}

#[test]
fn the_program_is_at_most_eighty_lines() {
    let lines = include_str!("../flags.py").lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 80, "the program has {lines} lines that are not blank");
}
