//! How large the project is, in one table: for notes that compare a before and an after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::failure::{At, Result};
use crate::workspace;

/// What is counted of one crate, or of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    /// Files of its source without tests of its own folder.
    files: usize,
    lines: usize,
    functions: usize,
    /// Lines of its text in `api/`, one for each item.
    public: usize,
}

/// Whether a path ends with this after its last point.
fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

/// Prints the table.
pub fn run() -> Result<()> {
    let mut crates: BTreeMap<String, Numbers> = BTreeMap::new();
    let (mut pages, mut page_lines) = (0, 0);
    for file in workspace::tracked_files()? {
        let path = workspace::root().join(&file);
        let Some((name, rest)) = file.split_once('/') else { continue };
        if name == "docs" && has_ending(&file, "md") {
            pages += 1;
            page_lines += fs::read_to_string(&path).at(&path)?.lines().count();
        } else if name == "api" && has_ending(&file, "txt") {
            let text = fs::read_to_string(&path).at(&path)?;
            crates.entry(rest.trim_end_matches(".txt").to_owned()).or_default().public +=
                text.lines().count();
        } else if name.starts_with("gitops-") && rest.starts_with("src/") && has_ending(&file, "rs") {
            let text = fs::read_to_string(&path).at(&path)?;
            crates.entry(name.to_owned()).or_default().add(&text);
        }
    }
    println!("| Crate | Source files | Lines | Functions | Public items |");
    println!("| --- | --- | --- | --- | --- |");
    let mut all = Numbers::default();
    for (name, numbers) in &crates {
        println!("{}", numbers.row(name));
        all = all.and(*numbers);
    }
    println!("{}\n", all.row("all"));
    let (direct, whole) = dependencies()?;
    println!(
        "Dependencies of the published crates: {direct} direct, {whole} in all. Docs: {pages} pages, {page_lines} lines."
    );
    Ok(())
}

impl Numbers {
    fn add(&mut self, text: &str) {
        self.files += 1;
        self.lines += text.lines().count();
        self.functions += text.lines().filter(|line| is_function(line)).count();
    }

    fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            lines: self.lines + other.lines,
            functions: self.functions + other.functions,
            public: self.public + other.public,
        }
    }

    fn row(&self, name: &str) -> String {
        let Self { files, lines, functions, public } = self;
        format!("| {name} | {files} | {lines} | {functions} | {public} |")
    }
}

/// Whether a line begins a function.
fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let before = ["pub", "pub(crate)", "pub(super)", "const", "async", "default"];
    words.find(|word| !before.contains(word)) == Some("fn")
}

/// How many crates of others the published crates name, and how many belong to them with theirs.
fn dependencies() -> Result<(usize, usize)> {
    let metadata = workspace::metadata()?;
    let packages: BTreeMap<&str, &serde_json::Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["id"].as_str()?, one)))
        .collect();
    let nodes: BTreeMap<&str, &serde_json::Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let is_ours = |id: &str| packages.get(id).is_some_and(|package| package["source"].is_null());
    let is_published = |id: &str| packages.get(id).is_some_and(|package| package["publish"].is_null());
    let (mut due, mut seen, mut direct) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    due.extend(nodes.keys().copied().filter(|id| is_ours(id) && is_published(id)));
    while let Some(id) = due.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in nodes.get(id).into_iter().filter_map(|node| node["deps"].as_array()).flatten() {
            let is_used =
                dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null());
            if let (true, Some(used)) = (is_used, dependency["pkg"].as_str()) {
                if is_ours(id) && !is_ours(used) {
                    direct.insert(used);
                }
                due.push(used);
            }
        }
    }
    Ok((direct.len(), seen.iter().filter(|id| !is_ours(id)).count()))
}

#[cfg(test)]
mod tests {
    use super::{Numbers, is_function};

    #[test]
    fn functions_are_counted_by_the_lines_that_begin_them() {
        let text = "pub async fn a() {}\n    fn b(&self) {\n// fn c\nlet fn_d = 1;\npub(crate) const fn e() {}\nimpl Fn() for F {}";
        let mut numbers = Numbers::default();
        numbers.add(text);
        assert_eq!((numbers.files, numbers.lines, numbers.functions), (1, 6, 3));
        assert!(!is_function("/// fn"));
    }
}
