use std::collections::BTreeMap;
use std::fmt::Write;

use super::Graph;
use super::fold::Picture;
use crate::value::{Component, Key};

/// In which direction a picture grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// What is needed is above what needs it.
    #[default]
    Down,
    /// What is needed is to the left of what needs it.
    Right,
}

impl Direction {
    fn code(self) -> &'static str {
        match self {
            Self::Down => "TB",
            Self::Right => "LR",
        }
    }
}

/// What objects are made of, where their target shows it.
pub type Parts = BTreeMap<Key, Vec<Component>>;

impl Graph {
    /// The graph in Graphviz's DOT language, as [`Picture::dot`] writes it, with a node for each object.
    pub fn dot(&self, direction: Direction, parts: &Parts) -> String {
        self.picture().dot(direction, parts)
    }

    /// The graph as a Mermaid flowchart, as [`Picture::mermaid`] writes it, with a node for each object.
    pub fn mermaid(&self, direction: Direction, parts: &Parts) -> String {
        self.picture().mermaid(direction, parts)
    }
}

impl Picture {
    /// The picture in Graphviz's DOT language; an arrow goes from what is needed to what needs it, a dotted line from an
    /// object to what it is made of.
    pub fn dot(&self, direction: Direction, parts: &Parts) -> String {
        let mut out = format!("digraph gitops {{\n  rankdir={};\n  node [shape=box];\n", direction.code());
        for node in self.nodes() {
            let object = node.to_string();
            let _ = writeln!(out, "  {};", dot_text(&object));
            for part in node.single().and_then(|key| parts.get(key)).into_iter().flatten() {
                let (name, label) = (dot_text(&format!("{object} {}", part.name)), dot_text(&part.name));
                let _ = writeln!(out, "  {name} [shape=ellipse, label={label}];");
                let line = "[style=dotted, dir=none]";
                let _ = writeln!(out, "  {} -> {name} {line};", dot_text(&object));
            }
        }
        for (needed, node) in self.edges() {
            let (needed, node) = (self.nodes()[*needed].to_string(), self.nodes()[*node].to_string());
            let _ = writeln!(out, "  {} -> {};", dot_text(&needed), dot_text(&node));
        }
        out.push_str("}\n");
        out
    }

    /// The picture as a Mermaid flowchart, as forges draw it in Markdown; lines as in [`dot`](Self::dot).
    pub fn mermaid(&self, direction: Direction, parts: &Parts) -> String {
        let mut out = format!("flowchart {}\n", direction.code());
        for (at, node) in self.nodes().iter().enumerate() {
            let _ = writeln!(out, "  n{at}[\"{}\"]", mermaid_text(&node.to_string()));
            let parts = node.single().and_then(|key| parts.get(key));
            for (number, part) in parts.into_iter().flatten().enumerate() {
                let part = mermaid_text(&part.name);
                let _ = writeln!(out, "  n{at} -.- n{at}p{number}([\"{part}\"])");
            }
        }
        for (needed, node) in self.edges() {
            let _ = writeln!(out, "  n{needed} --> n{node}");
        }
        out
    }
}

fn dot_text(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace(char::is_control, "?"))
}

/// Mermaid reads `#` and a name as a character, and ends a text at a quote.
fn mermaid_text(text: &str) -> String {
    let text = text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;");
    text.replace(char::is_control, "?")
}
