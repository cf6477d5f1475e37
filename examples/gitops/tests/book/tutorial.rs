use std::path::Path;
use std::process::Command;

use crate::page;
use crate::transcript::{exchanges, matches};

#[test]
fn every_command_of_the_tutorial_prints_what_the_page_says() {
    follow("tutorial.md", 20);
}

#[test]
fn every_command_of_the_page_on_operation_prints_what_the_page_says() {
    follow("operate.md", 20);
}

#[test]
fn every_command_of_the_page_on_gates_prints_what_the_page_says() {
    follow("gates.md", 15);
}

/// Runs the commands of a page, of which there are more than so many, one after the other in one folder.
fn follow(name: &str, commands: usize) {
    let folder = tempfile::tempdir().unwrap();
    let exchanges = exchanges(&page(name));
    assert!(exchanges.len() > commands, "{name} has only {} commands", exchanges.len());
    let mut status = 0;
    for exchange in &exchanges {
        let command = exchange.command.replace("$?", &status.to_string());
        let (printed, code) = run(folder.path(), &command);
        status = code;
        assert!(
            matches(&exchange.expected, &printed),
            "$ {}\nshould print:\n{}\nand printed:\n{printed}",
            exchange.command,
            exchange.expected
        );
    }
}

/// What a command prints, in the order of its writes, and its exit code.
fn run(folder: &Path, command: &str) -> (String, i32) {
    let programs = Path::new(env!("CARGO_BIN_EXE_gitops")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path)));
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .env("HOME", folder)
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap_or(-1))
}
