//! The planner, for every combination of what is declared, there and owned.

mod decisions;
mod identities;
mod leaving;
mod places;
mod previews;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{DriftPolicy, Options, PlanInput, Planned, layers, plan, to_preview};
use crate::capability::{Preview, Structural};
use crate::cx::{Cx, Time};
use crate::plan::{Basis, Blocked, BlockedBecause, Plan, Reason, Step};
use crate::render::{Desired, Part, Renderer, render_files};
use crate::source::Snapshot;
use crate::state::inventory::Inventory;
use crate::state::record::{Intent, OpResult, Owned, OwnedState, Record};
use crate::value::{
    Action, Digest, Expect, GroupKind, Key, Live, Object, OutputRef, Ownership, Placeholder, PlaceholderPart,
    Refusal, Revision, Uid, Value, Version,
};

const US: &str = "us";

/// One object, as it may be found.
#[derive(Clone, Debug)]
struct Case {
    declared: Option<u8>,
    live: Option<(u8, u8, Owner)>,
    entry: Option<(OwnedState, u8, u8, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Owner {
    Us,
    Them,
    Nobody,
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let owner = prop_oneof![4 => Just(Owner::Us), 1 => Just(Owner::Them), 1 => Just(Owner::Nobody)];
    let state = prop_oneof![4 => Just(OwnedState::Held), 1 => Just(OwnedState::Claimed), 1 => Just(OwnedState::Deleting)];
    let case = (
        prop::option::of(0..3u8),
        prop::option::of((0..3u8, 0..2u8, owner)),
        prop::option::of((state, 0..2u8, 0..3u8, any::<bool>())),
    );
    prop::collection::vec(case.prop_map(|(declared, live, entry)| Case { declared, live, entry }), 1..8)
}

fn key(index: usize) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", format!("n{index}"))
}

fn body(content: u8) -> Value {
    Value::map([("content", Value::from(i64::from(content)))])
}

fn version(content: u8) -> Version {
    Version::new(format!("v{content}"))
}

/// The world that the cases describe.
struct World {
    desired: Desired,
    live: BTreeMap<Key, Live>,
    inventory: Inventory,
    options: Options,
}

impl World {
    fn of(cases: &[Case], options: Options) -> Self {
        let files =
            cases.iter().enumerate().filter_map(|(index, case)| Some((format!("n{index}"), case.declared?)));
        let live = cases.iter().enumerate().filter_map(|(index, case)| {
            let (content, uid, owner) = case.live?;
            let live =
                Live::new(key(index), Uid::new(format!("u{index}-{uid}")), version(content), body(content));
            Some((
                key(index),
                match owner {
                    Owner::Us => live.owned_by(US),
                    Owner::Them => live.owned_by("them"),
                    Owner::Nobody => live,
                },
            ))
        });
        let mut inventory = Inventory::new(US);
        for (index, case) in cases.iter().enumerate() {
            let Some((state, uid, content, keep)) = case.entry else { continue };
            let known = state != OwnedState::Claimed;
            let entry = Owned {
                state,
                uid: known.then(|| Uid::new(format!("u{index}-{uid}"))),
                version: known.then(|| version(content)),
                keep,
                ..scene::Scene::entry(index, content)
            };
            inventory.take_in(&Record::Adopt { key: key(index), entry });
        }
        Self { desired: desired(files), live: live.collect(), inventory, options }
    }

    fn everything(&self) -> BTreeSet<Key> {
        self.desired.objects().keys().chain(self.inventory.entries().keys()).cloned().collect()
    }

    fn plan(&self, candidates: &BTreeSet<Key>) -> Planned {
        self.with_input(candidates, &BTreeMap::new(), |input| plan(input).unwrap())
    }

    fn with_input<T>(
        &self,
        candidates: &BTreeSet<Key>,
        previews: &BTreeMap<Key, Result<Preview, Refusal>>,
        work: impl FnOnce(&PlanInput<'_>) -> T,
    ) -> T {
        let zero = Digest::of(b"");
        let basis =
            Basis { source: "s".into(), desired: zero, gates: zero, options: zero, engine: "e".into() };
        work(&PlanInput {
            application: "a",
            revision: &Revision::new("r", ""),
            desired: &self.desired,
            declared: &self.desired,
            places: &BTreeMap::new(),
            sites: &BTreeMap::new(),
            inventory: &self.inventory,
            candidates,
            live: &self.live,
            previews,
            waiting: &BTreeMap::new(),
            quarantined: &BTreeMap::new(),
            protected: &BTreeMap::new(),
            flapping: &BTreeMap::new(),
            differing: &BTreeMap::new(),
            is_rollback: false,
            labelled: &BTreeSet::new(),
            rebound: &[],
            differ: &Structural::default(),
            options: &self.options,
            basis: &basis,
            now: Time::default(),
        })
    }

    /// Carries a plan out as a keyed target does, and remembers it as an engine does.
    fn carry_out(&mut self, planned: &Planned) {
        for (key, entry) in &planned.learned {
            self.inventory.take_in(&Record::Adopt { key: key.clone(), entry: entry.clone() });
        }
        for key in &planned.gone {
            self.inventory.take_in(&Record::Forget { key: key.clone() });
        }
        for (number, step) in planned.plan.steps.iter().enumerate() {
            let op = format!("op{number}");
            let (key, object) = (step.key.clone(), planned.objects.get(&step.key));
            let intent = Intent {
                op: op.as_str().into(),
                plan: planned.plan.id,
                epoch: 1,
                at: Time::default(),
                key: key.clone(),
                action: step.action,
                expect: step.expect.clone(),
                desired: step.desired,
                path: step.provenance.as_ref().unwrap().path.clone(),
                needs: Vec::new(),
                keep: false,
                stage: None,
                runs_once: false,
                likeness: None,
                is_new: false,
                is_approved: false,
                approved: Vec::new(),
            };
            self.inventory.take_in(&Record::Intent(intent));
            let expected = self.live.get(&key).map(Expect::from);
            let result = match object {
                _ if expected != step.expect => OpResult::NotDone { error: "conflict".into() },
                None => {
                    self.live.remove(&key);
                    OpResult::Absent
                }
                Some(object) => {
                    let content = object.body.get("content").unwrap().to_string().parse().unwrap();
                    let uid = step
                        .expect
                        .as_ref()
                        .map_or_else(|| Uid::new(op.as_str()), |expect| expect.uid.clone());
                    let live =
                        Live::new(key.clone(), uid, version(content), object.body.clone()).owned_by(US);
                    let result = OpResult::Present { uid: live.uid.clone(), version: live.version.clone() };
                    self.live.insert(key.clone(), live);
                    result
                }
            };
            self.inventory.take_in(&Record::Outcome { op: op.into(), key, result });
        }
    }
}

fn desired(files: impl IntoIterator<Item = (String, u8)>) -> Desired {
    declared(files.into_iter().map(|(path, content)| (path, vec![content])), |content| body(content[0]))
}

fn declared(files: impl IntoIterator<Item = (String, Vec<u8>)>, body: fn(&[u8]) -> Value) -> Desired {
    let render = render_files("test", move |part: &Part<'_>| {
        let key = Key::new("t", GroupKind::new("", "K"), "", part.path());
        Ok(vec![Object::new(key, body(&part.bytes()?), part.provenance(0))])
    });
    let snapshot = Snapshot::from_files("s", Revision::new("r", ""), files).unwrap();
    Renderer::new(Arc::new(render)).render(&Cx::system(), &snapshot).unwrap().desired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// I1, I2, I21: only what we made, is not declared, and is still that incarnation; as it was observed.
    #[test]
    fn a_delete_is_of_our_own_undeclared_object_in_the_state_that_was_seen(cases in cases(), prune: bool) {
        let world = World::of(&cases, Options::default().prune(prune));
        for step in world.plan(&world.everything()).plan.steps.iter().filter(|step| step.action == Action::Delete) {
            let (live, entry) = (&world.live[&step.key], world.inventory.entries().get(&step.key).unwrap());
            prop_assert!(prune && !entry.keep && !world.desired.objects().contains(&step.key));
            prop_assert!(live.is_owned_by(US) && entry.uid.as_ref() == Some(&live.uid));
            prop_assert_eq!(step.expect.as_ref(), Some(&Expect::from(live)));
        }
    }

    /// I8: what carries no owner label, or another's, is not written, unless it is the incarnation that we have; a creation names no state, so that it can't overwrite.
    #[test]
    fn nothing_is_written_over_what_others_made(cases in cases()) {
        let world = World::of(&cases, Options::default());
        for step in &world.plan(&world.everything()).plan.steps {
            match (&step.expect, world.live.get(&step.key)) {
                (Some(expect), Some(live)) => {
                    let entry = world.inventory.entries().get(&step.key);
                    let is_the_one = entry.is_some_and(|entry| {
                        entry.state == OwnedState::Held && entry.uid.as_ref() == Some(&live.uid)
                    });
                    let lost_it = step.reason == Reason::LabelLost && live.ownership == Ownership::Unlabelled;
                    prop_assert!(live.is_owned_by(US) || (lost_it && is_the_one), "{step:?}");
                    prop_assert_eq!(expect, &Expect::from(live));
                }
                (Some(_), None) => prop_assert!(false, "{} is expected and not there", step.key),
                (None, _) => prop_assert_eq!(step.action, Action::Create),
            }
        }
    }

    /// I12, §6: what one object needs does not depend on which others are looked at; only what left waits for others.
    #[test]
    fn a_plan_of_everything_is_the_plans_of_each_object_together(cases in cases()) {
        let world = World::of(&cases, Options::default());
        let mut whole = world.plan(&world.everything()).plan;
        whole.steps.iter_mut().for_each(|step| step.after.clear());
        let mut steps: Vec<Step> = Vec::new();
        for key in world.everything() {
            steps.extend(world.plan(&BTreeSet::from([key])).plan.steps);
        }
        steps.sort_by(|a, b| (a.action, &a.key).cmp(&(b.action, &b.key)));
        prop_assert_eq!(whole.steps, steps);
    }

    /// I13, I15: one reconciliation changes all that can be changed; a second one changes nothing.
    #[test]
    fn a_plan_that_was_carried_out_leaves_no_step(cases in cases()) {
        let mut world = World::of(&cases, Options::default());
        let first = world.plan(&world.everything());
        world.carry_out(&first);
        let second = world.plan(&world.everything());
        prop_assert!(second.plan.steps.is_empty(), "{:?}", second.plan.steps);
        prop_assert!(second.learned.is_empty() && second.gone.is_empty());
        for (key, object) in world.desired.objects().iter() {
            let is_free = second.plan.blocked.iter().all(|blocked| &blocked.key != key) && second.plan.step(key).is_none();
            prop_assert!(!is_free || world.live[key].body == object.body);
        }
    }

    /// Every object is counted once.
    #[test]
    fn the_counts_add_up(cases in cases()) {
        let world = World::of(&cases, Options::default().drift(DriftPolicy::Report));
        let plan = world.plan(&world.everything()).plan;
        let declared = |key: &Key| world.desired.objects().contains(key);
        let moving = plan.steps.iter().map(|step| &step.key).chain(plan.drift.iter().map(|step| &step.key));
        let moving = moving.chain(plan.blocked.iter().map(|blocked| &blocked.key)).filter(|key| declared(key)).count();
        prop_assert_eq!(plan.unchanged + moving, world.desired.objects().len());
    }

    /// A target that previews is asked about every step, and about nothing that is as we left it or not ours to touch.
    #[test]
    fn every_step_is_foretold_and_no_object_that_is_as_it_was_left(cases in cases()) {
        let world = World::of(&cases, Options::default());
        let everything = world.everything();
        let asked: BTreeSet<Key> = world.with_input(&everything, &BTreeMap::new(), |input| {
            to_preview(input).cloned().collect()
        });
        let plan = world.plan(&everything).plan;
        prop_assert!(plan.steps.iter().all(|step| asked.contains(&step.key)));
        prop_assert!(plan.blocked.iter().all(|blocked| !asked.contains(&blocked.key)));
        for key in &asked {
            let (Some(entry), Some(live)) = (world.inventory.entries().get(key), world.live.get(key)) else { continue };
            let declared = world.desired.objects().get(key).map(|object| object.body.digest());
            let is_as_left = (entry.state, &entry.uid, &entry.version, entry.desired)
                == (OwnedState::Held, &Some(live.uid.clone()), &Some(live.version.clone()), declared);
            prop_assert!(!(is_as_left && live.is_owned_by(US)), "{key} is as it was left");
        }
    }

    /// I12: what can't be previewed is blocked; nothing changes for any other.
    #[test]
    fn a_preview_that_fails_holds_its_own_object_alone(cases in cases(), which in any::<prop::sample::Index>()) {
        let world = World::of(&cases, Options::default());
        let everything = world.everything();
        let before = world.plan(&everything).plan;
        prop_assume!(!before.steps.is_empty());
        let key = before.steps[which.index(before.steps.len())].key.clone();
        let previews = BTreeMap::from([(key.clone(), Err(Refusal::from("fog")))]);
        let after = world.with_input(&everything, &previews, |input| plan(input).unwrap().plan);
        let blocked = Blocked { key: key.clone(), why: BlockedBecause::DryRunFailed("fog".into()) };
        prop_assert!(after.blocked.contains(&blocked) && after.step(&key).is_none());
        let others = |plan: &Plan| plan.steps.iter().filter(|step| step.key != key).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&after), others(&before));
        prop_assert_ne!(after.id, before.id);
    }

    /// Whatever uses outputs of candidates is in a later layer than all of them, and nothing is lost.
    #[test]
    fn layers_hold_each_candidate_once_and_after_what_it_uses(
        uses in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..9),
        left_out in any::<prop::sample::Index>(),
    ) {
        let files = uses.iter().enumerate().map(|(index, uses)| {
            let used = uses.iter().filter(|_| index > 0).map(|used| u8::try_from(used.index(index)).unwrap()).collect::<Vec<u8>>();
            (format!("n{index}"), used)
        });
        let desired = declared(files, |used| {
            let parts = used.iter().map(|used| OutputRef { key: key(usize::from(*used)), output: "o".into() });
            Placeholder { parts: parts.map(PlaceholderPart::Output).collect() }.into()
        });
        let mut candidates: BTreeSet<Key> = desired.objects().keys().cloned().collect();
        candidates.remove(&key(left_out.index(uses.len())));
        let layers = layers(&desired, &candidates).unwrap();
        let mut seen: BTreeSet<Key> = BTreeSet::new();
        for layer in &layers {
            for object in layer {
                let used = desired.outputs_used(object).unwrap_or_default();
                prop_assert!(used.iter().all(|used| seen.contains(&used.key) || !candidates.contains(&used.key)));
                prop_assert!(used.iter().all(|used| desired.users(&used.key).any(|user| user == object)));
            }
            prop_assert!(layer.is_disjoint(&seen));
            seen.extend(layer.iter().cloned());
        }
        prop_assert_eq!(seen, candidates);
    }
}
