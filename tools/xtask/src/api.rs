//! The public surface of each library as a text that is committed, so that a review sees what changes it.
//!
//! The text is made from rustdoc's JSON, which stable compilers write too once they are told to; the dependencies are those of
//! the documentation, and are not built again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use public_api::PublicApi;
use serde_json::Value;

use crate::failure::{At, Failure, Result};
use crate::{process, workspace};

/// Lines of each difference that are shown.
const SHOWN: usize = 30;

/// What to look at, and what to do with it.
#[derive(clap::Args)]
pub struct Options {
    /// Write the texts, instead of comparing the surface with them.
    #[arg(long)]
    write: bool,
    /// Names of crates; all libraries that are published, if none is named.
    crates: Vec<String>,
}

/// Fails with what the surface has and its text has not, or the other way round.
pub fn run(options: &Options) -> Result<()> {
    let libraries = chosen(libraries()?, &options.crates)?;
    document(&options.crates)?;
    let documented = workspace::target()?.join("doc");
    let mut moved = Vec::new();
    for library in &libraries {
        let surface = surface(&documented.join(format!("{}.json", library.replace('-', "_"))))?;
        let path = text_of(library);
        if options.write {
            write(&path, &surface)?;
        } else {
            moved.extend(difference(&path, &surface)?);
        }
        eprintln!("{:>6} public items: {library}", count(&surface));
    }
    match moved.is_empty() {
        true => Ok(()),
        false => {
            Err(Failure::new(format!("the public surface is not what its text says\n{}", moved.join("\n")))
                .help("if it is meant, `cargo xtask api --write` and commit the text"))
        }
    }
}

/// The published crates that are libraries only.
fn libraries() -> Result<Vec<String>> {
    let metadata = workspace::metadata()?;
    let members: Vec<&Value> = metadata["workspace_members"].as_array().into_iter().flatten().collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let ours = packages.filter(|package| members.contains(&&package["id"]) && is_library(package));
    Ok(ours.filter_map(|package| package["name"].as_str().map(str::to_owned)).collect())
}

fn is_library(package: &Value) -> bool {
    let has = |kind: &str| {
        let targets = package["targets"].as_array().into_iter().flatten();
        targets.filter_map(|target| target["kind"].as_array()).flatten().any(|is| is == kind)
    };
    package["publish"].is_null() && has("lib") && !has("bin")
}

fn chosen(known: Vec<String>, wanted: &[String]) -> Result<Vec<String>> {
    match wanted.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(Failure::new(format!("there is no published library `{unknown}`"))
            .help(format!("one of: {}", known.join(", ")))),
        None if wanted.is_empty() => Ok(known),
        None => Ok(wanted.to_vec()),
    }
}

/// Has rustdoc write its JSON. For all crates at once, dependencies have the features that `cargo doc --workspace` gave them.
fn document(crates: &[String]) -> Result<()> {
    let mut doc = workspace::cargo();
    doc.args(["doc", "--no-deps", "--lib", "--all-features", "--locked", "--quiet"]);
    match crates {
        [] => doc.arg("--workspace"),
        named => doc.args(named.iter().flat_map(|name| ["--package", name])),
    };
    // By this program rustdoc alone is told to be unstable. Of the variable itself build scripts would hear, and all be run again.
    doc.env("RUSTDOC", workspace::root().join("tools/xtask/unstable-rustdoc"));
    process::run(doc.env("RUSTDOCFLAGS", "-Zunstable-options --output-format json"))
}

fn surface(json: &Path) -> Result<String> {
    let builder = public_api::Builder::from_rustdoc_json(json);
    let api = builder.omit_blanket_impls(true).omit_auto_trait_impls(true).build().map_err(|error| {
        Failure::new(format!("{}: {error}", json.display())).help(
            "the format of rustdoc's JSON differs from one Rust to the next; use the one of CONTRIBUTING.md",
        )
    })?;
    Ok(render(&api))
}

/// A line for each item. What a trait's implementation has to have anyway is left out.
fn render(api: &PublicApi) -> String {
    let items: Vec<_> = api.items().map(|item| (item, item.to_string())).collect();
    let of_traits = items.iter().filter(|(_, line)| implements_a_trait(line));
    let of_traits: BTreeSet<u32> = of_traits.map(|(item, _)| item.id().0).collect();
    let is_implied = |line: &str| line.starts_with("pub fn ") || line.starts_with("pub async fn ");
    let lines = items.iter().filter(|(item, line)| {
        let within = item.parent_id().is_some_and(|parent| of_traits.contains(&parent.0));
        let is_noise = line.starts_with("impl core::marker::StructuralPartialEq ");
        !(is_noise || within && is_implied(line))
    });
    lines.flat_map(|(_, line)| [line, "\n"]).collect()
}

fn implements_a_trait(line: &str) -> bool {
    line.starts_with("impl") && line.contains(" for ")
}

/// How many items there are, implementations aside.
fn count(surface: &str) -> usize {
    surface.lines().filter(|line| !line.starts_with("impl")).count()
}

fn text_of(library: &str) -> PathBuf {
    workspace::root().join("api").join(format!("{library}.txt"))
}

fn write(path: &Path, surface: &str) -> Result<()> {
    let folder = path.parent().expect("a text is in a folder");
    fs::create_dir_all(folder).at(folder)?;
    fs::write(path, surface).at(path)
}

/// What is new and what is gone, if the text differs.
fn difference(path: &Path, surface: &str) -> Result<Option<String>> {
    if !path.is_file() {
        return Ok(Some(format!("  {} is missing", path.display())));
    }
    let text = fs::read_to_string(path).at(path)?;
    Ok((text != surface).then(|| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("  api/{file}\n{}", moved(&text, surface).join("\n"))
    }))
}

fn moved(text: &str, surface: &str) -> Vec<String> {
    let only_in = |one: &str, other: &str, sign: char| {
        let other: BTreeSet<&str> = other.lines().collect();
        let only = one.lines().filter(|line| !other.contains(line));
        only.map(|line| format!("    {sign} {line}")).collect::<Vec<_>>()
    };
    let mut lines = only_in(text, surface, '-');
    lines.extend(only_in(surface, text, '+'));
    if lines.is_empty() {
        lines.push("    the same lines in another order".to_owned());
    }
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("    … and {more} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{chosen, count, implements_a_trait, is_library, moved};

    #[test]
    fn what_came_and_what_went_is_shown_and_not_all_of_a_long_list() {
        let text = "pub mod a\npub struct a::B\n";
        assert_eq!(
            moved(text, "pub mod a\npub struct a::C\n"),
            ["    - pub struct a::B", "    + pub struct a::C"]
        );
        let long = (0..100).map(|n| format!("pub fn a::f{n}()")).collect::<Vec<_>>().join("\n");
        let shown = moved("", &long);
        assert_eq!(shown.last().map(String::as_str), Some("    … and 70 more"));
        assert_eq!(moved("a\nb\n", "b\na\n"), ["    the same lines in another order"]);
    }

    #[test]
    fn an_implementation_is_no_item() {
        assert_eq!(
            count("pub struct a::B\nimpl a::B\nimpl core::clone::Clone for a::B\npub fn a::B::c()\n"),
            2
        );
        assert!(implements_a_trait("impl<T> a::Gate for T"));
        assert!(!implements_a_trait("impl<F> a::Of<F> where F: for<'a> core::ops::Fn(&'a str)"));
    }

    #[test]
    fn a_library_is_published_and_has_no_program() {
        let package = |publish, kinds: &[&str]| {
            let targets: Vec<_> = kinds.iter().map(|kind| json!({ "kind": [kind] })).collect();
            json!({ "publish": publish, "targets": targets })
        };
        assert!(is_library(&package(json!(null), &["lib", "test"])));
        assert!(!is_library(&package(json!(null), &["lib", "bin"])));
        assert!(!is_library(&package(json!([]), &["lib"])));
        assert!(chosen(vec!["a".into()], &["b".into()]).is_err());
    }
}
