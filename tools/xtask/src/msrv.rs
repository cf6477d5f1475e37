//! Only one toolchain can be had, so the declared versions are compared instead of built with.

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::workspace;

type Version = (u32, u32, u32);

/// Fails with the names of all dependencies that declare a newer Rust than the workspace does.
pub fn run() -> Result<()> {
    let metadata = workspace::metadata()?;
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let ours = packages.iter().find(|package| package["name"] == "gitops-core").and_then(|p| declared(p));
    let ours = ours.ok_or_else(|| Failure::new("gitops-core declares no rust-version"))?;
    let newer: Vec<String> =
        packages.iter().filter(|p| declared(p) > Some(ours)).map(|p| describe(p)).collect();
    match newer.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("newer than the workspace's Rust: {}", newer.join(", ")))
            .help("choose an older release with `cargo update --precise`, or raise `rust-version`")),
    }
}

fn declared(package: &Value) -> Option<Version> {
    parse(package["rust_version"].as_str()?)
}

fn parse(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(str::parse);
    let mut next = || parts.next().unwrap_or(Ok(0)).ok();
    Some((next()?, next()?, next()?))
}

fn describe(package: &Value) -> String {
    let text = |field| package[field].as_str().unwrap_or("?");
    format!("{} {} (Rust {})", text("name"), text("version"), text("rust_version"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions_compare_by_number_and_missing_parts_are_zero() {
        assert!(parse("1.9") < parse("1.10"));
        assert_eq!(parse("1.90"), parse("1.90.0"));
        assert_eq!(parse("nightly"), None);
    }
}
