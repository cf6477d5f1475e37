//! Examples in Rust: a page that has one is compiled by the documentation tests of a crate, or compared with files by a test.

use std::fs;
use std::path::Path;

use crate::failure::{At, Result};
use crate::workspace;

/// A line for each page with Rust in it that no crate compiles or compares, and for each block that is kept from being compiled.
pub fn not_compiled() -> Result<Vec<String>> {
    let files = workspace::tracked_files()?;
    let read = |file: &String| {
        let path = workspace::root().join(file);
        fs::read_to_string(&path).at(&path)
    };
    let is = |file: &str, extension: &str| Path::new(file).extension().is_some_and(|is| is == extension);
    let is_source = |file: &&String| is(file, "rs") && !file.starts_with("tools/xtask/");
    let mut includes = String::new();
    for file in files.iter().filter(is_source) {
        let text = read(file)?;
        includes.extend(text.lines().filter(|line| line.contains("include_str!(")));
    }
    let mut found = Vec::new();
    for page in files.iter().filter(|file| is(file, "md")) {
        found.extend(faults(page, &read(page)?, &includes));
    }
    Ok(found)
}

fn faults(page: &str, text: &str, includes: &str) -> Vec<String> {
    let blocks =
        text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.strip_prefix("```rust")?)));
    let blocks: Vec<(usize, &str)> = blocks.collect();
    let ignored = blocks.iter().filter(|(_, rest)| rest.contains("ignore"));
    let mut found: Vec<String> =
        ignored.map(|(line, _)| format!("  {page}:{line}: an example that is ignored")).collect();
    if let Some((line, _)) = blocks.first().filter(|_| !includes.contains(&format!("/{page}\""))) {
        found.push(format!(
            "  {page}:{line}: an example in Rust, and no crate includes the page to compile or compare it"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::faults;

    #[test]
    fn a_page_with_rust_is_compiled_and_nothing_of_it_ignored() {
        let includes = "#[doc = include_str!(\"../../docs/a.md\")]";
        assert_eq!(faults("docs/a.md", "```rust,no_run\n```\n", includes), [""; 0]);
        assert_eq!(faults("docs/b.md", "text\n```text\n```\n", includes), [""; 0]);
        assert!(faults("docs/b.md", "\n```rust\n```\n", includes)[0].contains("docs/b.md:2"));
        assert!(faults("docs/a.md", "```rust,ignore\n", includes)[0].contains("ignored"));
    }
}
