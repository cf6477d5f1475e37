//! Needs that names lead to, where they would close a circle: they give way.
//!
//! Objects that need each other, directly or through others, are a knot. Of each knot the written needs count first: all of
//! them do. Then those that were found are taken in the order of their keys, and one that would close a circle is given up. Which
//! ones that are follows from the knot alone, so that a process that goes on gives up the same as a new one.

use std::collections::{BTreeMap, BTreeSet};

use imbl::{OrdMap, OrdSet};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Desired;
use crate::value::{Diagnostic, Key};

/// How many needs are followed in one knot. In one that is larger, all found needs that are left then are given up.
const MOST: usize = 1 << 22;

/// The found needs that are given up, by who has them.
pub(super) type GivenUp = OrdMap<Key, OrdSet<Key>>;

impl Desired {
    /// Finds out which found needs are given up, of what moved since an older state. Costs what the moved objects need, directly or
    /// through others.
    pub(super) fn settle(&mut self, older: &Self) {
        if !self.needed.has_found() {
            self.given_up.clear();
            return;
        }
        let moved = || self.objects.changed_since(&older.objects);
        let mut from: BTreeSet<Key> = moved().cloned().collect();
        if !older.objects.is_empty() {
            from.extend(self.needing_others(older, moved()));
        }
        // A circle that was broken here may be none any more.
        from.extend(self.given_up.keys().cloned());
        from.retain(|key| self.may_be_in_a_circle(key));
        let web = Web::of(self, from);
        let mut given_up = GivenUp::new();
        for (needer, need) in web.knots().iter().flat_map(Knot::given_up) {
            given_up.entry(needer.clone()).or_default().insert(need.clone());
        }
        self.given_up = given_up;
    }

    /// Whether an object both needs something and may be needed.
    fn may_be_in_a_circle(&self, key: &Key) -> bool {
        if self.objects.is_kept(key) {
            return false;
        }
        self.objects.get(key).is_some_and(|object| {
            let needs = !object.needs.is_empty() || object.stage.is_some();
            let is_needed = || !object.offers.is_empty() || self.needed.by_key(key).next().is_some();
            needs && (object.stage.is_some() || is_needed())
        })
    }

    /// The objects whose found needs are given up otherwise than in an older state.
    pub(super) fn giving_up_others<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = &'a Key> {
        let all = self.given_up.keys().chain(older.given_up.keys());
        all.filter(|key| self.given_up.get(*key) != older.given_up.get(*key))
    }

    /// What to say of the found needs that are given up.
    pub(super) fn warnings_of_circles(&self) -> impl Iterator<Item = Diagnostic> {
        let all =
            self.given_up.iter().flat_map(|(needer, needs)| needs.iter().map(move |need| (needer, need)));
        all.map(|(needer, need)| {
            let place = self.objects.get(needer).map_or_else(String::new, |object| object.provenance.to_string());
            let message = format!(
                "{needer} does not wait for {need}, though its names lead there: {need} needs {needer}, directly or through \
                 others"
            );
            Diagnostic::warning("GO0307", place, message).help("write the order down if it should be another one")
        })
    }
}

/// Objects, and all that they need, directly or through others.
#[derive(Default)]
struct Web {
    keys: Vec<Key>,
    /// The needs of each object, by their places: the written ones, and those that were found.
    needs: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Web {
    fn of(desired: &Desired, from: BTreeSet<Key>) -> Self {
        let (mut web, mut places) = (Self::default(), BTreeMap::new());
        for key in from {
            web.place(&mut places, key);
        }
        while web.needs.len() < web.keys.len() {
            let key = web.keys[web.needs.len()].clone();
            let (written, found) = match desired.objects.get(&key) {
                Some(object) => (desired.written(object), desired.found(object)),
                None => (desired.members(&key), Vec::new()),
            };
            let found = found.into_iter().filter(|need| !written.contains(need)).collect::<Vec<_>>();
            let mut all = |keys: Vec<Key>| -> Vec<usize> {
                keys.into_iter().map(|key| web.place(&mut places, key)).collect()
            };
            let needs = (all(written), all(found));
            web.needs.push(needs);
        }
        web
    }

    /// The place of an object, which is looked at later if it is new.
    fn place(&mut self, places: &mut BTreeMap<Key, usize>, key: Key) -> usize {
        *places.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            self.keys.len() - 1
        })
    }

    fn knots(&self) -> Vec<Knot<'_>> {
        let needs = |(at, (written, found)): (usize, &(Vec<usize>, Vec<usize>))| {
            let all: Vec<usize> = written.iter().chain(found).copied().collect();
            all.into_iter().map(move |need| (NodeIndex::new(at), NodeIndex::new(need)))
        };
        let mut graph = DiGraph::<(), ()>::with_capacity(self.keys.len(), 0);
        for _ in &self.keys {
            graph.add_node(());
        }
        graph.extend_with_edges(self.needs.iter().enumerate().flat_map(needs));
        let several = kosaraju_scc(&graph).into_iter().filter(|nodes| nodes.len() > 1);
        several.map(|nodes| self.knot(nodes.into_iter().map(NodeIndex::index).collect())).collect()
    }

    /// The needs among some objects. Their places in a knot are in the order of their keys, wherever they were met.
    fn knot(&self, mut members: Vec<usize>) -> Knot<'_> {
        members.sort_by_key(|at| &self.keys[*at]);
        let places: BTreeMap<usize, usize> =
            members.iter().enumerate().map(|(place, at)| (*at, place)).collect();
        let inside = |needs: &[usize]| {
            let mut places: Vec<usize> = needs.iter().filter_map(|need| places.get(need).copied()).collect();
            places.sort_unstable();
            places
        };
        let written = members.iter().map(|at| inside(&self.needs[*at].0)).collect();
        let found = members.iter().map(|at| inside(&self.needs[*at].1)).collect();
        Knot { keys: members.iter().map(|at| &self.keys[*at]).collect(), written, found }
    }
}

/// Objects of which each needs each other one, directly or through others.
struct Knot<'a> {
    keys: Vec<&'a Key>,
    written: Vec<Vec<usize>>,
    found: Vec<Vec<usize>>,
}

impl<'a> Knot<'a> {
    /// The found needs that would close a circle: who has them, and what they are of.
    fn given_up(&self) -> Vec<(&'a Key, &'a Key)> {
        let mut way =
            Way { needs: self.written.clone(), seen: vec![0; self.keys.len()], round: 0, left: MOST };
        let mut given_up = Vec::new();
        for (needer, needs) in self.found.iter().enumerate() {
            for need in needs {
                match way.leads(*need, needer) {
                    true => given_up.push((self.keys[needer], self.keys[*need])),
                    false => way.needs[needer].push(*need),
                }
            }
        }
        given_up
    }
}

/// Follows the needs that count.
struct Way {
    needs: Vec<Vec<usize>>,
    /// In which round each object was met last.
    seen: Vec<usize>,
    round: usize,
    /// How many needs are still followed.
    left: usize,
}

impl Way {
    /// Whether an object needs another one, directly or through others; also if nobody can say for how much there is.
    fn leads(&mut self, from: usize, to: usize) -> bool {
        self.round += 1;
        let mut due = vec![from];
        while let Some(at) = due.pop() {
            if at == to || self.left == 0 {
                return true;
            }
            for need in &self.needs[at] {
                self.left = self.left.saturating_sub(1);
                if std::mem::replace(&mut self.seen[*need], self.round) != self.round {
                    due.push(*need);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::value::{GroupKind, Need, Object, Provenance, Value};

    fn key(number: usize) -> Key {
        Key::new("t", GroupKind::new("", "K"), "", format!("{number:02}"))
    }

    /// What each object needs: by what is written, and by names.
    type Needs = Vec<(BTreeSet<usize>, BTreeSet<usize>)>;

    fn declare(desired: &mut Desired, number: usize, (written, found): &(BTreeSet<usize>, BTreeSet<usize>)) {
        let object = Object::new(key(number), Value::Null, Provenance::new("", "", "", 0));
        let object = written.iter().fold(object, |object, need| object.with_need(Need::Object(key(*need))));
        // Half of them by a name that is offered.
        let object =
            found.iter().fold(object.with_offer(number.to_string()), |object, need| match need % 2 {
                0 => object.with_need(Need::IfDeclared(key(*need))),
                _ => object.with_need(Need::Offer(need.to_string().into())),
            });
        desired.declare(object).unwrap();
    }

    fn declared(needs: &Needs) -> Desired {
        let mut desired = Desired::default();
        needs.iter().enumerate().for_each(|(number, needs)| declare(&mut desired, number, needs));
        desired.settle(&Desired::default());
        desired
    }

    const OBJECTS: usize = 7;

    /// What is written leads from later objects to earlier ones, so that it has no circle; what was found leads anywhere.
    fn needs() -> impl Strategy<Value = Needs> {
        let of = |number: usize| {
            let some = |from: usize| prop::collection::btree_set(0..from.max(1), 0..3);
            (some(number), some(OBJECTS)).prop_map(move |(mut written, found)| {
                written.retain(|need| *need < number);
                (written, found)
            })
        };
        (0..OBJECTS).map(of).collect::<Vec<_>>()
    }

    /// The members of each circle.
    fn circles(edges: &BTreeMap<Key, Vec<Key>>) -> impl Iterator<Item = Vec<Key>> {
        let mut graph = DiGraph::<&Key, ()>::new();
        let nodes: BTreeMap<&Key, NodeIndex> = edges.keys().map(|key| (key, graph.add_node(key))).collect();
        for (key, need) in edges.iter().flat_map(|(key, needs)| needs.iter().map(move |need| (key, need))) {
            graph.add_edge(nodes[key], nodes[need], ());
        }
        let parts = petgraph::algo::tarjan_scc(&graph).into_iter();
        let is_closed = |part: &Vec<NodeIndex>| part.len() > 1 || graph.contains_edge(part[0], part[0]);
        let closed: Vec<_> = parts.filter(is_closed).collect();
        let names =
            |part: Vec<NodeIndex>| part.into_iter().map(|node| graph[node].clone()).collect::<BTreeSet<_>>();
        let all: Vec<_> = closed.into_iter().map(|part| names(part).into_iter().collect()).collect();
        all.into_iter()
    }

    fn has_circle(edges: &BTreeMap<Key, Vec<Key>>) -> bool {
        circles(edges).next().is_some()
    }

    proptest! {
        #[test]
        fn what_is_written_counts_and_of_the_rest_only_what_would_close_a_circle_is_given_up(needs in needs()) {
            let desired = declared(&needs);
            let edges = desired.edges();
            prop_assert!(!has_circle(&edges), "{edges:?}");
            for (number, (written, found)) in needs.iter().enumerate() {
                let needs = &edges[&key(number)];
                let is_kept = |need: &&usize| needs.contains(&key(**need));
                prop_assert!(written.iter().all(|need| is_kept(&need)), "{number} needs {needs:?}");
                for need in found.iter().filter(|need| **need != number && !is_kept(need)) {
                    let mut closed = edges.clone();
                    closed.get_mut(&key(number)).unwrap().push(key(*need));
                    prop_assert!(has_circle(&closed), "{number} could need {need}: {edges:?}");
                }
            }
        }

        #[test]
        fn who_goes_on_gives_up_what_a_new_process_does(steps in prop::collection::vec((0..OBJECTS, needs()), 1..6)) {
            let mut all = vec![(BTreeSet::new(), BTreeSet::new()); OBJECTS];
            let mut lasting = declared(&all);
            for (number, needs) in steps {
                let before = lasting.clone();
                all[number] = needs[number].clone();
                lasting.retract(&key(number));
                declare(&mut lasting, number, &all[number]);
                lasting.settle(&before);
                prop_assert_eq!(lasting.edges(), declared(&all).edges());
            }
        }
    }

    #[test]
    fn of_a_circle_of_what_is_written_what_was_found_is_no_part() {
        let set = |numbers: &[usize]| numbers.iter().copied().collect::<BTreeSet<_>>();
        let needs = vec![(set(&[1]), set(&[])), (set(&[0]), set(&[2])), (set(&[1]), set(&[]))];
        let edges = declared(&needs).edges();
        assert_eq!(circles(&edges).collect::<Vec<_>>(), [vec![key(0), key(1)]]);
    }

    #[test]
    fn where_there_is_too_much_to_follow_the_found_needs_give_way() {
        let mut way = Way { needs: vec![vec![1], vec![2], Vec::new()], seen: vec![0; 3], round: 0, left: 3 };
        assert!(!way.leads(2, 0) && !way.leads(1, 0));
        assert!(way.leads(0, 2), "it was found in time");
        assert!(way.leads(2, 0), "nobody can say any more");
    }

    #[test]
    fn what_is_given_up_is_said_with_its_place() {
        let object = |name, need: Need| {
            let key = Key::new("t", GroupKind::new("", "K"), "", name);
            Arc::new(Object::new(key, Value::Null, Provenance::new("s", "r", name, 3)).with_need(need))
        };
        let named = |name| Key::new("t", GroupKind::new("", "K"), "", name);
        let mut desired = Desired::default();
        for object in
            [object("hook", Need::Object(named("app"))), object("app", Need::IfDeclared(named("hook")))]
        {
            desired.declare(Object::clone(&object)).unwrap();
        }
        desired.settle(&Desired::default());
        let said: Vec<String> = desired.warnings_of_circles().map(|warning| warning.to_string()).collect();
        insta::assert_snapshot!(said.join("\n"), @"warning[GO0307]: app:3: t:K/-/app does not wait for t:K/-/hook, though its names lead there: t:K/-/hook needs t:K/-/app, directly or through others (write the order down if it should be another one)");
    }
}
