//! The arguments of `graph`.

use clap::{Args, ValueEnum};

/// The arguments of `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Only this object, with what it needs and what needs it: its key or the end of it
    #[arg(value_name = "OBJECT", conflicts_with_all = ["kinds", "namespaces"])]
    pub key: Option<String>,
    /// Only objects of this kind, with what they need and what needs them; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    pub kinds: Vec<String>,
    /// Only objects of this namespace, with what they need and what needs them; may be repeated
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,
    /// How many steps away from what is chosen to go; 0 shows it alone
    #[arg(long, value_name = "STEPS")]
    pub depth: Option<usize>,
    /// Show each object, also where many of one kind need the same and are needed by the same
    #[arg(long)]
    pub all: bool,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GraphFormat,
}

/// How to draw a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// One object per line, each after what it needs.
    Text,
    /// Graphviz's DOT.
    Dot,
    /// A Mermaid flowchart.
    Mermaid,
}
