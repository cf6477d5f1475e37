//! The graph against a naive model, and what it says of cycles.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::{Component, Direction, Graph, GroupKind, Key, Parts};
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
    let part = Component { name: "a.b[\"c\"]".to_owned(), ..Component::default() };
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
