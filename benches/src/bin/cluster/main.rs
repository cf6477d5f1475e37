//! The figures that the Kubernetes target holds itself to, measured on a real API server beside its peers.
//!
//! `cargo xtask bench cluster [quick] [yaml|diff|apply|peers|repair|pass|memory]` builds servers and peers and runs it. What was
//! asked of the server is counted from the server's own audit log.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
#![allow(clippy::cast_precision_loss, reason = "figures are shown with few digits")]

mod apply;
mod cost;
mod course;
mod diff;
mod memory;
mod pass;
mod peers;
mod repair;
mod world;
mod yaml;

/// The target's own comparison, which is no part of what it offers to others.
#[path = "../../../../gitops-k8s/src/live/fields/mod.rs"]
#[allow(dead_code, unused_imports, reason = "only the comparison is measured")]
mod fields;

use std::process::ExitCode;

use gitops_benches::{Wanted, outcome};
use world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [memory::CHILD, namespace, count] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        memory::child(namespace, count.parse().expect("a count")).await;
        return ExitCode::SUCCESS;
    }
    let wanted = Wanted::of(words);
    let (scale, rounds) = if wanted.quick { (10, 1) } else { (1, 5) };
    println!("figure\tmeasured\tbound");
    if wanted.is_due("yaml") {
        yaml::measure(2_000 / scale);
    }
    if wanted.is_due("diff") {
        diff::measure().await;
    }
    if wanted.is_due("apply") {
        apply::measure(1_000 / scale, rounds).await;
    }
    if wanted.is_due("peers") {
        apply::beside_peers(1_000 / scale, rounds).await;
    }
    if wanted.is_due("repair") {
        repair::measure(400 / scale).await;
    }
    if wanted.is_due("pass") {
        pass::measure(10_000 / scale).await;
    }
    if wanted.is_due("memory") {
        memory::measure(10_000 / scale, 50_000 / scale).await;
    }
    outcome()
}
