//! The page of the book about verbs and options, made from the command line's definition.

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use crate::exit::Exit;

const HEAD: &str = "\
# Reference: verbs and options

This page is made from the command line's definition, and a test compares the two: `gitops --help` and `gitops VERB --help` print the
same. [The `gitops` command](command.md) says how the verbs work together, and what their options are for.
";

/// The page as it has to be.
fn page() -> String {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = HEAD.to_owned();
    global_options(&mut page, &command);
    for verb in command.get_subcommands() {
        section(&mut page, verb, "gitops");
    }
    exit_codes(&mut page);
    page
}

fn global_options(page: &mut String, command: &Command) {
    page.push_str("\n## Options of every verb\n\nThey may stand before the verb or after it.\n");
    table(page, command.get_arguments().filter(|arg| arg.is_global_set()).collect());
}

/// One verb, then the verbs below it.
fn section(page: &mut String, command: &Command, before: &str) {
    let name = format!("{before} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n## `{name}`\n\n{about}.\n\n```text\n{}\n```\n", usage(command, &name));
    table(page, command.get_arguments().filter(|arg| is_own(arg)).collect());
    for verb in command.get_subcommands() {
        section(page, verb, &name);
    }
}

/// What every verb takes is said once.
fn is_own(arg: &Arg) -> bool {
    !arg.is_global_set() && !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version")
}

fn usage(command: &Command, name: &str) -> String {
    let text = command.clone().override_usage(None::<&str>).render_usage().to_string();
    let lines = text.trim_start_matches("Usage: ").lines().map(str::trim);
    let lines =
        lines.map(|line| if line.starts_with("gitops") { line.to_owned() } else { format!("{name} {line}") });
    lines.collect::<Vec<_>>().join("\n")
}

fn table(page: &mut String, args: Vec<&Arg>) {
    if args.is_empty() {
        return;
    }
    page.push_str("\n| Argument or option | Left out | Does |\n| --- | --- | --- |\n");
    for arg in args {
        let _ = writeln!(page, "| {} | {} | {} |", spelling(arg), default(arg), cell(&does(arg)));
    }
}

/// How it is typed.
fn spelling(arg: &Arg) -> String {
    let value = value(arg);
    let names =
        [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let names: Vec<String> = names.into_iter().flatten().collect();
    match names.is_empty() {
        true => format!("`{value}`"),
        false => names
            .iter()
            .map(|name| format!("`{}`", format!("{name} {value}").trim()))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn value(arg: &Arg) -> String {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let names = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
    if takes { names.collect::<Vec<_>>().join(" ") } else { String::new() }
}

fn default(arg: &Arg) -> String {
    let values: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    match values.is_empty() {
        true if arg.is_required_set() => "must be given".to_owned(),
        false if arg.get_action().takes_values() => values.join(", "),
        _ => "–".to_owned(),
    }
}

/// Its help, the words that it takes, and the variable that stands for it.
fn does(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let words = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    let words = words.iter().filter(|word| !word.is_hide_set()).map(|word| match word.get_help() {
        Some(help) => format!("`{}` ({})", word.get_name(), help.to_string().trim_end_matches('.')),
        None => format!("`{}`", word.get_name()),
    });
    let words: Vec<String> = words.collect();
    if !words.is_empty() {
        let _ = write!(text, ". One of: {}", words.join("; "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(text, ". Variable: `{}`", variable.to_string_lossy());
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn exit_codes(page: &mut String) {
    page.push_str("\n## Exit codes\n\n| Code | Meaning |\n| --- | --- |\n");
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit.code(), exit.meaning());
    }
    let _ = write!(page, "\n{}. ", crate::exit::precedence());
    page.push_str("[The `gitops` command](command.md#exit-codes) says which verb ends with which.\n");
}

#[test]
fn the_page_on_verbs_is_made_from_the_command_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verbs.md");
    testbed::assert_kept(&path, &page());
}
