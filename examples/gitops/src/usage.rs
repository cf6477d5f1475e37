//! What is wrong with a command line, for people and for programs.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind as Clap};
use gitops_app::documents::document;
use gitops_core::nearest;
use gitops_core::redact::credentials;

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

/// The same error with the hints that a parser can't know: the verb that a word of another tool stands for, the nearest verb
/// alone, how durations are written, where a saved plan goes.
pub fn hinted(error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let mut error = masked(error);
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let tip = match error.kind() {
        Clap::InvalidSubcommand => {
            let verb = text(&error, ContextKind::InvalidSubcommand);
            let instead = instead_of(&verb);
            let known = match error.get(ContextKind::SuggestedSubcommand) {
                Some(ContextValue::Strings(known)) if known.len() > 1 => known.clone(),
                _ => Vec::new(),
            };
            if instead.is_some() {
                error.remove(ContextKind::SuggestedSubcommand);
            } else if let Some(nearest) = nearest(&verb, known.iter().map(String::as_str)) {
                let nearest = vec![nearest.to_owned()];
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(nearest));
            }
            instead.map(str::to_owned)
        }
        Clap::ValueValidation if text(&error, ContextKind::InvalidArg).contains("<DURATION>") => {
            Some("write a number and a unit: `30s`, `5m`, `1h 30m`".to_owned())
        }
        Clap::UnknownArgument => {
            let word = text(&error, ContextKind::InvalidArg);
            let is_plan = arguments.iter().any(|argument| argument == "plan");
            let is_file = is_plan && !word.starts_with('-');
            is_file.then(|| {
                format!(
                    "a saved plan is applied by `gitops apply {word}`, and made by `gitops plan --out {word}`"
                )
            })
        }
        _ => None,
    };
    if let Some(tip) = tip {
        let tips = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// The same without what looks like a credential in what it quotes of the line.
fn masked(mut error: clap::Error) -> clap::Error {
    let masked = |value: &ContextValue| match value {
        ContextValue::String(text) => match credentials(text) {
            Cow::Owned(text) => Some(ContextValue::String(text)),
            Cow::Borrowed(_) => None,
        },
        _ => None,
    };
    let found: Vec<_> = error.context().filter_map(|(kind, value)| Some((kind, masked(value)?))).collect();
    for (kind, value) in found {
        error.insert(kind, value);
    }
    error
}

/// What is typed here for what a verb of another tool does.
fn instead_of(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "destroy" | "delete" | "remove" | "rm" | "uninstall" => {
            "take it out of the source and commit, then `gitops apply` deletes it"
        }
        "deploy" | "install" | "upgrade" | "up" => "`gitops apply` makes what the source declares",
        "reconcile" | "refresh" => {
            "`gitops sync` has the process at work reconcile at once, `gitops apply` does it here"
        }
        "log" | "logs" | "releases" => "`gitops history` lists what was deployed",
        "undo" => "`gitops rollback REV` goes back to a revision and stays there",
        "pause" | "stop" => "`gitops suspend --reason WHY` stops all writes",
        "list" | "ls" | "get" => "`gitops status` shows how all applications stand",
        _ => return None,
    })
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
    use clap::Parser;

    use super::*;

    fn asks(line: &str, environment: Option<&str>) -> bool {
        wants_json(line.split(' ').map(OsString::from), environment.map(OsString::from))
    }

    /// Met with `pln`, for which `planner-identity` came first, and with the verbs of other tools.
    #[test]
    fn a_wrong_line_is_told_what_was_meant() {
        let said = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let error =
                crate::cli::Cli::try_parse_from(std::iter::once("gitops".into()).chain(words.clone()));
            hinted(error.unwrap_err(), &words).render().to_string()
        };
        assert!(said("pln").contains("a similar subcommand exists: 'plan'"), "{}", said("pln"));
        let destroy = said("destroy");
        assert!(destroy.contains("`gitops apply` deletes it") && !destroy.contains("similar"), "{destroy}");
        assert!(said("plan --timeout 5").contains("`30s`, `5m`"), "{}", said("plan --timeout 5"));
        assert!(said("plan next.plan").contains("`gitops apply next.plan`"), "{}", said("plan next.plan"));
        assert!(!said("plan --nowhere").contains("saved plan"), "{}", said("plan --nowhere"));
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
