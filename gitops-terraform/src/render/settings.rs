use std::collections::BTreeMap;

use gitops_core::{Diagnostic, Value};
use serde::Deserialize;

use super::files::join;
use crate::json;
use crate::module::Removal;

/// The name of the file that sets a root up.
pub(super) const FILE: &str = "gitops.json";

/// How a root is set up.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub workspace: Option<String>,
    pub variables: BTreeMap<String, Value>,
    /// Paths from the source's root.
    pub var_files: Vec<String>,
    pub removal: Option<Removal>,
}

/// The file's form. A name that is not known is refused: it may be a slip of the pen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    workspace: Option<String>,
    #[serde(default)]
    var_files: Vec<String>,
    removal: Option<String>,
    #[serde(default, rename = "variables")]
    _variables: BTreeMap<String, serde_json::Value>,
}

impl Settings {
    /// The settings in a file; the default where there is none.
    pub fn of(file: Option<&Value>, folder: &str, _target: &str) -> Result<Self, Vec<Diagnostic>> {
        let Some(file) = file else { return Ok(Self::default()) };
        let path = join(folder, FILE);
        let text = file.as_text().unwrap_or_default();
        let written: Written =
            serde_json::from_str(text).map_err(|error| vec![fault(&path, &error.to_string())])?;
        let removal = match written.removal.as_deref() {
            None => None,
            Some(word) => Some(Removal::of_word(word).ok_or_else(|| {
                let message = format!("`{word}` is no policy for a removal: `retain`, `destroy` or `forget`");
                vec![fault(&path, &message)]
            })?),
        };
        Ok(Self {
            workspace: written.workspace,
            variables: variables(text, &path)?,
            var_files: written.var_files.iter().map(|file| join(folder, file)).collect(),
            removal,
        })
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

/// Wrong settings.
pub(super) fn fault(path: &str, message: &str) -> Diagnostic {
    Diagnostic::error("GO0501", path, message)
        .help("a root's settings are `workspace`, `var_files`, `variables` and `removal`")
}
