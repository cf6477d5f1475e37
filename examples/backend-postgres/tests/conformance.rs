//! The contract of the backend, proven against a real server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::conformance::{self, Samples, Subject};
use gitops_core::*;
use testbed::Postgres;

use support::Server;

fn key(name: &str) -> Key {
    Key::new("postgres", GroupKind::new("", "Role"), "", name)
}

fn role(limit: i64) -> Value {
    Value::map([("login", Value::Bool(true)), ("connectionLimit", limit.into())])
}

fn roles(prefix: String) -> Samples {
    let near = ["near", "near-by", "NEAR"].map(|name| key(&format!("{prefix}{name}")));
    let wide =
        Value::map([("login", Value::Bool(true)), ("connectionLimit", 3.into()), ("createDb", true.into())]);
    let with_password =
        |secret| Value::map([("login", Value::Bool(true)), ("password", Value::Secret(secret))]);
    let refused =
        |secret| Value::map([("connectionLimit", Value::Bool(true)), ("password", Value::Secret(secret))]);
    Samples::new(move |n| key(&format!("{prefix}role-{n:04}")), |n| role(i64::try_from(n).unwrap()))
        .secret(with_password)
        .refused_secret(refused)
        .neighbours(near)
        .defaulted([Value::map([("login", Value::Bool(true))])])
        .narrowing(wide, role(3))
        .unknown_kind(Key::new("postgres", GroupKind::new("", "Table"), "", "a"))
        .invalid(Value::map([("colour", Value::from("red"))]))
        .too_large(Value::map([("colour", Value::from("x".repeat(2 << 20).as_str()))]))
        .illegal_keys([key("pg_reserved"), key(&"n".repeat(64))])
}

#[tokio::test]
async fn postgresql_roles_are_keyed() {
    let postgres = Arc::new(Postgres::start());
    let report = conformance::target(move || {
        let server = Arc::new(Server::of(postgres.clone()));
        let samples = roles(server.prefix.clone());
        async move { Ok(Subject::new(Arc::new(server.target()), samples).outside(server)) }
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
}

#[test]
fn the_backend_is_at_most_sixty_lines() {
    let lines = include_str!("../src/backend.rs").lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 60, "the backend has {lines} lines that are not blank");
}
