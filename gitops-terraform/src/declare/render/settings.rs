use std::collections::BTreeMap;

use gitops_core::{Diagnostic, Key, OutputRef, Placeholder, PlaceholderPart, Span, Value, nearest};
use serde::Deserialize;

use super::files::join;
use crate::declare::hcl::Declared;
use crate::declare::module::{Removal, root_kind};
use crate::tool::json;

/// The name of the file that sets a root up.
pub(super) const FILE: &str = "gitops.json";

/// How a root is set up.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The name in the root's key, if it is not its folder: a root that was moved keeps its name.
    pub name: Option<String>,
    pub workspace: Option<String>,
    pub variables: BTreeMap<String, Value>,
    /// Paths from the source's root.
    pub var_files: Vec<String>,
    pub removal: Option<Removal>,
    /// Paths of files outside the root that it reads, from the source's root.
    pub files: Vec<String>,
    /// The file, for the places of what is wrong in it.
    text: String,
}

/// The file's form. A name that is not known is refused: it may be a slip of the pen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with a root's settings")]
struct Written {
    name: Option<String>,
    workspace: Option<String>,
    #[serde(default)]
    var_files: Vec<String>,
    removal: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default, rename = "variables")]
    _variables: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    inputs: BTreeMap<String, Input>,
}

/// A variable that is an output of another object: of a root, by its folder, or of anything, by its key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as { \"root\": FOLDER, \"output\": NAME }")]
struct Input {
    root: Option<String>,
    key: Option<Key>,
    output: String,
}

impl Input {
    fn placeholder(&self, name: &str, target: &str) -> Result<Value, String> {
        let key = match (&self.root, &self.key) {
            (Some(folder), None) => Key::new(target, root_kind(), "", folder.as_str()),
            (None, Some(key)) => key.clone(),
            _ => return Err(format!("the input `{name}` needs either a `root` or a `key`")),
        };
        let output = OutputRef { key, output: self.output.as_str().into() };
        Ok(Placeholder { parts: vec![PlaceholderPart::Output(output)] }.into())
    }
}

impl Settings {
    /// The settings in a file; the default where there is none.
    pub fn of(file: Option<&Value>, folder: &str, target: &str) -> Result<Self, Vec<Diagnostic>> {
        let Some(file) = file else { return Ok(Self::default()) };
        let path = join(folder, FILE);
        let text = file.as_text().unwrap_or_default();
        let written: Written =
            serde_json::from_str(text).map_err(|error| vec![unread(&path, text, &error)])?;
        let removal = match written.removal.as_deref() {
            None => None,
            Some(word) => Some(Removal::of_word(word).ok_or_else(|| {
                let message = format!("`{word}` is no policy for a removal: `retain`, `destroy` or `forget`");
                vec![fault(&path, &message).at_name(text, word)]
            })?),
        };
        let mut variables = variables(text, &path)?;
        for (name, input) in &written.inputs {
            let wrong = |message: &str| vec![fault(&path, message).at_name(text, name)];
            let placeholder = input.placeholder(name, target).map_err(|message| wrong(&message))?;
            if variables.insert(name.clone(), placeholder).is_some() {
                return Err(wrong(&format!("`{name}` is an input and a variable")));
            }
        }
        Ok(Self {
            name: written.name,
            workspace: written.workspace,
            variables,
            var_files: written.var_files.iter().map(|file| join(folder, file)).collect(),
            removal,
            files: written.files,
            text: text.to_owned(),
        })
    }
}

impl Settings {
    /// Variables that the root does not declare: slips of the pen. Nothing is said where a file could not be read.
    pub fn slips(&self, path: &str, declared: &Declared) -> Vec<Diagnostic> {
        let known = &declared.variables;
        let unknown = self.variables.keys().filter(|name| declared.unread.is_none() && !known.contains(name));
        let slip = |name: &String| {
            let near = nearest(name, known.iter().map(String::as_str));
            let meant = near.map(|other| format!("; did you mean `{other}`?")).unwrap_or_default();
            fault(path, &format!("the root declares no variable `{name}`{meant}")).at_name(&self.text, name)
        };
        unknown.map(slip).collect()
    }
}

/// The variables with every digit of their numbers.
fn variables(text: &str, path: &str) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    let document = json::parse(text.as_bytes()).map_err(|error| vec![fault(path, error.message())])?;
    Ok(match document.get("variables") {
        Some(Value::Map(members)) => {
            members.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
        }
        _ => BTreeMap::new(),
    })
}

/// A file that is not of the form: where it ceases to be. Of its lines no more than the name is quoted, for a variable may be a
/// secret.
fn unread(path: &str, text: &str, error: &serde_json::Error) -> Diagnostic {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let message = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
    let fault = fault(path, message).at(place(line, column, ""));
    match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((name, _)) => fault.at_name(text, name),
        None => fault,
    }
}

/// How far to the right a picture of a line is drawn.
const DRAWN: usize = 1000;

/// A place in a line of which one word is shown, and blanks in the place of what is before it.
fn place(line: usize, column: usize, word: &str) -> Span {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let blanks = if column <= DRAWN { " ".repeat(column.saturating_sub(1)) } else { String::new() };
    Span::new(number(line), number(column), number(word.chars().count()), blanks + word)
}

/// Puts a fault where a name stands in a file.
trait AtName {
    fn at_name(self, text: &str, name: &str) -> Self;
}

impl AtName for Diagnostic {
    fn at_name(self, text: &str, name: &str) -> Self {
        let quoted = format!("\"{name}\"");
        let mut lines = text.lines().enumerate();
        let found = lines
            .find_map(|(number, line)| Some((number + 1, line[..line.find(&quoted)?].chars().count() + 1)));
        match found {
            Some((line, column)) => self.at(place(line, column, &quoted)),
            None => self,
        }
    }
}

/// Wrong settings.
pub(super) fn fault(path: &str, message: &str) -> Diagnostic {
    Diagnostic::error("GO0501", path, message)
        .help("a root's settings are `name`, `workspace`, `var_files`, `variables`, `inputs`, `files` and `removal`")
}
