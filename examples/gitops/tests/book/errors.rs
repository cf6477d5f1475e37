use std::process::Command;

use crate::page;

/// What `gitops explain` says of a code, if it knows it.
fn explained(code: &str) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_gitops")).args(["explain", code]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The ranges in which codes are given: the command, its file, Git, the core, manifests, roots.
fn all_codes() -> impl Iterator<Item = String> {
    [0, 100, 200, 300, 400, 500]
        .into_iter()
        .flat_map(|first| first + 1..=first + 40)
        .map(|number| format!("GO{number:04}"))
}

#[test]
fn the_index_says_of_each_code_what_the_command_says() {
    let mut index =
        page("errors.md").split("\n## ").skip(1).map(|entry| entry.trim().to_owned()).collect::<Vec<_>>();
    let pages: Vec<String> =
        all_codes().filter_map(|code| Some(explained(&code)?.trim().to_owned())).collect();
    assert!(pages.len() > 30, "the command explains only {} codes", pages.len());
    index.sort();
    assert_eq!(index, pages);
}
