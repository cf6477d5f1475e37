//! The machine that carries a plan out, driven by random answers in random order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Effect, GraphReconciler, NodeState, Reconcile, Told};
use crate::plan::Step;
use crate::value::{GroupKind, Key};

fn key(index: usize) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", format!("n{index:02}"))
}

/// Steps whose needs have lower numbers.
fn steps(needs: &[Vec<usize>]) -> Vec<Step> {
    let step = |(index, needs): (usize, &Vec<usize>)| {
        let after: BTreeSet<Key> =
            needs.iter().filter(|need| **need < index).map(|need| key(*need)).collect();
        let json = serde_json::json!({
            "key": key(index), "action": "create", "cause": "this_change", "reason": {"code": "new"},
            "expect": null, "desired": null, "preview": null, "provenance": null, "after": after, "risk": [],
        });
        serde_json::from_value(json).unwrap()
    };
    needs.iter().enumerate().map(step).collect()
}

/// What the outside did: effects in their order, and how each step stands at the end.
struct Run {
    log: Vec<Effect>,
    states: BTreeMap<Key, NodeState>,
    most_in_flight: usize,
}

/// Plays the outside: `choices` says which pending effect is done next, and how it ends.
fn run(steps: &[Step], limit: usize, choices: &[u16], stop_after: Option<usize>) -> Run {
    let machine = GraphReconciler::new(steps, &[], BTreeMap::from([("t".into(), limit)]));
    let (mut work, mut pending) = machine.start();
    let mut log = pending.clone();
    // A change is under way from its intent on: it is sent as soon as that is durable.
    let begun = |effects: &[Effect]| {
        effects.iter().filter(|effect| matches!(effect, Effect::RecordIntent(_))).count()
    };
    let mut in_flight = begun(&pending);
    let mut most_in_flight = in_flight;
    for turn in 0..10_000 {
        if let Some(states) = machine.outcome(&work) {
            assert!(pending.is_empty(), "it is over with effects pending: {pending:?}");
            return Run { log, states, most_in_flight };
        }
        if Some(turn) == stop_after {
            machine.step(&mut work, Told::Stop);
            continue;
        }
        let choice = usize::from(choices[turn % choices.len()]);
        let effect = pending.remove(choice % pending.len());
        let good = choice % 5 != 0;
        let told = match effect {
            Effect::RecordIntent(key) => Told::IntentDurable(key),
            Effect::Apply(key) => {
                in_flight -= 1;
                Told::Answered { key, done: good }
            }
            Effect::RecordOutcome(key) => Told::OutcomeDurable(key),
            Effect::AwaitReady(key) => Told::Settled { key, ready: good },
        };
        let doubled = told.clone();
        let effects = machine.step(&mut work, told);
        assert!(machine.step(&mut work, doubled).is_empty(), "an event that came twice had an effect");
        in_flight += begun(&effects);
        most_in_flight = most_in_flight.max(in_flight);
        log.extend(effects.clone());
        pending.extend(effects);
    }
    panic!("it does not come to an end");
}

fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0..12usize, 0..3), 1..12)
}

proptest! {
    /// I25: for each step that was sent, the intent was durable before, and the outcome is durable after.
    #[test]
    fn intent_before_effect_and_outcome_after(graph in graphs(), choices in prop::collection::vec(any::<u16>(), 1..64), limit in 1..5usize) {
        let steps = steps(&graph);
        let run = run(&steps, limit, &choices, None);
        for step in &steps {
            let at = |effect: &Effect| run.log.iter().position(|done| done == effect);
            if let Some(sent) = at(&Effect::Apply(step.key.clone())) {
                prop_assert!(at(&Effect::RecordIntent(step.key.clone())).unwrap() < sent);
                prop_assert!(at(&Effect::RecordOutcome(step.key.clone())).unwrap() > sent);
            }
        }
        let distinct: BTreeSet<&Effect> = run.log.iter().collect();
        prop_assert_eq!(distinct.len(), run.log.len(), "no effect is asked for twice");
    }

    /// I11, I12: a step is sent only when all that it waits for is ready; one is blocked exactly if it waits,
    /// directly or not, for one that failed.
    #[test]
    fn order_and_containment(graph in graphs(), choices in prop::collection::vec(any::<u16>(), 1..64)) {
        let steps = steps(&graph);
        let run = run(&steps, 3, &choices, None);
        for step in &steps {
            let bad = |key: &Key| matches!(run.states[key], NodeState::Failed | NodeState::Blocked { .. });
            let was_sent = run.log.contains(&Effect::Apply(step.key.clone()));
            prop_assert_eq!(was_sent, !step.after.iter().any(bad));
            let blocked = matches!(run.states[&step.key], NodeState::Blocked { .. });
            prop_assert_eq!(blocked, step.after.iter().any(bad));
        }
    }

    #[test]
    fn a_stop_leaves_nothing_under_way(graph in graphs(), choices in prop::collection::vec(any::<u16>(), 1..64), stop in 0..20usize) {
        let steps = steps(&graph);
        let run = run(&steps, 2, &choices, Some(stop));
        prop_assert!(run.states.values().all(NodeState::is_over));
        prop_assert!(run.most_in_flight <= 2);
        for (key, state) in &run.states {
            let was_sent = run.log.contains(&Effect::Apply(key.clone()));
            prop_assert!(!was_sent || *state != NodeState::Skipped, "{} was sent and is called skipped", key);
        }
    }
}

#[test]
fn a_target_has_as_many_changes_at_once_as_it_takes_and_one_at_least() {
    let steps = steps(&vec![Vec::new(); 6]);
    for (limit, most) in [(0, 1), (1, 1), (3, 3), (6, 6), (9, 6)] {
        assert_eq!(run(&steps, limit, &[1, 7, 3], None).most_in_flight, most, "limit {limit}");
    }
    let unlimited = GraphReconciler::new(&steps, &[], BTreeMap::new());
    assert_eq!(unlimited.start().1, [Effect::RecordIntent(key(0))], "nobody said how many it takes");
}
