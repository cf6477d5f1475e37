//! What is wrong with a command line, for people and for programs.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind as Clap;
use gitops_app::documents::document;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Says what clap found, and how the command ends: help and version are no errors, and clap's own code for errors is 2,
/// which means something else here. Who asked for JSON gets a document.
pub fn tell(error: &clap::Error) -> Exit {
    if matches!(error.kind(), Clap::DisplayHelp | Clap::DisplayVersion) {
        let _ = error.print();
        return Exit::Ok;
    }
    if wants_json(std::env::args_os().skip(1), std::env::var_os("GITOPS_OUTPUT")) {
        print!("{}", document::pretty(&output::error::document(&failure(error), None)));
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// The first paragraph is the message; tips and the usage are the help.
fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default();
    let is_help = |line: &&str| !line.starts_with("For more information");
    let help: Vec<&str> = lines.filter(is_help).collect();
    Failure::usage(message.strip_prefix("error: ").unwrap_or(message), help.join("; "))
}

/// Whether a command line that could not be read asks for JSON: the option that comes last counts, then the environment.
fn wants_json(arguments: impl Iterator<Item = OsString>, environment: Option<OsString>) -> bool {
    let mut found = environment;
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        match value_of(&argument) {
            Output::Is(value) => found = Some(value),
            Output::IsNext => found = arguments.next(),
            Output::IsNot => {}
        }
    }
    found.as_deref() == Some(OsStr::new("json"))
}

/// What a word says of the option `--output`, or `-o`.
enum Output {
    /// It has the value.
    Is(OsString),
    /// The next word is the value.
    IsNext,
    /// Nothing.
    IsNot,
}

fn value_of(argument: &OsStr) -> Output {
    let text = argument.to_str().unwrap_or_default();
    let of_short = || {
        let flags = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
        flags.trim_start_matches(['q', 'v']).strip_prefix('o')
    };
    match (text.strip_prefix("--output"), of_short()) {
        (Some(""), _) | (_, Some("")) => Output::IsNext,
        (Some(rest), _) => rest.strip_prefix('=').map_or(Output::IsNot, |value| Output::Is(value.into())),
        (_, Some(rest)) => Output::Is(rest.strip_prefix('=').unwrap_or(rest).into()),
        (None, None) => Output::IsNot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(line: &str, environment: Option<&str>) -> bool {
        wants_json(line.split(' ').map(OsString::from), environment.map(OsString::from))
    }

    #[test]
    fn json_is_found_in_a_line_that_can_not_be_read() {
        for line in
            ["plann -o json", "--output=json plan --no-such", "plan -qojson", "-o=json", "x --output json"]
        {
            assert!(asks(line, None), "{line}");
        }
        assert!(asks("plann", Some("json")));
        for line in ["plan", "-o human -o", "plan -- -o json", "-o json -o human", "explain json"] {
            assert!(!asks(line, None), "{line}");
        }
        assert!(!asks("plann -o human", Some("json")));
    }
}
