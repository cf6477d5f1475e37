//! The document of `graph`: what needs what.

mod choice;

use std::collections::BTreeSet;

use gitops_core::{Component, Cx, Error, ErrorKind, Graph, Key, Parts, Result};
use serde::Serialize;

use super::Document;
use crate::session::Session;
pub use choice::Choice;

/// The document of `graph`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GraphDocument<'a> {
    /// The objects, each after what it needs.
    pub nodes: Vec<Node<'a>>,
}

/// An object of a graph.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Node<'a> {
    /// Which one.
    pub key: &'a Key,
    /// What it needs.
    pub needs: Vec<&'a Key>,
    /// What it is made of, where its target shows that.
    pub components: &'a [Component],
}

impl Document for GraphDocument<'_> {
    const KIND: &'static str = "Graph";
}

impl<'a> GraphDocument<'a> {
    /// A graph, with what its objects are made of.
    pub fn new(graph: &'a Graph, components: &'a Parts) -> Self {
        let of = |key: &Key| components.get(key).map(Vec::as_slice).unwrap_or_default();
        let node = |key: &'a Key| Node { key, needs: graph.needs(key), components: of(key) };
        Self { nodes: graph.order().into_iter().map(node).collect() }
    }
}

/// Everything that the last plan of a session declares.
///
/// # Errors
/// `Invalid` if the needs go in a circle, which a plan refuses too.
pub fn declared(session: &Session) -> Result<Graph> {
    let graph = session.engine.graph();
    graph.map_err(|cycle| Error::new(ErrorKind::Invalid, cycle.to_string()).help("remove one of these needs"))
}

/// What the objects of a graph are made of.
///
/// # Errors
/// Whatever keeps a target from answering.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn components(cx: &Cx, session: &Session, graph: &Graph) -> Result<Parts> {
    let mut components = session.components(cx).await?;
    let shown: BTreeSet<&Key> = graph.keys().collect();
    components.retain(|key, _| shown.contains(key));
    Ok(components)
}
