mod files;
mod policy;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Cx, Diagnostic, Digest, EntryKind, Hasher, Key, Object, Part, Render, RenderRoot, Value};
use smol_str::SmolStr;

use crate::declare::hcl::{Declared, is_hcl, is_json};
use crate::declare::module::{Removal, RootModule, check_workspace, root_kind};
use files::{Files, join, parent, place};
use settings::Settings;

/// Declares each root module of a source as one object.
///
/// A root module is a folder with files of configuration (`.tf`, `.tf.json`, `.tofu`, `.tofu.json`) directly in it.
/// Folders named `modules`, and all below them, hold no roots: their modules are called by others. Where a source is
/// laid out otherwise, [`roots`](Self::roots) lists them.
///
/// A root's object holds all files of its folder and of the local modules that it calls, so that a change of any of
/// them is a change of the root, and nothing else is. A file `gitops.json` in a root's folder sets its workspace, its
/// variables, and where variables come from. An input is an output of another root, or of any object by its `key`:
///
/// ```json
/// {
///   "workspace": "production",
///   "var_files": ["production.tfvars"],
///   "variables": { "size": 3 },
///   "inputs": { "network": { "root": "infra/network", "output": "id" } },
///   "removal": "destroy"
/// }
/// ```
///
/// # Errors
/// A diagnostic with file and line for each of: a file that would change what the tool does without showing it
/// (`GO0502`), a limit (`GO0503`), a module outside the source (`GO0504`), a module that is declared as a root too
/// (`GO0505`), wrong settings (`GO0501`).
#[derive(Clone, Debug)]
pub struct TerraformRender {
    target: SmolStr,
    roots: Option<BTreeSet<String>>,
    workspace: String,
    variables: BTreeMap<String, Value>,
    var_files: Vec<String>,
    removal: Removal,
}

impl TerraformRender {
    /// Declares roots for the target that the engine knows under this name.
    pub fn new(target: impl Into<SmolStr>) -> Self {
        Self {
            target: target.into(),
            roots: None,
            workspace: "default".to_owned(),
            variables: BTreeMap::new(),
            var_files: Vec::new(),
            removal: Removal::default(),
        }
    }

    /// Takes exactly these folders for roots.
    #[must_use]
    pub fn roots<P: Into<String>>(mut self, folders: impl IntoIterator<Item = P>) -> Self {
        self.roots = Some(folders.into_iter().map(Into::into).collect());
        self
    }

    /// The workspace of roots that name none.
    #[must_use]
    pub fn workspace(mut self, name: impl Into<String>) -> Self {
        self.workspace = name.into();
        self
    }

    /// A variable that every root gets, if it declares it; a root's own settings win.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// A file of variables that every root gets, by its path in the source: before those of a root's own settings, which
    /// win.
    #[must_use]
    pub fn var_file(mut self, path: impl Into<String>) -> Self {
        self.var_files.push(path.into());
        self
    }

    /// What becomes of the resources of roots that leave the source. They stay by default.
    #[must_use]
    pub fn removal(mut self, policy: Removal) -> Self {
        self.removal = policy;
        self
    }

    fn is_root(&self, folder: &str) -> bool {
        match &self.roots {
            Some(roots) => roots.contains(folder),
            None => !folder.split('/').any(|part| part == "modules"),
        }
    }

    /// Whether the part's file is the one that stands for its folder: the first of its configuration.
    fn stands_for(part: &Part<'_>, folder: &str) -> Result<bool, Vec<Diagnostic>> {
        let entries = part.list(folder)?.unwrap_or_default();
        let is_file = |kind| matches!(kind, EntryKind::File { .. });
        let first = entries.iter().find(|entry| is_file(entry.kind) && is_configuration(&entry.name));
        Ok(first.is_some_and(|entry| join(folder, &entry.name) == part.path()))
    }

    fn root(&self, part: &Part<'_>, folder: &str) -> Result<Object, Vec<Diagnostic>> {
        let mut files = Files::of(part, folder);
        self.var_files.iter().for_each(|path| files.take_named(path));
        let settings = Settings::of(files.found.get(&join(folder, settings::FILE)), folder, &self.target)?;
        settings.files.iter().for_each(|path| files.take_named(path));
        let mut faults = files.faults;
        faults.extend(files.modules.iter().filter_map(|(module, call)| self.both(part, module, call)));
        let mut root = RootModule::new(folder, files.found);
        let declared = Declared::of(&root);
        faults.extend(declared.cloud.iter().map(|path| cloud(path)));
        let at = join(folder, settings::FILE);
        if settings.name.as_deref().is_some_and(str::is_empty) {
            faults.push(settings::fault(&at, "the name is empty"));
        }
        faults.extend(settings.slips(&at, &declared));
        root.executable = files.executable;
        root.workspace = settings.workspace.unwrap_or_else(|| self.workspace.clone());
        root.removal = settings.removal.unwrap_or(self.removal);
        root.variables = self.variables.clone();
        // Where every file was read, what is not declared is known not to be: the root does not get it.
        root.variables.retain(|name, _| declared.unread.is_some() || declared.variables.contains(name));
        root.variables.extend(settings.variables);
        root.var_files = self.var_files.iter().cloned().chain(settings.var_files).collect();
        if let Err(error) = check_workspace(&root.workspace).and_then(|()| root.check()) {
            faults.push(settings::fault(&at, error.message()));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let stays = root.removal == Removal::Retain;
        let name = settings.name.as_deref().unwrap_or(if folder.is_empty() { "." } else { folder });
        let key = Key::new(self.target.clone(), root_kind(), "", name);
        let object = Object::new(key, root.into_body(), part.provenance(0));
        let object = object.like(declared.likeness(folder));
        let object = if settings.name.is_some() { object.named() } else { object };
        Ok(if stays { object.kept() } else { object })
    }

    /// A module that a root calls must not be a root of its own: its resources would be made twice.
    fn both(&self, part: &Part<'_>, module: &str, call: &(String, u32)) -> Option<Diagnostic> {
        let entries = part.list(module).ok().flatten()?;
        let has_files = entries.iter().any(|entry| is_configuration(&entry.name));
        (self.is_root(module) && has_files).then(|| {
            let message = format!("`{module}` is called as a module here, and is declared as a root too");
            Diagnostic::error("GO0505", place(&call.0, call.1), message)
                .help("move it below a folder `modules`, or list the roots")
        })
    }
}

/// A plan of it would be made and kept elsewhere, and could not be applied as it was shown.
fn cloud(path: &str) -> Diagnostic {
    let message = "a `cloud` block has plans made and applied elsewhere: what is shown here could not be what is applied";
    Diagnostic::error("GO0510", path, message)
        .help("use a `backend` block; the service's own storage of states can be one (`backend \"remote\"`)")
}

fn is_configuration(name: &str) -> bool {
    is_hcl(name) || is_json(name)
}

impl Render for TerraformRender {
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let folder = parent(part.path());
        match self.is_root(folder) && Self::stands_for(part, folder)? {
            true => Ok(vec![self.root(part, folder)?]),
            false => Ok(Vec::new()),
        }
    }

    fn wants(&self, path: &str) -> bool {
        is_configuration(path) && self.is_root(parent(path))
    }

    /// What a root reads is looked at with the root.
    fn passes_over(&self, link: &str) -> bool {
        let leads_to_a_root = self.roots.iter().flatten().any(|root| root == link);
        !leads_to_a_root && !self.wants(link)
    }

    fn roots(&self) -> Vec<RenderRoot> {
        self.roots.iter().flatten().map(|folder| RenderRoot::folder(folder)).collect()
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops terraform render 1");
        hasher.field(&self.target).field(&self.workspace).field(self.removal.word());
        hasher.field([u8::from(self.roots.is_some())]);
        hasher.field(Value::map(self.variables.clone()).digest().as_bytes());
        hasher.field(self.var_files.len().to_le_bytes());
        self.var_files.iter().for_each(|file| {
            hasher.field(file);
        });
        self.roots.iter().flatten().for_each(|root| {
            hasher.field(root);
        });
        hasher.finish()
    }
}
