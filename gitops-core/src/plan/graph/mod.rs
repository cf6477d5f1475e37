//! The dependency graph.

mod cycle;
mod fold;
mod picture;

pub use cycle::Cycle;
pub use fold::{Drawn, Picture};
pub use picture::{Direction, Parts};

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::value::Key;

/// Objects and what they need: an acyclic graph whose every answer is in one fixed order.
///
/// Nodes are numbered in the order of their keys, so ties are broken by [`Key`] everywhere. Needs that name no
/// node of the graph are left out.
///
/// ```
/// use gitops_core::{Graph, GroupKind, Key};
/// let key = |name: &str| Key::new("k8s", GroupKind::new("", "Pod"), "", name);
/// let graph = Graph::new([(key("web"), vec![key("db")]), (key("db"), vec![])])?;
/// let order: Vec<_> = graph.order().iter().map(|key| key.name()).collect();
/// assert_eq!(order, ["db", "web"]);
/// # Ok::<(), gitops_core::Cycle>(())
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    /// An edge goes from what is needed to what needs it.
    graph: DiGraph<Key, ()>,
    order: Vec<NodeIndex>,
}

impl Graph {
    /// The graph of nodes with their needs.
    ///
    /// # Errors
    /// A cycle, with *all* its members.
    pub fn new(nodes: impl IntoIterator<Item = (Key, Vec<Key>)>) -> Result<Self, Cycle> {
        let mut nodes: Vec<(Key, Vec<Key>)> = nodes.into_iter().collect();
        nodes.sort_by(|a, b| a.0.cmp(&b.0));
        nodes.dedup_by(|later, first| later.0 == first.0 && merge(&mut first.1, &mut later.1));
        let mut graph = DiGraph::with_capacity(nodes.len(), nodes.iter().map(|(_, needs)| needs.len()).sum());
        for (key, _) in &nodes {
            graph.add_node(key.clone());
        }
        for (index, (_, needs)) in nodes.iter().enumerate() {
            let needs: BTreeSet<usize> = needs.iter().filter_map(|need| position(&nodes, need)).collect();
            for need in needs {
                graph.add_edge(NodeIndex::new(need), NodeIndex::new(index), ());
            }
        }
        let order = sort(&graph);
        match order.len() == graph.node_count() {
            true => Ok(Self { graph, order }),
            false => Err(Cycle::find(&graph)),
        }
    }

    /// All nodes, each after what it needs; among those that are free to go, the least key first.
    pub fn order(&self) -> Vec<&Key> {
        self.order.iter().map(|&node| &self.graph[node]).collect()
    }

    /// All nodes in the order of their keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.graph.node_weights()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// What a node needs, in order.
    pub fn needs(&self, key: &Key) -> Vec<&Key> {
        self.neighbours(key, Incoming)
    }

    /// What needs a node, in order.
    pub fn dependants(&self, key: &Key) -> Vec<&Key> {
        self.neighbours(key, Outgoing)
    }

    /// Everything that needs a node, directly or through others, in order.
    pub fn descendants(&self, key: &Key) -> BTreeSet<&Key> {
        let mut found = BTreeSet::new();
        let mut due: Vec<NodeIndex> = self.node(key).into_iter().collect();
        while let Some(node) = due.pop() {
            for next in self.graph.neighbors_directed(node, Outgoing) {
                if found.insert(&self.graph[next]) {
                    due.push(next);
                }
            }
        }
        found
    }

    /// The graph of some of the nodes and the edges among them.
    #[must_use]
    pub fn subgraph(&self, keep: impl Fn(&Key) -> bool) -> Self {
        let nodes = self.keys().filter(|key| keep(key));
        let nodes = nodes.map(|key| (key.clone(), self.needs(key).into_iter().cloned().collect()));
        Self::new(nodes).expect("a part of an acyclic graph has no cycle")
    }

    /// The graph of some nodes, with what they need and what needs them, directly or through others, as far as so many steps
    /// away.
    ///
    /// ```
    /// use gitops_core::{Graph, GroupKind, Key};
    /// let key = |name: &str| Key::new("k8s", GroupKind::new("", "Pod"), "", name);
    /// let chain = [("a", vec![]), ("b", vec!["a"]), ("c", vec!["b"]), ("other", vec!["a"])];
    /// let node = |(name, needs): (&str, Vec<&str>)| (key(name), needs.into_iter().map(key).collect());
    /// let graph = Graph::new(chain.map(node))?;
    /// let around = |depth| graph.around(depth, |key| key.name() == "c").keys().cloned().collect::<Vec<_>>();
    /// assert_eq!(around(usize::MAX), ["a", "b", "c"].map(key));
    /// assert_eq!(around(1), ["b", "c"].map(key));
    /// # Ok::<(), gitops_core::Cycle>(())
    /// ```
    #[must_use]
    pub fn around(&self, depth: usize, chosen: impl Fn(&Key) -> bool) -> Self {
        let chosen: BTreeSet<NodeIndex> =
            self.graph.node_indices().filter(|node| chosen(&self.graph[*node])).collect();
        let mut kept = chosen.clone();
        for direction in [Incoming, Outgoing] {
            let (mut edge, mut seen, mut left) = (chosen.clone(), chosen.clone(), depth);
            while left > 0 && !edge.is_empty() {
                let next = edge.iter().flat_map(|node| self.graph.neighbors_directed(*node, direction));
                edge = next.filter(|node| seen.insert(*node)).collect();
                left -= 1;
            }
            kept.extend(seen);
        }
        self.subgraph(|key| self.node(key).is_some_and(|node| kept.contains(&node)))
    }

    fn node(&self, key: &Key) -> Option<NodeIndex> {
        let nodes = self.graph.raw_nodes();
        nodes.binary_search_by(|node| node.weight.cmp(key)).ok().map(NodeIndex::new)
    }

    fn neighbours(&self, key: &Key, direction: petgraph::Direction) -> Vec<&Key> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let mut nodes: Vec<NodeIndex> = self.graph.neighbors_directed(node, direction).collect();
        nodes.sort();
        nodes.into_iter().map(|node| &self.graph[node]).collect()
    }
}

fn merge(first: &mut Vec<Key>, later: &mut Vec<Key>) -> bool {
    first.append(later);
    true
}

fn position(nodes: &[(Key, Vec<Key>)], key: &Key) -> Option<usize> {
    nodes.binary_search_by(|(node, _)| node.cmp(key)).ok()
}

/// Kahn's algorithm with a heap: the least key among those that are free. Stops short if there is a cycle.
fn sort(graph: &DiGraph<Key, ()>) -> Vec<NodeIndex> {
    let mut waiting: Vec<usize> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, Incoming).count()).collect();
    let mut free: BinaryHeap<Reverse<NodeIndex>> =
        graph.node_indices().filter(|node| waiting[node.index()] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(Reverse(node)) = free.pop() {
        order.push(node);
        for next in graph.neighbors_directed(node, Outgoing) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                free.push(Reverse(next));
            }
        }
    }
    order
}
