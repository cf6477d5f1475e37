//! Crates that others use: each says what a registry and docs.rs ask, and can be packaged.

use serde_json::Value;

use crate::failure::{Failure, Result};
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
    let lacks: Vec<String> = published.iter().flat_map(|package| lacks(package)).collect();
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lacks;

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
