//! Files of ours beside the root's own: the tool reads override files last, and they win.

use gitops_core::{Cx, Error, ErrorKind, Result, Value};

use crate::declare::hcl::Declared;
use crate::declare::module::RootModule;
use crate::disk;
use crate::root::{Doubt, DoubtKind, Keeper, Place, materialise};
use crate::target::site::Site;

const BACKEND_FILE: &str = "gitops_backend_override.tf.json";
const SENSITIVE_FILE: &str = "gitops_sensitive_override.tf.json";
const IMPORTS_FILE: &str = "gitops_imports.tf.json";

/// The most bytes that the declaration of a backend may have.
const DECLARATION_BYTES: u64 = 1 << 20;

impl Site<'_> {
    /// Writes them: where the state is kept, and which variables are secret.
    pub fn override_files(&self, root: &RootModule, place: &Place) -> Result<()> {
        let declaration = disk::read(&place.declaration(&self.folder), DECLARATION_BYTES)?;
        let declaration = declaration.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.write_override(place, BACKEND_FILE, declaration)?;
        self.write_override(place, SENSITIVE_FILE, sensitive(root)?)
    }

    /// Lays the files out with which the root was applied last: the state is asked for with their settings.
    pub async fn stand_as_applied(&self, cx: &Cx, place: &Place) -> Result<()> {
        let Some(bundle) = self.bundle(cx).await? else { return Ok(()) };
        let root = bundle.without_secrets()?;
        materialise(&root, &place.tree(&self.folder))?;
        self.import_nothing(place)?;
        let is_new = self.learn_the_backend(&root, place)?;
        self.override_files(&root, place)?;
        match is_new {
            true => self.init(cx, &root, place, &self.redact()).await,
            false => Ok(()),
        }
    }

    /// Writes down the backend of a place of which this work folder knows nothing yet, where the root was applied in another one: a
    /// run without it would find no state. Says whether that was so.
    ///
    /// # Errors
    /// `Invalid` if the target has another backend by now.
    pub fn learn_the_backend(&self, root: &RootModule, place: &Place) -> Result<bool> {
        let has_its_own = place.keeper != Keeper::Server || place.declaration(&self.folder).is_file();
        if has_its_own && place.data(&self.folder).is_dir() {
            return Ok(false);
        }
        if self.place_of(root)? == *place {
            return Ok(true);
        }
        let message = "its state is kept by a backend that is not that of the target any more, and of which nothing is in the work folder";
        Err(Error::new(ErrorKind::Invalid, message)
            .help("give the target its former backend back, and apply the root once"))
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
///
/// # Errors
/// `Invalid` if a variable that gets a secret is not found: it could not be marked.
fn sensitive(root: &RootModule) -> Result<Option<String>> {
    let secret: Vec<&String> =
        root.variables.iter().filter(|(_, value)| holds_a_secret(value)).map(|(name, _)| name).collect();
    if secret.is_empty() {
        return Ok(None);
    }
    let declared = Declared::of(root);
    let mut marks = Vec::new();
    for name in secret {
        if !declared.variables.contains(name) {
            return Err(not_found(name, &declared));
        }
        marks.push(format!(r#"{}:{{"sensitive":true}}"#, serde_json::Value::from(name.as_str())));
    }
    Ok(Some(format!(r#"{{"variable":{{{}}}}}"#, marks.join(","))))
}

fn not_found(name: &str, declared: &Declared) -> Error {
    let message = format!("the variable `{name}` gets a secret, and no file of the root declares it");
    let error = Error::new(ErrorKind::Invalid, message);
    match &declared.unread {
        Some((path, unread)) => error
            .with("not read", format!("{path}:{}: {}", unread.line, unread.message))
            .help("write the file so that it can be read, or declare the variable in a file of its own"),
        None => error.help("declare the variable, or take the secret away: it could not be hidden"),
    }
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
