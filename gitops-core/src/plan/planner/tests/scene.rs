//! One object in every situation: a world in which nothing is to be done, and what a case changes of it.

use smol_str::SmolStr;

use super::*;
use crate::plan::planner::Differing;
use crate::state::record::ReadinessRecord;
use crate::value::{Need, Provenance};

pub(super) const OWNER: &str = "shop/00112233445566778899aabbccddeeff";
/// The label of the same owner from before the application was renamed.
pub(super) const FORMER: &str = "store/00112233445566778899aabbccddeeff";

/// What there is of one key.
pub(super) struct Thing {
    pub key: Key,
    pub object: Option<Object>,
    pub live: Option<Live>,
    pub entry: Option<Owned>,
    pub is_candidate: bool,
}

/// `it` is declared, there, and ours as it was left; and so is each of the others.
pub(super) struct Scene {
    pub it: Thing,
    pub others: Vec<Thing>,
    pub preview: Option<Result<Preview, Refusal>>,
    pub options: Options,
    pub labelled: BTreeSet<SmolStr>,
    pub flapping: BTreeMap<Key, Time>,
    pub differing: Option<Differing>,
    pub quarantined: BTreeMap<Key, Option<Time>>,
    pub protected: BTreeMap<SmolStr, BTreeSet<GroupKind>>,
    pub is_rollback: bool,
}

/// A case: what it is about, what is different in it, and how what is decided begins.
pub(super) type Case = (&'static str, fn(&mut Scene), &'static str);

pub(super) fn check(cases: &[Case]) {
    for (what, change, expected) in cases {
        let mut scene = Scene::default();
        change(&mut scene);
        let said = scene.said_of(&scene.it.key);
        assert!(said.starts_with(expected), "{what}: {said}");
    }
}

pub(super) fn object(index: usize, content: u8) -> Object {
    let provenance =
        Provenance { source: "s".into(), revision: "r".into(), path: format!("n{index}").into(), line: 1 };
    Object::new(key(index), body(content), provenance)
}

pub(super) fn like(object: Object) -> Object {
    object.like(Digest::of(b"what it has in common with itself"))
}

impl Thing {
    fn settled(index: usize) -> Self {
        Self {
            key: key(index),
            object: Some(object(index, 1)),
            live: Some(Scene::live(index, 1)),
            entry: Some(Scene::entry(index, 1)),
            is_candidate: true,
        }
    }

    pub fn object(&mut self) -> &mut Object {
        self.object.as_mut().unwrap()
    }

    pub fn live(&mut self) -> &mut Live {
        self.live.as_mut().unwrap()
    }

    pub fn entry(&mut self) -> &mut Owned {
        self.entry.as_mut().unwrap()
    }

    /// The same under a key of another target.
    pub fn of_target(&mut self, target: &str) {
        self.key = Key::new(target, self.key.kind().clone(), self.key.namespace(), self.key.name());
        self.rename();
    }

    /// The same under a key of another kind.
    pub fn of_kind(&mut self, kind: &str, name: &str) {
        self.key = Key::new(self.key.target(), GroupKind::new("", kind), self.key.namespace(), name);
        self.rename();
    }

    fn rename(&mut self) {
        let key = self.key.clone();
        self.object.iter_mut().for_each(|object| object.key = key.clone());
        self.live.iter_mut().for_each(|live| live.key = key.clone());
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            it: Thing::settled(0),
            others: Vec::new(),
            preview: None,
            options: Options::default(),
            labelled: BTreeSet::new(),
            flapping: BTreeMap::new(),
            differing: None,
            quarantined: BTreeMap::new(),
            protected: BTreeMap::new(),
            is_rollback: false,
        }
    }
}

impl Scene {
    /// The same as [`body`] in a state of its own.
    pub fn live(index: usize, content: u8) -> Live {
        Live::new(key(index), Uid::new(format!("u{index}")), version(content), body(content)).owned_by(OWNER)
    }

    pub fn entry(index: usize, content: u8) -> Owned {
        Owned {
            state: OwnedState::Held,
            uid: Some(Uid::new(format!("u{index}"))),
            version: Some(version(content)),
            desired: Some(body(content).digest()),
            path: format!("n{index}").into(),
            needs: Vec::new(),
            keep: false,
            stage: None,
            runs_once: false,
            likeness: None,
            left_otherwise: None,
            still_needs: Vec::new(),
            left_fields: BTreeMap::new(),
            readiness: ReadinessRecord::None,
            never_ready: false,
            let_go: false,
        }
    }

    /// The second object; it is there from the first call on.
    pub fn other(&mut self) -> &mut Thing {
        if self.others.is_empty() {
            self.others.push(Thing::settled(1));
        }
        &mut self.others[0]
    }

    /// A third object, which the second one needs, as `it` needs the second.
    pub fn chain(&mut self) -> &mut Thing {
        self.other();
        self.others.push(Thing::settled(2));
        self.it.object().needs = vec![Need::Object(key(1))];
        self.other().object().needs = vec![Need::Object(key(2))];
        &mut self.others[1]
    }

    /// `it` runs once, and is gone after this was seen of it.
    pub fn ended(&mut self, readiness: ReadinessRecord) {
        self.it.live = None;
        self.it.object().runs_once = true;
        self.it.entry().runs_once = true;
        self.it.entry().readiness = readiness;
    }

    fn with_input<T>(&self, work: impl FnOnce(&PlanInput<'_>) -> T) -> T {
        let things = || std::iter::once(&self.it).chain(&self.others);
        let (mut desired, mut inventory) = (Desired::default(), Inventory::new(OWNER));
        for thing in things() {
            thing.object.iter().for_each(|object| desired.declare(object.clone()).unwrap());
            let record = |entry: &Owned| Record::Adopt { key: thing.key.clone(), entry: entry.clone() };
            thing.entry.iter().for_each(|entry| inventory.take_in(&record(entry)));
        }
        let live = things().filter_map(|thing| Some((thing.key.clone(), thing.live.clone()?))).collect();
        let candidates = things().filter(|thing| thing.is_candidate).map(|thing| thing.key.clone()).collect();
        let previews = self.preview.iter().map(|preview| (self.it.key.clone(), preview.clone())).collect();
        let differing = self.differing.iter().map(|found| (self.it.key.clone(), found.clone())).collect();
        let world = World { desired, live, inventory, options: self.options.clone() };
        world.with_input(&candidates, &previews, |input| {
            work(&PlanInput {
                flapping: &self.flapping,
                differing: &differing,
                quarantined: &self.quarantined,
                protected: &self.protected,
                labelled: &self.labelled,
                is_rollback: self.is_rollback,
                ..*input
            })
        })
    }

    pub fn planned(&self) -> Planned {
        self.with_input(|input| plan(input).unwrap())
    }

    /// Of what its target would be asked for a preview.
    pub fn asked(&self) -> Vec<Key> {
        self.with_input(|input| to_preview(input).cloned().collect())
    }

    /// What is decided about a key, as people would be told of it.
    pub fn said_of(&self, key: &Key) -> String {
        let Planned { plan, learned, gone, .. } = self.planned();
        let step = |step: &Step| format!("{} ({:?}): {}", step.action, step.cause, step.reason);
        let of_step = plan.step(key).map(step);
        let of_drift = plan.drift.iter().find(|step| step.key == *key);
        let of_blocked = plan.blocked.iter().find(|blocked| blocked.key == *key);
        let of_orphaned = plan.orphaned_because.get(key);
        let rest = match (learned.contains_key(key), gone.contains(key)) {
            (false, false) => "nothing",
            (true, false) => "learned",
            (false, true) => "gone",
            (true, true) => "both",
        };
        of_step
            .or_else(|| of_drift.map(|found| format!("drift, {}", step(found))))
            .or_else(|| of_blocked.map(|blocked| format!("blocked: {}", blocked.why)))
            .or_else(|| of_orphaned.map(|because| format!("stays: {because}")))
            .unwrap_or_else(|| rest.to_owned())
    }
}
