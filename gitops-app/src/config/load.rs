//! From files to applications: which files are read, and what each application has of its own and of others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gitops_core::{Diagnostic, Digest, Error, ErrorKind, Result};

use super::backends::Backends;
use super::node::{Name, Node, Place, Shape};
use super::reader::Reader;
use super::{Config, Found, SHARED_KEYS, ServeConfig, apart, needs, promote, serve, shared, suggest, text};

/// The applications of a file, or of a folder of files.
#[derive(Clone, Debug)]
pub struct Applications {
    /// Each with a name of its own, in the order of their names; at least one.
    pub all: Vec<Config>,
    /// Whether there may be several: a folder was read, or a file that lists them under `applications`.
    pub is_list: bool,
    /// How a server of them works.
    pub serve: ServeConfig,
    /// The files that were read, shared parts included.
    pub files: Vec<PathBuf>,
    /// What each of them held.
    pub(crate) texts: BTreeMap<PathBuf, Digest>,
    /// The folder that was read, if it was one, with its files.
    pub(crate) folder: Option<(PathBuf, Vec<PathBuf>)>,
}

/// How many files are read at most.
const FILES: usize = 1000;

impl Applications {
    /// Reads a file, or every file of a folder whose name ends with `.yaml` or `.yml`. A file of the folder that another
    /// one includes is read only as a part of that.
    ///
    /// # Errors
    /// `Invalid` with every fault of the files, each with its place and the way out; or with two paths, if applications are
    /// not [apart](crate::place::check_apart).
    pub fn load(path: &Path, backends: &Backends) -> Result<Self> {
        let mut loading = Loading::new(backends);
        let folder = path.is_dir().then(|| (path.to_owned(), files_of(path)));
        match &folder {
            Some((_, files)) => {
                check_count(path, files.len()).map_err(|fault| super::refuse(vec![*fault]))?;
                files.iter().for_each(|path| loading.file(path));
            }
            None => loading.file(path),
        }
        let found = Self { folder: folder.clone(), ..loading.applications(folder.is_some())? };
        apart::check_apart(&found.all)?;
        Ok(found)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(file: &Path, text: &str, backends: &Backends) -> Result<Self> {
        let mut loading = Loading::new(backends);
        loading.text(file, text.to_owned());
        loading.applications(false)
    }

    /// The applications in an order in which each comes after those that it needs; where none is needed, by name.
    pub fn in_order(&self) -> Vec<&Config> {
        needs::in_order(&self.all)
    }

    /// The application of a name.
    ///
    /// # Errors
    /// `NotFound`, with the nearest name or all of them.
    pub fn named(&self, name: &str) -> Result<&Config> {
        let names: Vec<&str> = self.all.iter().map(|config| config.name.as_str()).collect();
        self.all.iter().find(|config| config.name == name).ok_or_else(|| {
            let message = format!("there is no application `{name}` in the configuration");
            Error::new(ErrorKind::NotFound, message).help(suggest::suggestion(name, &names))
        })
    }
}

/// The files of a folder that are read, by name; none of a folder that can't be read. A link that leads nowhere is one of them: it
/// can't be read, and is not taken for a file that is gone.
pub fn files_of(folder: &Path) -> Vec<PathBuf> {
    let is_wanted = |path: &PathBuf| is_read(path) && !path.is_dir();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(is_wanted).take(FILES + 1).collect();
    files.sort();
    files
}

/// The names of the applications in a file, whatever else it says; nothing of a file that can't be read.
pub fn names_in(path: &Path) -> Option<BTreeSet<String>> {
    let text = std::fs::read_to_string(path).ok()?;
    let found: serde_json::Value = serde_saphyr::from_str(&text).ok()?;
    let listed = found["applications"].as_array().into_iter().flatten();
    let named = std::iter::once(&found).chain(listed).filter_map(|one| one["name"].as_str());
    Some(named.map(str::to_owned).collect())
}

/// The shared parts that a file includes, also those that can't be read.
pub fn included_by(path: &Path) -> Vec<PathBuf> {
    let backends = Backends::new();
    let mut loading = Loading::new(&backends);
    loading.file(path);
    loading.included
}

/// Whether a file of this name is read as one of a folder.
pub fn is_read(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_yaml && !is_hidden
}

fn check_count(folder: &Path, files: usize) -> Result<(), Box<Diagnostic>> {
    let fault = |code, message: String, help: &str| {
        Err(Box::new(Diagnostic::error(code, folder.display().to_string(), message).help(help)))
    };
    match files {
        0 => {
            let help = "write one with `gitops -f FOLDER/NAME.yaml init`, or name another folder";
            fault("GO0101", "no file in this folder ends with `.yaml` or `.yml`".to_owned(), help)
        }
        1..=FILES => Ok(()),
        _ => fault("GO0104", format!("the folder has more than {FILES} files"), "split it"),
    }
}

/// What was read so far.
struct Loading {
    reader: Reader,
    /// What each file holds; nothing if it could not be read. By its path without links.
    roots: BTreeMap<PathBuf, Option<Node>>,
    /// The files that hold applications, as they were named.
    named: Vec<(PathBuf, PathBuf)>,
    /// The files that others include.
    included: Vec<PathBuf>,
}

impl Loading {
    fn new(backends: &Backends) -> Self {
        let reader = Reader::new(backends.clone());
        Self { reader, roots: BTreeMap::new(), named: Vec::new(), included: Vec::new() }
    }

    /// Takes in a file with applications.
    fn file(&mut self, path: &Path) {
        match text::read(path) {
            Ok(text) => self.text(path, text),
            Err(fault) => self.reader.take(*fault),
        }
    }

    fn text(&mut self, path: &Path, text: String) {
        let real = real(path);
        let file = self.reader.add(path, text);
        let root = self.reader.parse(file);
        for include in root.iter().flat_map(|root| self.includes(root)).collect::<Vec<_>>() {
            self.include(&include);
        }
        self.roots.insert(real.clone(), root);
        self.named.push((path.to_owned(), real));
    }

    /// The files that a file includes, each with the place where it is named.
    fn includes(&self, root: &Node) -> Vec<(PathBuf, Place)> {
        let Some((_, node)) = root.members().iter().find(|(name, _)| name.text == "include") else {
            return Vec::new();
        };
        let items = self.reader.items(node, "`include`", "write a list such as `[shared.yaml]`");
        items.iter().filter_map(|item| Some((self.reader.path(item, "`include`")?, item.place))).collect()
    }

    /// Takes in a shared part, once.
    fn include(&mut self, (path, place): &(PathBuf, Place)) {
        let real = real(path);
        if real == self::real(self.reader.path_of(place.file)) {
            return self.reader.fault(
                "GO0110",
                *place,
                "the file includes itself",
                "name another file, or none",
            );
        }
        self.included.push(real.clone());
        if self.roots.contains_key(&real) {
            return;
        }
        if self.roots.len() >= FILES {
            let message = format!("more than {FILES} files are read");
            return self.reader.fault("GO0104", *place, message, "include fewer");
        }
        let root = match text::read(path) {
            Ok(text) => {
                let file = self.reader.add(path, text);
                self.reader.parse(file)
            }
            Err(fault) => {
                let message = format!("`{}`: {}", path.display(), fault.message);
                let help = "name a file, relative to the one that includes it";
                self.reader.fault(fault.code, *place, message, help);
                None
            }
        };
        self.roots.insert(real, root);
    }

    /// The applications of all files. All are read before any is missed, so that every fault is found at once.
    fn applications(self, is_folder: bool) -> Result<Applications> {
        let mut all: Vec<Found> = Vec::new();
        let mut is_list = is_folder;
        for (path, real) in self.named.iter().filter(|(_, real)| !self.included.contains(real)) {
            let Some(Some(root)) = self.roots.get(real) else { continue };
            let listed = root.members().iter().find(|(name, _)| name.text == "applications");
            is_list |= listed.is_some();
            all.extend(match listed {
                Some((name, list)) => self.listed(path, root, name, list),
                None => self.single(path, root).into_iter().collect(),
            });
        }
        let serve = self.serve();
        all.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        self.check_names(&all);
        needs::check(&self.reader, &all);
        promote::check(&self.reader, &all);
        let environments = all.iter().filter_map(|found| found.config.labels.get("environment"));
        self.reader.check_environments(&environments.map(String::as_str).collect());
        if all.is_empty() && self.reader.is_faultless() {
            let message =
                "every file of this folder is included by another one, so none holds an application";
            self.reader.fault("GO0107", Place::start(0), message, "add a file with `applications`");
        }
        let (files, texts) = (self.reader.paths(), self.reader.digests());
        match self.reader.into_faults() {
            faults if faults.is_empty() => {
                let mut all: Vec<Config> = all.into_iter().map(|found| found.config).collect();
                let states: Vec<PathBuf> = all.iter().map(|config| config.state.clone()).collect();
                for config in &mut all {
                    config.others = states.iter().filter(|state| **state != config.state).cloned().collect();
                }
                let serve = serve.unwrap_or_default();
                Ok(Applications { all, is_list, serve, files, texts, folder: None })
            }
            faults => Err(super::refuse(faults)),
        }
    }

    /// How a server works: one file may say it.
    fn serve(&self) -> Option<ServeConfig> {
        let mut found = None;
        for (_, real) in self.named.iter().filter(|(_, real)| !self.included.contains(real)) {
            let members = self.roots.get(real).and_then(Option::as_ref).map_or(&[][..], Node::members);
            for (name, node) in members.iter().filter(|(name, _)| name.text == "serve") {
                match found {
                    None => found = Some(serve::read(&self.reader, node, name.place)),
                    Some(_) => self.reader.fault(
                        "GO0112",
                        name.place,
                        "`serve` is there twice, and one server has one address",
                        "remove one of them",
                    ),
                }
            }
        }
        found.flatten()
    }

    /// The one application that a file holds itself.
    fn single(&self, path: &Path, root: &Node) -> Option<Found> {
        let mut own = root.clone();
        own.remove("include");
        for shared in self.shared_parts(root).into_iter().rev() {
            shared::under(&mut own, shared);
        }
        super::read(&self.reader, &own, true, path)
    }

    /// The applications that a file lists; what stands beside the list is shared by them.
    fn listed(&self, path: &Path, root: &Node, name: &Name, list: &Node) -> Vec<Found> {
        let mut beside = root.clone();
        ["include", "applications", "serve"].iter().for_each(|key| beside.remove(key));
        self.check_shared(&beside, "give each application its own, under `applications`");
        for shared in self.shared_parts(root).into_iter().rev() {
            shared::under(&mut beside, shared);
        }
        let example = "write `- { name: shop, source: { … }, target: { … } }` in a line of its own";
        let items = self.reader.items(list, "`applications`", example);
        if matches!(&list.shape, Shape::List(items) if items.is_empty()) {
            self.reader.fault("GO0110", name.place, "`applications` is empty", example);
        }
        let one = |item: &Node| {
            let mut own = item.clone();
            shared::under(&mut own, &beside);
            super::read(&self.reader, &own, false, path)
        };
        items.iter().filter_map(one).collect()
    }

    /// The parts that a file includes, in the order in which it does: a later one stands instead of an earlier one.
    fn shared_parts(&self, root: &Node) -> Vec<&Node> {
        let includes = self.includes(root);
        let parts = includes.iter().filter_map(|(path, _)| self.roots.get(&real(path))?.as_ref());
        let parts: Vec<&Node> = parts.collect();
        parts
            .iter()
            .for_each(|part| self.check_shared(part, "give it to the application that includes this file"));
        parts
    }

    /// A shared part has only what can be shared: no name, no state, and no other applications.
    fn check_shared(&self, part: &Node, help: &str) {
        if !matches!(part.shape, Shape::Map(_)) {
            let message = format!("a shared part must be a mapping, not {}", part.shape.article());
            return self.reader.fault(
                "GO0109",
                part.place,
                message,
                "write it as an application, without its name",
            );
        }
        // In one namespace of a cluster each application has a state of its own.
        let is_shared = |(name, node): &&(Name, Node)| {
            SHARED_KEYS.contains(&name.text.as_str())
                || (name.text == "state" && matches!(node.shape, Shape::Map(_)))
        };
        for (name, _) in part.members().iter().filter(|member| !is_shared(member)) {
            match name.text.as_str() {
                key @ ("name" | "needs" | "promote" | "state" | "serve" | "applications" | "include") => {
                    self.reader.fault("GO0112", name.place, format!("`{key}` can't be shared"), help);
                }
                key => {
                    let message = format!("unknown key `{key}` in a shared part");
                    self.reader.fault("GO0106", name.place, message, suggest::suggestion(key, &SHARED_KEYS));
                }
            }
        }
    }

    /// Two applications of one name would have one state.
    fn check_names(&self, all: &[Found]) {
        for two in all.windows(2).filter(|two| two[0].config.name == two[1].config.name) {
            let first = self.reader.written(two[0].name);
            let message = format!("the application `{}` is there twice", two[0].config.name);
            let help = format!("the first is in line {} of {}", first.span.line, first.path);
            self.reader.fault("GO0108", two[1].name, message, help);
        }
    }
}

/// The path without links, by which a file is known that is named in two ways.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
