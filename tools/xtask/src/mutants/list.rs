//! The mutants of a part, as `cargo mutants` finds and names them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::parts::Part;
use crate::failure::{Failure, Result};
use crate::process;

/// One change of the code that decides.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// As people read it: file, place and change.
    pub name: String,
    /// From the root of the tree.
    pub file: String,
    pub kind: Kind,
    /// The first place of what is replaced, and the place after it; lines and columns in characters, both from 1.
    pub start: (usize, usize),
    pub end: (usize, usize),
    pub replacement: String,
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Body,
    Operator,
    Arm,
    Guard,
    Field,
}

/// All mutants of the part's files in the tree.
pub fn mutants(tool: &Path, tree: &Path, part: &Part) -> Result<Vec<Mutant>> {
    let mut command = Command::new(tool);
    command.args(["mutants", "--list", "--json", "--all-features", "--package", part.package]);
    command.args(part.files.iter().flat_map(|file| ["--file", file]));
    let answer = process::output(command.arg("--dir").arg(tree).current_dir(tree))?;
    let unreadable = |why: String| Failure::new(format!("`cargo mutants --list --json`: {why}"));
    let rows: Vec<Value> = serde_json::from_str(&answer).map_err(|error| unreadable(error.to_string()))?;
    let read = |row: &Value| mutant(row).ok_or_else(|| unreadable(format!("cannot read {row}")));
    rows.iter().map(read).collect()
}

fn mutant(row: &Value) -> Option<Mutant> {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let place = |end: &str| {
        let place = &row["span"][end];
        let number = |name: &str| usize::try_from(place[name].as_u64()?).ok();
        Some((number("line")?, number("column")?))
    };
    let kind = match row["genre"].as_str()? {
        "FnValue" => Kind::Body,
        "BinaryOperator" | "UnaryOperator" => Kind::Operator,
        "MatchArm" => Kind::Arm,
        "MatchArmGuard" => Kind::Guard,
        "StructField" => Kind::Field,
        _ => return None,
    };
    let (name, file, replacement) = (text("name")?, text("file")?, text("replacement")?);
    Some(Mutant { name, file, kind, start: place("start")?, end: place("end")?, replacement })
}
