//! Reads typed values out of the tree and collects every fault on the way.
// Long because every way to read a value, with its fault, is in one place.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gitops_core::{Diagnostic, Digest, Span, nearest, redact};

use super::backends::Backends;
use super::node::{self, Name, Node, Place, Shape};
use super::suggest::suggestion;

/// How many faults are kept: a file with more of them is not meant to be a configuration.
const MOST: usize = 100;

/// Files that are being read, and what was found wrong with them so far.
pub struct Reader {
    backends: Backends,
    files: Vec<File>,
    faults: RefCell<Vec<Diagnostic>>,
    /// How many more there are than are kept.
    more: Cell<usize>,
    /// The environments that rules are said to be for.
    environments: RefCell<Vec<(String, Place)>>,
}

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: String,
    /// The place in it.
    pub span: Span,
}

/// A file and its text.
struct File {
    path: PathBuf,
    text: String,
    /// The text as pictures show it, without what looks like a credential; made for the first of them.
    shown: OnceCell<String>,
}

impl File {
    /// What a line is depends on those before it: it may be one of a text of several lines.
    fn shown(&self) -> &str {
        self.shown.get_or_init(|| redact::line(&self.text))
    }
}

impl Reader {
    /// A reader of files in which targets may be of these kinds.
    pub fn new(backends: Backends) -> Self {
        Self {
            backends,
            files: Vec::new(),
            faults: RefCell::default(),
            more: Cell::default(),
            environments: RefCell::default(),
        }
    }

    /// The kinds of targets besides those that are built in.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// What each file holds.
    pub fn digests(&self) -> BTreeMap<PathBuf, Digest> {
        self.files.iter().map(|file| (file.path.clone(), Digest::of(file.text.as_bytes()))).collect()
    }

    /// Takes in a file; gives its number.
    pub fn add(&mut self, path: &Path, text: String) -> usize {
        self.files.push(File { path: path.to_owned(), text, shown: OnceCell::new() });
        self.files.len() - 1
    }

    /// The path of a file, as it was named.
    pub fn path_of(&self, file: usize) -> &Path {
        &self.files[file].path
    }

    /// Reads the text of a file that was taken in; a fault if it is not YAML.
    pub fn parse(&self, file: usize) -> Option<Node> {
        node::parse(file, &self.files[file].text)
            .map_err(|(message, place)| {
                let help = "check the indentation, the quotes and the brackets near this place";
                let place = place.unwrap_or(Place::start(file));
                self.fault("GO0105", place, format!("not YAML: {message}"), help);
            })
            .ok()
    }

    /// Records a fault that was found elsewhere.
    pub fn take(&self, fault: Diagnostic) {
        self.faults.borrow_mut().push(fault);
    }

    /// Whether nothing was wrong so far.
    pub fn is_faultless(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    fn name(&self, file: usize) -> String {
        self.path_of(file).display().to_string()
    }

    /// A path that is written in a file; a relative one starts from the file's folder.
    pub fn path(&self, node: &Node, what: &str) -> Option<PathBuf> {
        Some(self.base(node.place).join(self.text(node, what)?))
    }

    /// The folder of the file in which a place is.
    pub fn base(&self, place: Place) -> &Path {
        self.path_of(place.file).parent().unwrap_or(Path::new(""))
    }

    /// Records a fault at a place.
    pub fn fault(
        &self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.faults.borrow().len() >= MOST {
            return self.more.set(self.more.get() + 1);
        }
        let fault = Diagnostic::error(code, self.name(place.file), message).at(self.span(place)).help(help);
        self.faults.borrow_mut().push(fault);
    }

    /// A warning at a place, to be shown later.
    pub fn warning(&self, code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, self.name(place.file), message).at(self.span(place))
    }

    /// Records a fault whose line holds a secret from the place on: the picture leaves it out.
    pub fn fault_in_secret(&self, code: &'static str, place: Place, message: &str, help: &str) {
        let mut span = self.span(place);
        let before: String = span.text.chars().take(place.column as usize - 1).collect();
        span.text = format!("{before}(not shown)");
        span.width = 11;
        let fault = Diagnostic::error(code, self.name(place.file), message).at(span).help(help);
        self.faults.borrow_mut().push(fault);
    }

    /// The faults, in the order of the files; one that several applications share is there once.
    pub fn into_faults(self) -> Vec<Diagnostic> {
        let order: BTreeMap<String, usize> =
            (0..self.files.len()).rev().map(|file| (self.name(file), file)).collect();
        let mut faults = self.faults.into_inner();
        let place = |fault: &Diagnostic| {
            let span = fault.span.as_ref().map(|span| (span.line, span.column));
            (order.get(&fault.path).copied(), span, fault.code, fault.message.clone())
        };
        faults.sort_by_cached_key(place);
        faults.dedup();
        let more = self.more.get();
        if let Some(last) = faults.last().filter(|_| more > 0) {
            let message = format!("{more} more faults are not shown");
            faults.push(Diagnostic::error(last.code, last.path.clone(), message).help("mend these first"));
        }
        faults
    }

    /// The place with its file, for errors that only others can find.
    pub fn written(&self, place: Place) -> Written {
        Written { path: self.name(place.file), span: self.span(place) }
    }

    /// The place with its line; what reaches over the end of the line is cut.
    pub fn span(&self, place: Place) -> Span {
        let index = place.line as usize - 1;
        let text = self.files[place.file].shown().lines().nth(index).unwrap_or_default();
        let rest = text.chars().count().saturating_sub(place.column as usize - 1);
        let width = place.width.min(u32::try_from(rest).unwrap_or(u32::MAX)).max(1);
        Span::new(place.line, place.column, width, text)
    }

    /// The members of a mapping that knows these keys; `what` is its name in errors.
    pub fn fields<'n>(
        &'n self,
        node: &'n Node,
        what: &'n str,
        owner: Place,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Shape::Map(members) = &node.shape else {
            let message = format!("{what} must be a mapping, not {}", node.shape.article());
            self.fault("GO0109", node.place, message, format!("its keys are {}", list(known)));
            return None;
        };
        for (index, (name, node)) in members.iter().enumerate() {
            self.check_name(name, &members[..index], what, known);
            self.check_value(name, node);
        }
        Some(Fields { reader: self, members, what, owner })
    }

    fn check_name(&self, name: &Name, before: &[(Name, Node)], what: &str, known: &[&str]) {
        if let Some((first, _)) = before.iter().find(|(other, _)| other.text == name.text) {
            let message = format!("the key `{}` is there twice in {what}", name.text);
            self.fault("GO0108", name.place, message, format!("the first is in line {}", first.place.line));
        } else if !known.contains(&name.text.as_str()) {
            let message = format!("unknown key `{}` in {what}", name.text);
            self.fault("GO0106", name.place, message, super::suggest::suggestion(&name.text, known));
        }
    }

    /// A key without a value would be as good as no key, and no key mostly means no limit.
    fn check_value(&self, name: &Name, node: &Node) {
        if matches!(node.shape, Shape::Null) {
            let message = format!("`{}` has no value", name.text);
            self.fault("GO0107", name.place, message, "write one, or remove the key");
        }
    }

    /// Text that is not empty.
    pub fn text(&self, node: &Node, what: &str) -> Option<String> {
        let Shape::Text(text) = &node.shape else {
            let message = format!("{what} must be text, not {}", node.shape.article());
            self.fault("GO0109", node.place, message, self.text_help(node));
            return None;
        };
        if text.is_empty() || text.contains(char::is_control) {
            let message = match text.is_empty() {
                true => format!("{what} is empty"),
                false => format!("{what} has control characters"),
            };
            self.fault("GO0110", node.place, message, "write a value on one line");
            return None;
        }
        Some(text.clone())
    }

    /// What was written, and not what it was read as: `1.10` is no `1.1`, and `on` no `true`.
    fn text_help(&self, node: &Node) -> String {
        let read = match &node.shape {
            Shape::Number(number) => number.clone(),
            Shape::Bool(value) => value.to_string(),
            _ => return "write one value here".to_owned(),
        };
        let text = &self.files[node.place.file].text;
        let line = text.lines().nth(node.place.line as usize - 1).unwrap_or_default();
        let written = line.chars().skip(node.place.column as usize - 1);
        let written: String = written.take_while(|c| !c.is_whitespace() && !",]}#".contains(*c)).collect();
        format!("put it in quotes: \"{}\"", if written.is_empty() { read } else { written })
    }

    /// A number of bytes, such as `10 MiB`, or of things.
    pub fn amount(&self, node: &Node, what: &str) -> Option<u64> {
        let text = match &node.shape {
            Shape::Number(text) | Shape::Text(text) => text.trim(),
            _ => "",
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim() {
            "" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let amount = factor.and_then(|factor: u64| number.parse::<u64>().ok()?.checked_mul(factor));
        let amount = amount.filter(|amount| *amount > 0);
        if amount.is_none() {
            let message = format!("{what} must be a number greater than zero");
            self.fault("GO0110", node.place, message, "write it as `1000` or, of bytes, as `10 MiB`");
        }
        amount
    }

    /// A truth value.
    pub fn boolean(&self, node: &Node, what: &str) -> Option<bool> {
        if let Shape::Bool(value) = node.shape {
            return Some(value);
        }
        let message = format!("{what} must be `true` or `false`, not {}", node.shape.article());
        self.fault("GO0109", node.place, message, "write `true` or `false` without quotes");
        None
    }

    /// A list of texts.
    pub fn texts(&self, node: &Node, what: &str) -> Vec<String> {
        self.placed_texts(node, what).into_iter().map(|(text, _)| text).collect()
    }

    /// The environments that a rule is for. Whether any application is in them is known once all are read.
    pub fn environments(&self, node: &Node) -> Vec<String> {
        let items = self.items(node, "`environments`", "write `environments: [production]`");
        let found = items.iter().filter_map(|item| Some((self.text(item, "`environments`")?, item.place)));
        let found: Vec<(String, Place)> = found.collect();
        self.environments.borrow_mut().extend(found.iter().cloned());
        found.into_iter().map(|(environment, _)| environment).collect()
    }

    /// Refuses rules for an environment that is most likely another one: they would hold for nobody. A shared part may speak of
    /// environments whose applications are in other files.
    pub fn check_environments(&self, known: &BTreeSet<&str>) {
        for (environment, place) in self.environments.take() {
            if known.contains(environment.as_str()) {
                continue;
            }
            let message = format!("no application has the environment `{environment}`");
            let is_pattern = environment.contains(['*', '?', '[']);
            if known.is_empty() {
                let help =
                    format!("give the applications it is for `labels: {{ environment: {environment} }}`");
                self.fault("GO0110", place, message, help);
            } else if is_pattern || nearest(&environment, known.iter().copied()).is_some() {
                let known: Vec<&str> = known.iter().copied().collect();
                self.fault("GO0110", place, message, suggestion(&environment, &known));
            }
        }
    }

    /// A list of texts, each with its place.
    pub fn placed_texts(&self, node: &Node, what: &str) -> Vec<(String, Written)> {
        let items = self.items(node, what, "write a list such as `[\"*.bak\"]`");
        items.iter().filter_map(|item| Some((self.text(item, what)?, self.written(item.place)))).collect()
    }

    /// The items of a list; none, and a fault with this help, if it is something else.
    pub fn items<'n>(&self, node: &'n Node, what: &str, help: &str) -> &'n [Node] {
        let Shape::List(items) = &node.shape else {
            let message = format!("{what} must be a list, not {}", node.shape.article());
            self.fault("GO0109", node.place, message, help);
            return &[];
        };
        items
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{what} can't be `{text}`");
            self.fault("GO0110", node.place, message, super::suggest::suggestion(&text, &known));
        }
        found
    }
}

/// Words as a list for people.
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// The members of one mapping.
pub struct Fields<'n> {
    reader: &'n Reader,
    members: &'n [(Name, Node)],
    what: &'n str,
    owner: Place,
}

impl<'n> Fields<'n> {
    /// The value of a key with the key's place, if the key is there. A key without a value is a fault already.
    pub fn get(&self, name: &str) -> Option<(Place, &'n Node)> {
        let (name, node) = self.members.iter().find(|(member, _)| member.text == name)?;
        (!matches!(node.shape, Shape::Null)).then_some((name.place, node))
    }

    /// The value of a key that narrows what may happen. An empty one would be as good as no limit, which is a fault.
    pub fn limit(&self, name: &str) -> Option<(Place, &'n Node)> {
        let (place, node) = self.get(name)?;
        let is_empty = match &node.shape {
            Shape::List(items) => items.is_empty(),
            Shape::Map(members) => members.is_empty(),
            _ => false,
        };
        if is_empty {
            let message = format!("`{name}` is empty, and would limit nothing");
            self.reader.fault("GO0110", place, message, "write what is meant, or remove the key");
            return None;
        }
        Some((place, node))
    }

    /// The value of a key that must be there.
    pub fn require(&self, name: &str, example: &str) -> Option<(Place, &'n Node)> {
        if !self.is_there(name) {
            let message = format!("{} needs the key `{name}`", self.what);
            self.reader.fault("GO0107", self.owner, message, format!("add it, such as `{example}`"));
        }
        self.get(name)
    }

    /// Whether a key is written, with or without a value.
    fn is_there(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member.text == name)
    }

    /// The one of several keys that is there; a fault if none or more than one is.
    pub fn exactly_one(&self, names: &[&'static str], example: &str) -> Option<(&'static str, &'n Node)> {
        let present: Vec<(&'static str, Place, &Node)> = names
            .iter()
            .filter_map(|&name| self.get(name).map(|(place, node)| (name, place, node)))
            .collect();
        match present[..] {
            [(name, _, node)] => return Some((name, node)),
            [] if names.iter().any(|name| self.is_there(name)) => {}
            [] => {
                let message = format!("{} needs one of {}", self.what, list(names));
                self.reader.fault("GO0107", self.owner, message, format!("add it, such as `{example}`"));
            }
            [(first, ..), (second, place, _), ..] => {
                let message = format!("{} has `{first}` and `{second}`; only one can hold", self.what);
                self.reader.fault("GO0112", place, message, "remove one of them");
            }
        }
        None
    }
}
