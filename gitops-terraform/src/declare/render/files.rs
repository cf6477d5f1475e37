use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Diagnostic, EntryKind, Part, Value};

use super::policy;
use crate::declare::hcl::{self, ModuleCall, Unread};
use crate::tool::address::resolve;

/// The most files that a root may have, its local modules included.
const FILES: usize = 10_000;
/// The most bytes that one file may have.
const FILE_BYTES: usize = 10 << 20;
/// The most bytes that all files may have.
const BYTES: usize = 64 << 20;

/// The files that a root reads: its folder and those of the local modules that it calls.
pub(super) struct Files<'a> {
    part: &'a Part<'a>,
    pub found: BTreeMap<String, Value>,
    pub executable: BTreeSet<String>,
    pub faults: Vec<Diagnostic>,
    /// The folders of local modules, with the place of a call of each.
    pub modules: BTreeMap<String, (String, u32)>,
    bytes: usize,
}

impl<'a> Files<'a> {
    /// Collects them.
    pub fn of(part: &'a Part<'a>, root: &str) -> Self {
        let mut files = Self {
            part,
            found: BTreeMap::new(),
            executable: BTreeSet::new(),
            faults: Vec::new(),
            modules: BTreeMap::new(),
            bytes: 0,
        };
        let mut due = vec![root.to_owned()];
        while let Some(folder) = due.pop() {
            files.take_folder(&folder);
            due.extend(files.called_from(&folder, root));
            if !files.faults.is_empty() {
                break;
            }
        }
        files
    }

    fn take_folder(&mut self, folder: &str) {
        let entries = match self.part.list(folder) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(faults) => return self.faults.extend(faults),
        };
        for entry in entries {
            let path = join(folder, &entry.name);
            match entry.kind {
                EntryKind::Folder if entry.name == ".git" => {}
                EntryKind::Folder => self.take_folder(&path),
                EntryKind::File { executable } => self.take_file(path, executable),
                // To read it is the fault: a root without one of its files would be another root.
                EntryKind::Link => self.take_file(path, false),
            }
        }
    }

    /// Takes a file that must be there.
    pub fn take_named(&mut self, path: &str) {
        self.take_file(path.to_owned(), false);
        if self.faults.is_empty() && !self.found.contains_key(path) {
            let fault = Diagnostic::error("GO0501", path, "the source has no such file");
            self.faults.push(fault.help("add the file, or take it out of the list that names it"));
        }
    }

    fn take_file(&mut self, path: String, executable: bool) {
        if self.found.contains_key(&path) {
            return;
        }
        if let Some(fault) = policy::check(&path) {
            return self.faults.push(fault);
        }
        match self.part.read(&path) {
            Ok(Some(bytes)) => {
                self.bytes += bytes.len();
                if let Some(fault) = self.over_a_limit(&path, bytes.len()) {
                    return self.faults.push(fault);
                }
                if executable {
                    self.executable.insert(path.clone());
                }
                self.found.insert(path, Value::text_or_bytes(bytes));
            }
            Ok(None) => {}
            Err(faults) => self.faults.extend(faults),
        }
    }

    fn over_a_limit(&self, path: &str, bytes: usize) -> Option<Diagnostic> {
        let message = if bytes > FILE_BYTES {
            format!("a file of {bytes} bytes; the limit is {FILE_BYTES}")
        } else if self.bytes > BYTES {
            format!("the root's files are more than {BYTES} bytes")
        } else if self.found.len() >= FILES {
            format!("the root has more than {FILES} files")
        } else {
            return None;
        };
        let help = "keep only what the tool reads in the root's folder and in its modules' folders";
        Some(Diagnostic::error("GO0503", path, message).help(help))
    }

    /// The folders of local modules that the files of a folder call and that were not looked at yet.
    fn called_from(&mut self, folder: &str, root: &str) -> Vec<String> {
        let mut new = Vec::new();
        for (path, call) in self.calls_in(folder) {
            match resolve(folder, &call.source) {
                Some(module) if module == root || self.modules.contains_key(&module) => {}
                Some(module) => {
                    self.modules.insert(module.clone(), (path, call.line));
                    new.push(module);
                }
                None => self.faults.push(
                    Diagnostic::error(
                        "GO0504",
                        place(&path, call.line),
                        format!("`{}` leads out of the source", call.source),
                    )
                    .help("call modules inside the source, or by a registry or Git address"),
                ),
            }
        }
        new
    }

    fn calls_in(&self, folder: &str) -> Vec<(String, ModuleCall)> {
        let direct = |path: &&String| parent(path) == folder;
        let mut found = Vec::new();
        for path in self.found.keys().filter(direct) {
            match hcl::read(path, self.found[path].as_text().unwrap_or_default()) {
                Some(Ok(configuration)) => {
                    found.extend(configuration.calls.into_iter().map(|call| (path.clone(), call)));
                }
                Some(Err(unread)) => self.part.warning(not_read(path, &unread)),
                None => {}
            }
        }
        found
    }
}

/// The tool may be able to read it, and says so itself if it is not.
fn not_read(path: &str, unread: &Unread) -> Diagnostic {
    let message = format!("local modules that are called here are not seen: {}", unread.message);
    Diagnostic::warning("GO0506", place(path, unread.line), message)
        .help("write the file so that it can be read: the tool's own `validate` says whether it is at fault")
}

/// The folder that a path is in; empty for the source's root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn join(folder: &str, name: &str) -> String {
    match folder.is_empty() {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    }
}

pub(super) fn place(path: &str, line: u32) -> String {
    match line {
        0 => path.to_owned(),
        line => format!("{path}:{line}"),
    }
}
