use std::collections::BTreeSet;
use std::path::Path;

use gitops_app::Backends;
use gitops_app::config::Applications;

use super::workspace;
use crate::page;

/// A key that no mapping has, and that is near to none.
const STRANGE: &str = "zzzzzzzzzzzzzzzz";

/// The examples of a page, which a reader may take as they are.
fn examples_of(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml\n# gitops.yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn examples() -> Vec<String> {
    examples_of(&page("file.md"))
}

fn faults(text: &str) -> Vec<(String, String)> {
    match Applications::parse(Path::new("gitops.yaml"), text, &Backends::new()) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let faults = error.diagnostics().iter();
            faults.map(|fault| (fault.message.clone(), fault.help.clone().unwrap_or_default())).collect()
        }
    }
}

/// The texts in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// These texts, each with a strange key in one of its mappings: in front of a key of a block, or behind the brace of a flow.
fn with_a_strange_key(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let braces = text.match_indices("{ ").map(|(at, _)| at + 2);
    all.extend(braces.map(|at| format!("{}{STRANGE}: 1, {}", &text[..at], &text[at..])));
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let item = line[indent..].strip_prefix("- ");
        let key = item.unwrap_or(&line[indent..]);
        if key.starts_with(|first: char| first.is_ascii_lowercase()) {
            let (spaces, dash) = (" ".repeat(indent), if item.is_some() { "- " } else { "" });
            let rest = format!("{spaces}{}{key}", if item.is_some() { "  " } else { "" });
            let strange = format!("{spaces}{dash}{STRANGE}: 1\n{rest}");
            all.push(format!("{}{strange}{}", &text[..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    all
}

type Keys = BTreeSet<(String, BTreeSet<String>)>;

/// The keys that each mapping of these texts takes: what the program answers to a strange key in it.
fn taken(texts: &[String]) -> Keys {
    let strange = texts.iter().flat_map(|text| with_a_strange_key(text));
    let answers = strange.flat_map(|text| faults(&text));
    let prefix = format!("unknown key `{STRANGE}` in ");
    answers
        .filter_map(|(message, help)| Some((message.strip_prefix(&prefix)?.to_owned(), quoted(&help))))
        .collect()
}

/// The keys that the page lists for each mapping. A title has the names of mappings as faults have them; `of …` tells two of one
/// name apart.
fn listed() -> Keys {
    let mut listed = Keys::new();
    for section in page("file.md").split("\n### ").skip(1) {
        let title = section.lines().next().unwrap().split(", ");
        let rows = section.lines().skip_while(|line| !line.starts_with("| Key ")).skip(2);
        let rows = rows.take_while(|line| line.starts_with('|'));
        let keys: BTreeSet<String> =
            rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect();
        let names = title.filter(|name| !name.starts_with("of "));
        listed.extend(names.map(|name| (name.to_owned(), keys.clone())));
    }
    listed
}

#[test]
fn every_example_of_the_page_on_the_file_can_be_used() {
    let examples = examples();
    assert!(examples.len() > 2, "{examples:?}");
    for example in examples {
        assert_eq!(faults(&example), Vec::new(), "{example}");
    }
}

#[test]
fn every_file_that_a_page_shows_whole_can_be_used() {
    let is_page = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "md");
    let docs = std::fs::read_dir(workspace().join("docs")).unwrap();
    let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(is_page);
    let shown: Vec<(String, String)> = names
        .flat_map(|name| examples_of(&page(&name)).into_iter().map(move |text| (name.clone(), text)))
        .collect();
    for forge in ["github.md", "gitlab.md", "gitea.md"] {
        assert!(shown.iter().any(|(name, _)| name == forge), "{forge} shows no configuration");
    }
    for (name, text) in shown {
        assert_eq!(faults(&text), Vec::new(), "{name}: {text}");
    }
}

/// The names of mappings that stand in the source of the program, so that none is without an example.
fn named_in_the_source(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in_the_source(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let calls = source.split(".fields(node, \"").skip(1);
        found.extend(calls.map(|call| call.split('"').next().unwrap().to_owned()));
    }
}

#[test]
fn the_page_on_the_file_lists_every_key() {
    let (taken, listed) = (taken(&examples()), listed());
    let missing: Vec<_> = taken.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/file.md has no such tables: {missing:#?}");
    let without: Vec<_> = listed.difference(&taken).collect();
    assert!(without.is_empty(), "docs/file.md has tables of no mapping in its examples: {without:#?}");
    let mut named = BTreeSet::new();
    named_in_the_source(&workspace().join("gitops-app/src/config"), &mut named);
    assert!(named.len() > 15, "{named:?}");
    let shown: BTreeSet<&String> = taken.iter().map(|(what, _)| what).collect();
    let unseen: Vec<_> = named.iter().filter(|what| !shown.contains(what)).collect();
    assert!(unseen.is_empty(), "docs/file.md has no example with {unseen:?}");
}
