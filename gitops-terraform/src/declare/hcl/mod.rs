//! What is read of the configuration language: which local modules a file calls, which variables it declares, how it sets
//! the tool up, and where it keeps the state.
//!
//! Both forms are read whole by a parser of the language. What it can't read is said, and never taken for a file without
//! variables: a secret that goes into a variable which was not found could not be marked.

mod json;
mod native;

use std::collections::BTreeSet;

use gitops_core::{Digest, Hasher};

use crate::declare::module::RootModule;

/// What a file of configuration says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The local modules that it calls.
    pub calls: Vec<ModuleCall>,
    /// The variables that it declares.
    pub variables: Vec<String>,
    /// The resources and modules that it declares, by their addresses: `TYPE.NAME`, `module.NAME`.
    pub made: Vec<String>,
    /// Its blocks `terraform { }`, as they are written.
    pub settings: Vec<String>,
    /// Its blocks `backend` and `cloud`, as they are written.
    pub backends: Vec<String>,
}

/// A call of a local module: the path as it is written, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleCall {
    pub source: String,
    pub line: u32,
}

impl ModuleCall {
    fn local(source: &str, line: u32) -> Option<Self> {
        let is_local = source.starts_with("./") || source.starts_with("../");
        is_local.then(|| Self { source: source.to_owned(), line })
    }
}

/// Why a file could not be read. The tool may still be able to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub line: u32,
    pub message: String,
}

/// Reads a file by the form that its name says; nothing if it is no configuration.
pub(crate) fn read(path: &str, text: &str) -> Option<Result<Configuration, Unread>> {
    // The tool takes a byte order mark for no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_hcl(path) {
        Some(native::read(text))
    } else if is_json(path) {
        Some(json::read(text))
    } else {
        None
    }
}

/// Whether a file is configuration in the configuration language.
pub(crate) fn is_hcl(path: &str) -> bool {
    [".tf", ".tofu"].iter().any(|end| path.ends_with(end))
}

/// Whether a file is configuration in the JSON form.
pub(crate) fn is_json(path: &str) -> bool {
    [".tf.json", ".tofu.json"].iter().any(|end| path.ends_with(end))
}

/// What a root declares of itself: its variables, and the first file that could not be read, with the reason.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub variables: Vec<String>,
    /// The resources and modules, by their addresses.
    pub made: Vec<String>,
    pub unread: Option<(String, Unread)>,
    /// The files with a block `cloud`.
    pub cloud: Vec<String>,
}

impl Declared {
    /// Those of the files in the root's own folder: a module's variables are the module's.
    pub fn of(root: &RootModule) -> Self {
        let mut declared = Self::default();
        for (path, read) in own(root) {
            match read {
                Ok(configuration) => {
                    let is_cloud = |backend: &String| backend.starts_with("cloud");
                    if configuration.backends.iter().any(is_cloud) {
                        declared.cloud.push(path.to_owned());
                    }
                    declared.variables.extend(configuration.variables);
                    declared.made.extend(configuration.made);
                }
                Err(unread) => drop(declared.unread.get_or_insert((path.to_owned(), unread))),
            }
        }
        declared
    }
}

impl Declared {
    /// By what a root is known again in another folder: the resources and modules that it declares. One that declares none, or of
    /// which a file could not be read, is like none in another folder.
    pub fn likeness(&self, folder: &str) -> Digest {
        let made: BTreeSet<&String> = self.made.iter().collect();
        if made.is_empty() || self.unread.is_some() {
            return Hasher::new("gitops terraform folder 1").field(folder).finish();
        }
        let mut hasher = Hasher::new("gitops terraform likeness 1");
        made.iter().for_each(|address| {
            hasher.field(address);
        });
        hasher.finish()
    }
}

/// The blocks that say where a root keeps its state, in the order of its files.
pub(crate) fn backends(root: &RootModule) -> Vec<String> {
    own(root).filter_map(|(_, read)| read.ok()).flat_map(|configuration| configuration.backends).collect()
}

/// What the files in a root's own folder say.
fn own(root: &RootModule) -> impl Iterator<Item = (&str, Result<Configuration, Unread>)> {
    let folder = if root.folder.is_empty() { String::new() } else { format!("{}/", root.folder) };
    root.files.iter().filter_map(move |(path, content)| {
        let name = path.strip_prefix(&folder)?;
        let read = if name.contains('/') { None } else { read(name, content.as_text().unwrap_or_default()) };
        read.map(|read| (path.as_str(), read))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_panics(text in r#"[a-z{}\[\]"\\$%<\-\n ü/*#=.:,]{0,60}"#) {
            let _ = (read("a.tf", &text), read("a.tf.json", &text));
        }

        /// Whatever stands around a declaration that the language allows, the variable is found.
        #[test]
        fn a_variable_is_found_among_what_else_there_is(
            before in prop::sample::select(vec![
                "", "\u{feff}", "locals { x = \"$${\" }\n", "locals { x = \"%%{\" }\n", "locals {\n x = <<-A\n }\n variable \"no\" {\n A\n}\n",
                "# variable \"no\" {}\n", "/* { */\n", "locals { x = \"${join(\"}\", [\"{\"])}\" }\n", "locals { x = 5 / 2 }\n",
            ]),
            head in prop::sample::select(vec!["variable pw {}", "variable \"pw\" {\n}", "variable \"pw\" { default = \"a\" }", "variable \"p\\u0077\" {}"]),
        ) {
            let found = read("a.tf", &format!("{before}{head}\n")).unwrap().unwrap();
            prop_assert_eq!(found.variables, ["pw"]);
        }
    }

    #[test]
    fn a_file_that_can_not_be_read_says_where_and_is_not_empty() {
        for (path, text) in [("a.tf", "\nvariable {\n"), ("a.tf.json", "{\n\"variable\": {")] {
            let unread = read(path, text).unwrap().unwrap_err();
            assert!(unread.line >= 2 && !unread.message.is_empty(), "{unread:?}");
        }
        assert_eq!(read("a.txt", "variable x {}"), None);
    }
}
