use std::fmt::Write;

use super::Graph;
use crate::value::Key;

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

impl Graph {
    /// The graph in Graphviz's DOT language; an arrow goes from what is needed to what needs it.
    pub fn dot(&self, direction: Direction) -> String {
        let mut out = format!("digraph gitops {{\n  rankdir={};\n  node [shape=box];\n", direction.code());
        for key in self.keys() {
            let _ = writeln!(out, "  {};", dot_name(key));
        }
        for (needed, key) in self.edges() {
            let _ = writeln!(out, "  {} -> {};", dot_name(needed), dot_name(key));
        }
        out.push_str("}\n");
        out
    }

    /// The graph as a Mermaid flowchart, as forges draw it in Markdown.
    pub fn mermaid(&self, direction: Direction) -> String {
        let mut out = format!("flowchart {}\n", direction.code());
        let name = |key: &Key| self.node(key).map_or(0, petgraph::graph::NodeIndex::index);
        for key in self.keys() {
            let _ = writeln!(out, "  n{}[\"{}\"]", name(key), mermaid_text(key));
        }
        for (needed, key) in self.edges() {
            let _ = writeln!(out, "  n{} --> n{}", name(needed), name(key));
        }
        out
    }

    fn edges(&self) -> impl Iterator<Item = (&Key, &Key)> {
        self.keys().flat_map(|key| self.needs(key).into_iter().map(move |needed| (needed, key)))
    }
}

fn dot_name(key: &Key) -> String {
    let text = key.to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace(char::is_control, "?"))
}

/// Mermaid reads `#` and a name as a character, and ends a text at a quote.
fn mermaid_text(key: &Key) -> String {
    let text =
        key.to_string().replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;");
    text.replace(char::is_control, "?")
}
