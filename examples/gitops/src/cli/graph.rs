//! The arguments of `graph`.

use clap::{Args, ValueEnum};

/// The arguments of `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
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
