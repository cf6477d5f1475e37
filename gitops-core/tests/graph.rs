//! The graph against a naive model, and what it says of cycles.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Component, Direction, Drawn, Graph, GroupKind, Key, Parts};
use proptest::prelude::*;

fn key(name: usize) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", format!("n{name:02}"))
}

fn nodes(needs: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<(Key, Vec<Key>)> {
    needs.iter().map(|(name, needs)| (key(*name), needs.iter().map(|need| key(*need)).collect())).collect()
}

fn any_needs() -> impl Strategy<Value = BTreeMap<usize, BTreeSet<usize>>> {
    prop::collection::btree_map(0..12usize, prop::collection::btree_set(0..12usize, 0..3), 0..12)
}

/// The members that can never be first: what is left when all that is free was taken away.
fn stuck(needs: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = needs.keys().copied().collect();
    while let Some(free) = left.iter().copied().find(|name| needs[name].is_disjoint(&left)) {
        left.remove(&free);
    }
    left
}

proptest! {
    #[test]
    fn the_order_is_the_naive_one(needs in any_needs()) {
        match Graph::new(nodes(&needs)) {
            Ok(graph) => {
                let mut left: BTreeSet<usize> = needs.keys().copied().collect();
                let mut expected = Vec::new();
                while let Some(free) = left.iter().copied().find(|name| needs[name].is_disjoint(&left)) {
                    left.remove(&free);
                    expected.push(key(free));
                }
                prop_assert!(left.is_empty());
                prop_assert_eq!(graph.order().into_iter().cloned().collect::<Vec<_>>(), expected);
            }
            Err(cycle) => {
                let left: BTreeSet<Key> = stuck(&needs).into_iter().map(key).collect();
                let members = cycle.members();
                prop_assert!(!members.is_empty() && members.iter().all(|member| left.contains(member)));
                let by_key: BTreeMap<Key, Vec<Key>> = nodes(&needs).into_iter().collect();
                for (index, member) in members.iter().enumerate() {
                    let next = &members[(index + 1) % members.len()];
                    prop_assert!(by_key[next].contains(member), "{} is not needed by {}", member, next);
                }
            }
        }
    }

    #[test]
    fn the_graph_does_not_depend_on_the_order_of_its_nodes(needs in any_needs(), seed: u64) {
        let picture = |graph: Graph| graph.dot(Direction::Down, &Parts::new());
        let first = Graph::new(nodes(&needs)).map(picture);
        let mut shuffled = nodes(&needs);
        let turn = usize::try_from(seed % 12).unwrap() % shuffled.len().max(1);
        shuffled.rotate_left(turn);
        shuffled.reverse();
        prop_assert_eq!(first, Graph::new(shuffled).map(picture));
    }

    #[test]
    fn descendants_are_all_that_is_reached(needs in any_needs(), start in 0..12usize) {
        if let Ok(graph) = Graph::new(nodes(&needs)) {
            let mut reached: BTreeSet<usize> = [start].into();
            for _ in 0..12 {
                let next: Vec<usize> =
                    needs.iter().filter(|(_, needs)| !needs.is_disjoint(&reached)).map(|(name, _)| *name).collect();
                reached.extend(next);
            }
            reached.remove(&start);
            let expected: BTreeSet<Key> = match needs.contains_key(&start) {
                true => reached.into_iter().map(key).collect(),
                false => BTreeSet::new(),
            };
            prop_assert_eq!(graph.descendants(&key(start)).into_iter().cloned().collect::<BTreeSet<_>>(), expected);
        }
    }
}

proptest! {
    #[test]
    fn a_folded_picture_shows_each_object_once_and_each_need(needs in any_needs(), many in 1..4usize) {
        let Ok(graph) = Graph::new(nodes(&needs)) else { return Ok(()) };
        let picture = graph.folded(many, |key| key.name() == "n03");
        let shown: Vec<&Key> = picture.nodes().iter().flat_map(Drawn::keys).collect();
        prop_assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len());
        prop_assert_eq!(shown.len(), graph.len());
        prop_assert!(picture.nodes().iter().all(|node| node.single().is_some() || node.keys().len() > many));
        let order: Vec<usize> = picture.order().to_vec();
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), picture.nodes().len());
        let place = |node: usize| order.iter().position(|at| *at == node);
        for (needed, node) in picture.edges() {
            prop_assert!(place(*needed) < place(*node), "what is needed comes first");
        }
        for (at, node) in picture.nodes().iter().enumerate() {
            let needs: BTreeSet<&Key> = picture.needs(at).flat_map(Drawn::keys).collect();
            for key in node.keys() {
                prop_assert_eq!(&graph.needs(key).into_iter().collect::<BTreeSet<_>>(), &needs);
            }
        }
    }
}

#[test]
fn many_that_look_alike_are_one_node() {
    let needs =
        BTreeMap::from([(0, [].into()), (1, [0].into()), (2, [0].into()), (3, [0].into()), (4, [3].into())]);
    let graph = Graph::new(nodes(&needs)).unwrap();
    let picture = graph.folded(1, |_| false);
    insta::assert_snapshot!(picture.mermaid(Direction::Down, &Parts::new()), @r#"
    flowchart TB
      n0["t:K/-/n00"]
      n1["t:K/- ×2 (n01 … n02)"]
      n2["t:K/-/n03"]
      n3["t:K/-/n04"]
      n0 --> n1
      n0 --> n2
      n2 --> n3
    "#);
    assert_eq!(graph.folded(2, |_| false).nodes().len(), 5, "two are not many");
    assert_eq!(
        graph.folded(1, |key| key.name() == "n01").nodes().len(),
        5,
        "an object that is chosen stands alone"
    );
}

#[test]
fn a_cycle_names_all_its_members_once() {
    let needs = BTreeMap::from([(0, [2].into()), (1, [0].into()), (2, [1].into()), (3, [2].into())]);
    let cycle = Graph::new(nodes(&needs)).unwrap_err();
    insta::assert_snapshot!(cycle, @"these objects need each other in a circle: t:K/-/n00 → t:K/-/n01 → t:K/-/n02 → t:K/-/n00");
}

#[test]
fn a_chain_of_a_hundred_thousand_does_not_exhaust_the_stack() {
    let name = |n: usize| Key::new("t", GroupKind::new("", "K"), "", format!("{n:06}"));
    let link = |n: usize| (name(n), vec![name((n + 1) % 100_000)]);
    assert_eq!(Graph::new((0..99_999).map(link)).unwrap().order().len(), 99_999);
    assert_eq!(Graph::new((0..100_000).map(link)).unwrap_err().members().len(), 100_000);
}

#[test]
fn pictures_escape_what_the_language_means_otherwise() {
    let odd = Key::new("t", GroupKind::new("", "K"), "", "a\"b#c<d>\n");
    let graph = Graph::new([(odd, vec![key(1)]), (key(1), vec![])]).unwrap();
    let part = Component::new("a.b[\"c\"]", "");
    let parts = Parts::from([(key(1), vec![part])]);
    insta::assert_snapshot!(graph.dot(Direction::Right, &parts), @r#"
    digraph gitops {
      rankdir=LR;
      node [shape=box];
      "t:K/-/a\"b#c<d>?";
      "t:K/-/n01";
      "t:K/-/n01 a.b[\"c\"]" [shape=ellipse, label="a.b[\"c\"]"];
      "t:K/-/n01" -> "t:K/-/n01 a.b[\"c\"]" [style=dotted, dir=none];
      "t:K/-/n01" -> "t:K/-/a\"b#c<d>?";
    }
    "#);
    insta::assert_snapshot!(graph.mermaid(Direction::Down, &parts), @r#"
    flowchart TB
      n0["t:K/-/a#quot;b#35;c#lt;d#gt;?"]
      n1["t:K/-/n01"]
      n1 -.- n1p0(["a.b[#quot;c#quot;]"])
      n1 --> n0
    "#);
}
