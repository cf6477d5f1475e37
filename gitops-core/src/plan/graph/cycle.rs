use std::collections::BTreeSet;
use std::fmt;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::value::Key;

/// Objects that need each other in a circle, so that none can be first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Cycle {
    members: Vec<Key>,
}

impl Cycle {
    /// All members, each needed by the next, and the last by the first; beginning with the least key.
    ///
    /// Where several circles share nodes these are the nodes of one of them; the others show up once it is broken.
    pub fn members(&self) -> &[Key] {
        &self.members
    }

    /// The cycle that holds the least key, in a graph that has one.
    pub(super) fn find(graph: &DiGraph<Key, ()>) -> Self {
        let in_circle = |nodes: &Vec<NodeIndex>| nodes.len() > 1 || graph.contains_edge(nodes[0], nodes[0]);
        let component =
            kosaraju_scc(graph).into_iter().filter(in_circle).min_by_key(|nodes| nodes.iter().min().copied());
        let component: BTreeSet<NodeIndex> = component.into_iter().flatten().collect();
        Self { members: walk(graph, &component).into_iter().map(|node| graph[node].clone()).collect() }
    }
}

/// A circle through the least node of a strongly connected component: the shortest way from it back to it.
fn walk(graph: &DiGraph<Key, ()>, component: &BTreeSet<NodeIndex>) -> Vec<NodeIndex> {
    let Some(&first) = component.first() else { return Vec::new() };
    let mut from = std::collections::BTreeMap::new();
    let mut due = std::collections::VecDeque::from([first]);
    while let Some(node) = due.pop_front() {
        let mut next: Vec<NodeIndex> =
            graph.neighbors(node).filter(|next| component.contains(next)).collect();
        next.sort();
        for next in next {
            if next == first {
                let mut circle = vec![node];
                while let Some(&before) = circle.last().and_then(|node| from.get(node)) {
                    circle.push(before);
                }
                circle.reverse();
                return circle;
            }
            from.entry(next).or_insert_with(|| {
                due.push_back(next);
                node
            });
        }
    }
    component.iter().copied().collect()
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these objects need each other in a circle: ")?;
        for key in &self.members {
            write!(f, "{key} → ")?;
        }
        self.members.first().map_or(Ok(()), |first| write!(f, "{first}"))
    }
}
