//! Crates that others use: each says what a registry and docs.rs ask, shows on its first page what it is for, and can be packaged.

use std::fs;

use serde_json::Value;

use crate::failure::{At, Failure, Result};
use crate::{process, workspace};

/// Fails with what the published crates lack, or if one of them can't be packaged.
pub fn run() -> Result<()> {
    let metadata = workspace::metadata()?;
    let members: Vec<&Value> = metadata["workspace_members"].as_array().into_iter().flatten().collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // An empty list of registries is `publish = false`.
    let published =
        packages.filter(|package| members.contains(&&package["id"]) && package["publish"].is_null());
    let published: Vec<&Value> = published.collect();
    let mut lacks: Vec<String> = published.iter().flat_map(|package| lacks(package)).collect();
    for package in &published {
        lacks.extend(lacks_on_its_first_page(package)?);
    }
    if !lacks.is_empty() {
        return Err(Failure::new(format!("crates are not ready to be published\n{}", lacks.join("\n"))));
    }
    let mut package = workspace::cargo();
    // Nothing is built: `xtask outside` builds what is packaged here, from the same files.
    package.args(["package", "--quiet", "--no-verify", "--offline", "--allow-dirty", "--exclude-lockfile"]);
    for name in published.iter().filter_map(|package| package["name"].as_str()) {
        package.args(["--package", name]);
    }
    process::run(&mut package)
}

/// A line for each thing that a package does not say.
fn lacks(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or("?");
    let is_said = |field: &str| match &package[field] {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let fields = ["description", "license", "readme", "keywords", "categories", "rust_version"];
    let missing = fields.iter().filter(|field| !is_said(field)).map(|field| format!("`{field}` is missing"));
    let all_features = package["metadata"]["docs"]["rs"]["all-features"] == true;
    let docs =
        (!all_features).then(|| "`[package.metadata.docs.rs]` has no `all-features = true`".to_owned());
    let unversioned = package["dependencies"].as_array().into_iter().flatten().filter(|dependency| {
        dependency["path"].is_string() && dependency["req"] == "*" && dependency["kind"] != "dev"
    });
    let unversioned = unversioned
        .map(|dependency| format!("the dependency {} has a path and no version", dependency["name"]));
    missing.chain(docs).chain(unversioned).map(|what| format!("  {name}: {what}")).collect()
}

/// A line for each thing that the first page of a library's documentation does not show.
fn lacks_on_its_first_page(package: &Value) -> Result<Vec<String>> {
    let name = package["name"].as_str().unwrap_or("?");
    let mut targets = package["targets"].as_array().into_iter().flatten();
    let library = targets.find(|target| target["kind"][0] == "lib");
    let Some(path) = library.and_then(|target| target["src_path"].as_str()) else { return Ok(Vec::new()) };
    let source = fs::read_to_string(path).at(path.as_ref())?;
    Ok(missing_on(&source).into_iter().map(|what| format!("  {name}: its first page lacks {what}")).collect())
}

/// What a reader looks for on a first page, and does not find: when to use it, a picture, an example that is compiled.
fn missing_on(source: &str) -> Vec<&'static str> {
    let page: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
    // Every second one ends a fence.
    let fences: Vec<&str> = page.iter().filter_map(|line| line.strip_prefix("```")).step_by(2).collect();
    let picture = fences.contains(&"text");
    let example = fences.iter().any(|fence| matches!(*fence, "" | "no_run"));
    let when = page.iter().any(|line| line.contains("Use it "));
    let parts = [
        (when, "a sentence with when to `Use it …`"),
        (picture, "a picture (a fence of `text`)"),
        (example, "an example that compiles"),
    ];
    parts.into_iter().filter(|(is_there, _)| !is_there).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{lacks, missing_on};

    #[test]
    fn a_first_page_has_a_use_a_picture_and_an_example() {
        let whole = "//! A tool.\n//!\n//! Use it for work.\n//! ```text\n//! a ──▶ b\n//! ```\n//! ```no_run\n//! work();\n//! ```\nmod work;";
        assert_eq!(missing_on(whole), [""; 0]);
        assert_eq!(missing_on("//! A tool.\nmod work;").len(), 3);
        let ignored = whole.replace("no_run", "ignore");
        assert_eq!(missing_on(&ignored), ["an example that compiles"], "the end of a fence begins none");
    }

    #[test]
    fn what_a_crate_does_not_say_is_listed() {
        let mut package = json!({
            "name": "a", "description": "d", "license": "MIT", "readme": "README.md", "keywords": ["k"], "categories": ["config"],
            "rust_version": "1.90", "metadata": { "docs": { "rs": { "all-features": true } } },
            "dependencies": [
                { "name": "b", "path": "b", "req": "^0.1", "kind": null },
                { "name": "tests", "path": "t", "req": "*", "kind": "dev" },
            ],
        });
        assert_eq!(lacks(&package), [""; 0]);
        package["keywords"] = json!([]);
        package["metadata"] = json!(null);
        package["dependencies"][0]["req"] = json!("*");
        assert_eq!(lacks(&package).len(), 3, "{:?}", lacks(&package));
    }
}
