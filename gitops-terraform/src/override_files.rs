//! Files of ours beside the root's own: the tool reads override files last, and they win.

use gitops_core::{Result, Value};

use crate::disk;
use crate::hcl;
use crate::module::RootModule;
use crate::root::{Doubt, DoubtKind, Place};
use crate::site::Site;

const BACKEND_FILE: &str = "gitops_backend_override.tf.json";
const SENSITIVE_FILE: &str = "gitops_sensitive_override.tf.json";
const IMPORTS_FILE: &str = "gitops_imports.tf.json";

impl Site<'_> {
    /// Writes them: where the state is kept, and which variables are secret.
    pub fn override_files(&self, root: &RootModule, place: &Place) -> Result<()> {
        self.write_override(place, BACKEND_FILE, self.workshop().backend.declaration(place)?)?;
        self.write_override(place, SENSITIVE_FILE, sensitive(root))
    }

    /// Imports what an apply that was cut short is known to have made, as far as its identity is known; says whether
    /// there is anything to import.
    pub fn import_what_is_lost(&self, place: &Place) -> Result<bool> {
        let lost = self.record().doubts.iter().filter(|doubt| doubt.kind == DoubtKind::NotInState);
        let import = |doubt: &Doubt| {
            let (to, id) = (doubt.address.as_str(), doubt.id.as_deref()?);
            Some(serde_json::json!({ "to": to, "id": id }))
        };
        let imports: Vec<serde_json::Value> = lost.filter_map(import).collect();
        let any = !imports.is_empty();
        let text = any.then(|| serde_json::json!({ "import": imports }).to_string());
        self.write_override(place, IMPORTS_FILE, text)?;
        Ok(any)
    }

    /// Leaves the import of what was lost to a person.
    pub fn import_nothing(&self, place: &Place) -> Result<()> {
        self.write_override(place, IMPORTS_FILE, None)
    }

    fn write_override(&self, place: &Place, name: &str, text: Option<String>) -> Result<()> {
        let path = self.cwd(place).join(name);
        match text {
            Some(text) => disk::place(&path, text.as_bytes(), false),
            None => disk::remove(&path),
        }
    }
}

/// Declares the variables that get a secret as sensitive, so that the tool hides them and all that is made of them.
fn sensitive(root: &RootModule) -> Option<String> {
    let declared = declared(root);
    let secret =
        root.variables.iter().filter(|(name, value)| declared.contains(name) && holds_a_secret(value));
    let mark = |(name, _): (&String, &Value)| {
        let name = serde_json::Value::from(name.as_str());
        format!(r#"{name}:{{"sensitive":true}}"#)
    };
    let marks: Vec<String> = secret.map(mark).collect();
    (!marks.is_empty()).then(|| format!(r#"{{"variable":{{{}}}}}"#, marks.join(",")))
}

fn declared(root: &RootModule) -> Vec<String> {
    let folder = if root.folder.is_empty() { String::new() } else { format!("{}/", root.folder) };
    let own = root.files.iter().filter_map(|(path, content)| {
        let name = path.strip_prefix(&folder)?;
        (!name.contains('/')).then(|| (name, content.as_text().unwrap_or_default()))
    });
    own.flat_map(|(name, text)| {
        if hcl::is_hcl(name) {
            hcl::variables_in_hcl(text)
        } else if hcl::is_json(name) {
            hcl::variables_in_json(text)
        } else {
            Vec::new()
        }
    })
    .collect()
}

/// Whether there is a secret anywhere in a value.
pub(crate) fn holds_a_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(holds_a_secret),
        Value::Map(members) => members.values().any(holds_a_secret),
        _ => false,
    }
}
