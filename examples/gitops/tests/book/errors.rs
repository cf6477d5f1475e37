use std::process::Command;

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

const HEAD: &str = "\
# Errors

Each error has a stable code. `gitops explain CODE` prints the same page; a test holds the two together.
";

#[test]
fn the_page_on_errors_says_of_each_code_what_the_command_says() {
    let pages: Vec<String> = all_codes().filter_map(|code| explained(&code)).collect();
    assert!(pages.len() > 30, "the command explains only {} codes", pages.len());
    let pages = pages.iter().map(|page| format!("\n## {}\n", page.trim()));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    testbed::assert_kept(&path, &(HEAD.to_owned() + &pages.collect::<String>()));
}
