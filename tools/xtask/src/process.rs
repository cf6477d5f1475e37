//! Runs other programs; every failure names the command line.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};

/// Runs `command` with the terminal's own output and fails unless it exits with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("`{}` failed: {status}", line(command)))),
    }
}

/// Runs `command` and returns its standard output; standard error goes into the failure.
pub fn output(command: &mut Command) -> Result<String> {
    taken(command.stderr(Stdio::piped()))
}

/// Runs `command` and returns its standard output; standard error is the terminal's.
pub fn printed(command: &mut Command) -> Result<String> {
    taken(command.stderr(Stdio::inherit()))
}

fn taken(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{}` failed: {}", line(command), reason.trim())));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{}` printed text that is not UTF-8", line(command))))
}

/// The command line as a person would type it, without its environment and the program's folder.
pub fn line(command: &Command) -> String {
    let program = command.get_program();
    let program = Path::new(program).file_name().unwrap_or(program);
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    let failure = Failure::new(format!("cannot start `{program}`: {error}"));
    match error.kind() {
        ErrorKind::NotFound => failure.help(format!("install `{program}` and put it on the PATH")),
        _ => failure,
    }
}
