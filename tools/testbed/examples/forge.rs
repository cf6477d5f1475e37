//! A Gitea to try things on: people, an empty repository, and what a shell needs to know of it. It ends with Ctrl-C or with its input.
#![allow(clippy::unwrap_used, reason = "what can not be set up is told as it is")]

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use testbed::Gitea;

#[tokio::main]
async fn main() -> ExitCode {
    let gitea = Gitea::start().await;
    let variables = gitea.playground().await;
    println!("A forge is there until this command ends. Say to another shell:\n");
    for (name, value) in variables {
        println!("export {name}='{value}'");
    }
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).unwrap();
    if std::io::stdin().is_terminal() {
        return ExitCode::SUCCESS;
    }
    // Whoever starts it in the background with no input finds no forge.
    eprintln!("The forge ends since its input has ended: keep the input open as long as you need it.");
    ExitCode::FAILURE
}
