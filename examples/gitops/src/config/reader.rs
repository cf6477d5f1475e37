//! Reads typed values out of the tree and collects every fault on the way.

use std::cell::RefCell;

use gitops_core::{Diagnostic, Span};

use super::node::{Name, Node, Place, Shape};

/// A file that is being read, and what was found wrong with it so far.
pub struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    faults: RefCell<Vec<Diagnostic>>,
}

impl<'a> Reader<'a> {
    /// Begins to read a file.
    pub fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, faults: RefCell::default() }
    }

    /// Records a fault at a place.
    pub fn fault(
        &self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let fault = Diagnostic::error(code, self.path, message).at(self.span(place)).help(help);
        self.faults.borrow_mut().push(fault);
    }

    /// A warning at a place, to be shown later.
    pub fn warning(&self, code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, self.path, message).at(self.span(place))
    }

    /// Records a fault whose line holds a secret from the place on: the picture leaves it out.
    pub fn fault_in_secret(&self, code: &'static str, place: Place, message: &str, help: &str) {
        let mut span = self.span(place);
        let before: String = span.text.chars().take(place.column as usize - 1).collect();
        span.text = format!("{before}(not shown)");
        span.width = 11;
        let fault = Diagnostic::error(code, self.path, message).at(span).help(help);
        self.faults.borrow_mut().push(fault);
    }

    /// The faults, in the order of the file.
    pub fn into_faults(self) -> Vec<Diagnostic> {
        let mut faults = self.faults.into_inner();
        let place = |fault: &Diagnostic| fault.span.as_ref().map(|span| (span.line, span.column));
        faults.sort_by_key(place);
        faults
    }

    /// The place with its line; what reaches over the end of the line is cut.
    pub fn span(&self, place: Place) -> Span {
        let index = place.line as usize - 1;
        let text = self.text.lines().nth(index).unwrap_or_default().to_owned();
        let rest = text.chars().count().saturating_sub(place.column as usize - 1);
        let width = place.width.min(u32::try_from(rest).unwrap_or(u32::MAX)).max(1);
        Span { line: place.line, column: place.column, width, text }
    }

    /// The members of a mapping that knows these keys; `what` is its name in errors.
    pub fn fields<'n>(
        &'n self,
        node: &'n Node,
        what: &'n str,
        owner: Place,
        known: &[&str],
    ) -> Option<Fields<'n, 'a>> {
        let Shape::Map(members) = &node.shape else {
            let message = format!("{what} must be a mapping, not {}", node.shape.article());
            self.fault("GO0109", node.place, message, format!("its keys are {}", list(known)));
            return None;
        };
        for (index, (name, _)) in members.iter().enumerate() {
            self.check_name(name, &members[..index], what, known);
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

    /// Text that is not empty.
    pub fn text(&self, node: &Node, what: &str) -> Option<String> {
        let Shape::Text(text) = &node.shape else {
            let message = format!("{what} must be text, not {}", node.shape.article());
            self.fault("GO0109", node.place, message, text_help(&node.shape));
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

    /// A list of texts, each with its place.
    pub fn placed_texts(&self, node: &Node, what: &str) -> Vec<(String, Span)> {
        let items = self.items(node, what, "write a list such as `[\"*.bak\"]`");
        items.iter().filter_map(|item| Some((self.text(item, what)?, self.span(item.place)))).collect()
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

fn text_help(shape: &Shape) -> String {
    match shape {
        Shape::Number(text) => format!("put it in quotes: \"{text}\""),
        Shape::Bool(value) => format!("put it in quotes: \"{value}\""),
        _ => "write one value here".to_owned(),
    }
}

/// Words as a list for people.
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// The members of one mapping.
pub struct Fields<'n, 'a> {
    reader: &'n Reader<'a>,
    members: &'n [(Name, Node)],
    what: &'n str,
    owner: Place,
}

impl<'n> Fields<'n, '_> {
    /// The value of a key with the key's place, if the key is there. Nothing written is as good as no key.
    pub fn get(&self, name: &str) -> Option<(Place, &'n Node)> {
        let (name, node) = self.members.iter().find(|(member, _)| member.text == name)?;
        (!matches!(node.shape, Shape::Null)).then_some((name.place, node))
    }

    /// The value of a key that must be there.
    pub fn require(&self, name: &str, example: &str) -> Option<(Place, &'n Node)> {
        let found = self.get(name);
        if found.is_none() {
            let empty = self.members.iter().find(|(member, _)| member.text == name);
            let place = empty.map_or(self.owner, |(name, _)| name.place);
            let message = format!("{} needs the key `{name}`", self.what);
            self.reader.fault("GO0107", place, message, format!("add it, such as `{example}`"));
        }
        found
    }

    /// The one of several keys that is there; a fault if none or more than one is.
    pub fn exactly_one(&self, names: &[&'static str], example: &str) -> Option<(&'static str, &'n Node)> {
        let present: Vec<(&'static str, Place, &Node)> = names
            .iter()
            .filter_map(|&name| self.get(name).map(|(place, node)| (name, place, node)))
            .collect();
        match present[..] {
            [(name, _, node)] => return Some((name, node)),
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
