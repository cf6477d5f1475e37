use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Error, ErrorKind, GroupKind, Result, Value};

/// The kind of root modules, as it stands in keys: `target:Root/-/path`.
pub const ROOT: &str = "Root";

/// The group and kind of root modules.
pub(crate) fn root_kind() -> GroupKind {
    GroupKind::new("", ROOT)
}

/// What becomes of a root's resources when the root leaves the source.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Removal {
    /// They stay, and so does our claim on them.
    #[default]
    Retain,
    /// They are destroyed, by a plan that is shown before.
    Destroy,
    /// They stay, and the root is no longer ours.
    Forget,
}

impl Removal {
    /// The word that names it in the source.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::Destroy => "destroy",
            Self::Forget => "forget",
        }
    }

    /// The policy that a word names.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Retain, Self::Destroy, Self::Forget].into_iter().find(|policy| policy.word() == word)
    }
}

/// A root module as it is declared: all that a plan of it is made from.
///
/// [`TerraformRender`](crate::TerraformRender) makes them from a source; a renderer of your own may make them from
/// anything.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RootModule {
    /// The root's folder among the files; empty if they lie in it directly.
    pub folder: String,
    /// All files that the root reads, its own and those of local modules, by path: text or bytes.
    pub files: BTreeMap<String, Value>,
    /// The paths of the files that may be run.
    pub executable: BTreeSet<String>,
    /// The workspace.
    pub workspace: String,
    /// Variables; they win over every file.
    pub variables: BTreeMap<String, Value>,
    /// The paths of files of variables among the files, a later one winning over an earlier one.
    pub var_files: Vec<String>,
    /// What becomes of its resources when it leaves the source.
    pub removal: Removal,
}

impl RootModule {
    /// A root in a folder, with its files, in the workspace `default`.
    pub fn new(folder: impl Into<String>, files: BTreeMap<String, Value>) -> Self {
        Self { folder: folder.into(), files, workspace: "default".to_owned(), ..Self::default() }
    }

    /// The body of the object that declares it.
    pub fn into_body(self) -> Value {
        let texts = |texts: &mut dyn Iterator<Item = String>| {
            Value::List(texts.map(|text| Value::from(text.as_str())).collect())
        };
        Value::map([
            ("executable", texts(&mut self.executable.into_iter())),
            ("files", Value::map(self.files)),
            ("folder", self.folder.as_str().into()),
            ("removal", self.removal.word().into()),
            ("var_files", texts(&mut self.var_files.into_iter())),
            ("variables", Value::map(self.variables)),
            ("workspace", self.workspace.as_str().into()),
        ])
    }

    /// The root that a body declares.
    ///
    /// # Errors
    /// `Invalid` if the body has another shape, or names a path that is not inside, or a workspace that is no name.
    pub fn of_body(body: &Value) -> Result<Self> {
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_text);
            text.map(str::to_owned).ok_or_else(|| invalid(format!("a root needs a text `{name}`")))
        };
        let word = text("removal")?;
        let root = Self {
            folder: text("folder")?,
            files: members(body, "files")?,
            executable: texts(body, "executable")?.into_iter().collect(),
            workspace: text("workspace")?,
            variables: members(body, "variables")?,
            var_files: texts(body, "var_files")?,
            removal: Removal::of_word(&word).ok_or_else(|| {
                invalid(format!("`{word}` is no policy for a removal"))
                    .help("use `retain`, `destroy` or `forget`")
            })?,
        };
        root.check()?;
        Ok(root)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !self.folder.is_empty() {
            check_path(&self.folder)?;
        }
        self.files.keys().try_for_each(|path| check_path(path))?;
        for path in &self.var_files {
            if !self.files.contains_key(path) {
                return Err(invalid(format!("the file of variables `{path}` is not among the root's files")));
            }
        }
        check_workspace(&self.workspace)
    }
}

fn members(body: &Value, name: &str) -> Result<BTreeMap<String, Value>> {
    match body.get(name) {
        Some(Value::Map(members)) => {
            Ok(members.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
        }
        _ => Err(invalid(format!("a root needs a mapping `{name}`"))),
    }
}

fn texts(body: &Value, name: &str) -> Result<Vec<String>> {
    let wrong = || invalid(format!("a root needs a list of texts `{name}`"));
    let Some(Value::List(items)) = body.get(name) else { return Err(wrong()) };
    items.iter().map(|item| item.as_text().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// A path of the source is written below our own folder only if it can't lead out of it.
fn check_path(path: &str) -> Result<()> {
    let is_plain =
        |part: &str| !matches!(part, "" | "." | ".." | ".terraform") && !part.contains(['\0', '\\']);
    match path.split('/').all(is_plain) && path.len() <= 4096 {
        true => Ok(()),
        false => Err(invalid(format!("`{}` is not a path inside the source", path.escape_debug()))),
    }
}

/// The tool takes a workspace's name from an option: it must be a name, and no option.
pub(crate) fn check_workspace(name: &str) -> Result<()> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let fits = (1..=90).contains(&name.len()) && !name.starts_with(['-', '.']) && name.chars().all(is_plain);
    match fits {
        true => Ok(()),
        false => Err(invalid(format!("`{}` is not the name of a workspace", name.escape_debug()))
            .help("use 1 to 90 letters, digits, `-`, `_` and `.`, beginning with a letter, a digit or `_`")),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn root(path: &str) -> RootModule {
        RootModule::new("app", [(path.to_owned(), Value::from("x"))].into())
    }

    proptest! {
        #[test]
        fn a_body_gives_its_root_back(path in "[a-z]{1,5}(/[a-z.]{1,3}x){0,2}", workspace in "[a-z0-9_]{1,9}") {
            let root = RootModule {
                workspace,
                var_files: vec![path.clone()],
                variables: [("v".to_owned(), Value::from(3))].into(),
                removal: Removal::Destroy,
                ..root(&path)
            };
            prop_assert_eq!(RootModule::of_body(&root.clone().into_body()).unwrap(), root);
        }

        #[test]
        fn a_path_that_is_taken_stays_below_its_folder(path in r"[a/.\\]{0,8}") {
            if RootModule::of_body(&root(&path).into_body()).is_ok() {
                let parts: Vec<&str> = path.split('/').collect();
                prop_assert!(!parts.contains(&"..") && !parts.contains(&"") && !path.starts_with('/'));
            }
        }
    }

    #[test]
    fn a_workspace_that_looks_like_an_option_is_refused() {
        for workspace in ["-destroy", "", "a b", "../x", "é"] {
            let root = RootModule { workspace: workspace.into(), ..root("main.tf") };
            assert!(RootModule::of_body(&root.into_body()).is_err(), "{workspace}");
        }
    }
}
