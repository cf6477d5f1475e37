//! Transcripts in a page: `$ ` begins a command, `> ` continues it, all else is what it prints.

/// A command and what it should print.
pub struct Exchange {
    pub command: String,
    pub expected: String,
}

/// All commands of a page's `console` blocks, in order.
pub fn exchanges(page: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (_, "```console") => inside = true,
            (_, "```") => inside = false,
            (false, _) => {}
            (true, line) => take(&mut found, line),
        }
    }
    found
}

fn take(found: &mut Vec<Exchange>, line: &str) {
    if let Some(command) = line.strip_prefix("$ ") {
        found.push(Exchange { command: command.to_owned(), expected: String::new() });
        return;
    }
    let last = found.last_mut().expect("a block begins with a command");
    match line.strip_prefix("> ") {
        Some(more) if last.expected.is_empty() => last.command = format!("{}\n{more}", last.command),
        _ => last.expected.extend([line, "\n"]),
    }
}

/// Whether a text is as expected; `…` stands for any text, also over several lines.
pub fn matches(expected: &str, text: &str) -> bool {
    let (expected, text) = (&*in_order(expected), &*in_order(text));
    let parts: Vec<&str> = expected.trim().split('…').collect();
    let [first, between @ .., last] = parts.as_slice() else { return expected.trim() == text.trim() };
    let Some(mut rest) = text.trim().strip_prefix(first) else { return false };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The lines of changes that are made at once, in one order: which is told first is chance.
fn in_order(text: &str) -> String {
    let is_change =
        |line: &str| ["~ update  ", "+ create  ", "- delete  "].iter().any(|begin| line.starts_with(begin));
    let mut lines: Vec<&str> = text.lines().collect();
    for told in lines.chunk_by_mut(|one, next| is_change(one) && is_change(next)) {
        told.sort_unstable();
    }
    lines.join("\n")
}

#[test]
fn what_is_done_at_once_may_be_told_in_any_order() {
    assert!(matches("a\n~ update  x\n+ create  y\nb", "a\n+ create  y\n~ update  x\nb"));
    assert!(!matches("a\n~ update  x\nb", "a\nb\n~ update  x"));
}

#[test]
fn an_ellipsis_stands_for_any_text_and_nothing_else_does() {
    assert!(matches("a … c", "a b\nb c") && matches("…", "") && matches("a\n", "a"));
    assert!(!matches("a … c", "a b") && !matches("a", "a b") && !matches("…x…", "y"));
}
