//! The section of a text for people about objects about which nothing may be done now.

use gitops_app::documents::blocked::BlockedPart;
use gitops_app::documents::changes;
use gitops_core::Obstacle;

use super::folded::{self, Line, Rows};
use super::style::{self, RED, YELLOW, count, paint};
use super::table::{Cell, Columns, draw, fit};

/// The section of a text for people; nothing if nothing is blocked. `why` is the command that tells more of an object, `each` the one
/// that lists each, where the same is said of many: without it, each is listed here.
pub fn section(parts: &[BlockedPart<'_>], columns: Columns, why: &str, each: Option<&str>) -> String {
    let Some(first) = parts.iter().max_by_key(|part| part.obstacle) else { return String::new() };
    let style = if first.obstacle.ends_by_itself() { YELLOW } else { RED };
    let it = if parts.len() == 1 { "it" } else { "them" };
    let what = format!("(nothing is done about {it}, and what needs {it} waits)");
    let head = format!("{} {} {what}\n", paint(style, "Blocked:"), count(parts.len(), "object"));
    let lines =
        parts.iter().map(|part| Line { key: part.key, row: row(part), below: Vec::new(), folds: true });
    let Rows { rows, is_folded } = folded::rows(lines.collect(), each.is_none());
    let each = each.filter(|_| is_folded).map(|each| format!("  Each of them:  {each}\n"));
    let more = format!("  More:  {why} {}\n", changes::object(first.key));
    fit(&(head + &draw(&rows, columns) + &helps(parts) + &each.unwrap_or_default() + &more), columns)
}

fn row(part: &BlockedPart<'_>) -> Vec<Cell> {
    let (style, word) = word(part.obstacle);
    vec![
        Cell::styled(style, "!"),
        Cell::styled(style, word),
        part.key.target().into(),
        changes::object(part.key).into(),
        part.text.clone().into(),
    ]
}

fn word(obstacle: Obstacle) -> (anstyle::Style, &'static str) {
    match obstacle {
        Obstacle::Wait => (YELLOW, "waits"),
        Obstacle::Conflict => (YELLOW, "conflict"),
        Obstacle::Approval => (YELLOW, "approval"),
        Obstacle::MissingRights => (RED, "no rights"),
        _ => (RED, "fault"),
    }
}

/// Each help once: many objects are blocked for one reason.
fn helps(parts: &[BlockedPart<'_>]) -> String {
    let mut told: Vec<&str> = Vec::new();
    for part in parts {
        if !part.help.is_empty() && !told.contains(&part.help.as_str()) {
            told.push(&part.help);
        }
    }
    told.into_iter().map(|help| style::help(help).trim_start_matches('\n').to_owned() + "\n").collect()
}
