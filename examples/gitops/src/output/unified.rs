//! An object as a unified diff of its YAML, from live to declared.

use gitops_app::documents::changes;
use gitops_app::documents::unified::{Line, Part, Sign, TooLong, parts, unified};
use gitops_core::Step;

use super::diff::Compared;
use super::style::{BOLD, CYAN, DIM, GREEN, RED, escape, paint};

/// The hunks of an object, below the names of both sides; where they can't be compared line by line, the fields.
pub fn object(compared: &Compared<'_>, context: usize) -> String {
    let Compared { step, body, .. } = compared;
    parts(step, body.as_ref()).iter().map(|part| of_part(step, part, context)).collect()
}

fn of_part(step: &Step, part: &Part<'_>, context: usize) -> String {
    let sides = names(step, part);
    let notes: String = part.notes.iter().map(|note| self::note(note)).collect();
    let lines = match unified(part.before.as_ref(), part.after.as_ref(), context) {
        Ok(lines) => lines,
        Err(too_long) => return sides + &notes + &self::note(&long(too_long)) + &fields(part),
    };
    match lines.is_empty() {
        // What differs is not in the lines: only whose it is, or how it is written.
        true if part.notes.is_empty() => sides + &fields(part),
        _ => sides + &notes + &lines.iter().map(line).collect::<String>(),
    }
}

/// The two lines that name the sides; what is not there is `/dev/null`, as everywhere.
fn names(step: &Step, part: &Part<'_>) -> String {
    let component = part.component.map(|name| format!(" {name}")).unwrap_or_default();
    let name = escape(&format!("{}{component}", step.key));
    let side = |word: &str, is_there: bool| match is_there {
        true => format!("{word}/{name}"),
        false => "/dev/null".to_owned(),
    };
    let place = match changes::place(step) {
        place if place.is_empty() => place,
        place => format!("\t{}", escape(&place)),
    };
    let live = paint(BOLD, format_args!("--- {}", side("live", part.before.is_some())));
    let declared = paint(BOLD, format_args!("+++ {}{place}", side("declared", part.after.is_some())));
    format!("{live}\n{declared}\n")
}

fn note(text: &str) -> String {
    format!("{}\n", paint(DIM, format_args!("# {}", escape(text))))
}

fn long(TooLong { before, after }: TooLong) -> String {
    format!("{before} lines live, {after} declared: too many to compare line by line; these fields differ:")
}

fn fields(part: &Part<'_>) -> String {
    part.fields.iter().map(|field| self::note(&field.to_string())).collect()
}

fn line(Line { sign, text }: &Line) -> String {
    let text = format!("{}{}", sign.symbol(), escape(text));
    let line = match sign {
        Sign::Removed => paint(RED, text),
        Sign::Added => paint(GREEN, text),
        Sign::Hunk => paint(CYAN, text),
        _ => text,
    };
    line + "\n"
}

#[cfg(test)]
mod tests;
