//! A small world in which a trace is written by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::format_smolstr;

use crate::cx::Time;
use crate::engine::{Report, StepOutcome, StepResult};
use crate::plan::{Basis, Cause, Plan, Reason, Step};
use crate::simulate::check;
use crate::simulate::fault::Faults;
use crate::simulate::origin::Origin;
use crate::simulate::server::Item;
use crate::simulate::source::body;
use crate::simulate::state::{Inner, Life};
use crate::state::record::{Intent, OpResult, Record};
use crate::value::{
    Action, Change, Digest, Expect, Key, Object, OwnerLabel, PlanId, Precondition, Provenance, Revision, Uid,
    Value,
};

/// The owner whose owner label the application sets.
pub(super) const OWNER: &str = "ours";

/// One application with one engine, and nothing in the targets.
pub(super) struct Scene {
    pub world: Inner,
    pub plan: PlanId,
    last: u64,
}

impl Scene {
    pub fn new() -> Self {
        let faults = Faults::new(1, [].into(), [].into());
        let mut world = Inner::new(1, faults, false);
        world.add_app("first", Origin::new(1, 0, 120));
        world.lives.push(Life::default());
        let plan = PlanId::new(Digest::of(b"plan"));
        let revision = world.origin(0).tip().revision.clone();
        world.lives[0].plans.insert(plan, revision);
        world.apps[0].book.owner = Some(OWNER.into());
        let mut scene = Self { world, plan, last: 0 };
        scene.durable(Record::Epoch { epoch: 1 });
        scene
    }

    pub fn durable(&mut self, record: Record) {
        check::durable(&mut self.world, 0, &[record]);
    }

    /// Objects of a target that the revision declares.
    pub fn declared(&self, target: &str) -> Vec<Key> {
        self.keys(target, true)
    }

    /// Objects of a target that could be declared, and are not.
    pub fn undeclared(&self, target: &str) -> Vec<Key> {
        self.keys(target, false)
    }

    fn keys(&self, target: &str, declared: bool) -> Vec<Key> {
        let origin = self.world.origin(0);
        let id = self.revision();
        let is_meant = |key: &&Key| origin.declares(id.id(), key) == Some(declared) && key.target() == target;
        origin.keys().filter(is_meant).cloned().collect()
    }

    pub fn revision(&self) -> Revision {
        self.world.origin(0).tip().revision.clone()
    }

    fn value_of(&self, key: &Key) -> u64 {
        let origin = self.world.origin(0);
        let mut declared = origin.tip().objects.iter();
        declared.find(|(node, _)| origin.key(**node) == key).map_or(0, |(_, declared)| declared.value)
    }

    fn owner_label(&mut self) -> OwnerLabel {
        self.last += 1;
        OwnerLabel { owner: OWNER.into(), op: format_smolstr!("op{}", self.last) }
    }

    pub fn object(&self, key: &Key) -> Arc<Object> {
        let provenance =
            Provenance { source: "model".into(), revision: "r".into(), path: "f".into(), line: 1 };
        Arc::new(Object::new(key.clone(), body(self.value_of(key)), provenance))
    }

    pub fn create(&mut self, key: &Key) -> Change {
        Change::Create { object: self.object(key), owner_label: self.owner_label(), preview: None }
    }

    pub fn update(&mut self, key: &Key) -> Change {
        let expect = self.expect(key);
        Change::Update { object: self.object(key), expect, owner_label: self.owner_label(), preview: None }
    }

    pub fn delete(&mut self, key: &Key) -> Change {
        let expect = self.expect(key);
        Change::Delete { key: key.clone(), expect, owner_label: self.owner_label(), preview: None }
    }

    /// The state in which an object is now.
    fn expect(&self, key: &Key) -> Expect {
        Expect::from(&self.world.server.at(key).next().expect("it was made").live())
    }

    /// What the engine would write down before it sends a change.
    pub fn intent(&self, change: &Change) -> Intent {
        Intent {
            op: change.owner_label().op.clone(),
            plan: self.plan,
            epoch: 1,
            at: Time::from_micros(0),
            key: change.key().clone(),
            action: change.action(),
            expect: match change.expects() {
                Precondition::Absent => None,
                Precondition::Exactly(expect) => Some(expect.clone()),
            },
            desired: change.body().map(Value::digest),
            path: "f".into(),
            needs: Vec::new(),
            keep: false,
            stage: None,
            runs_once: false,
            likeness: None,
            is_new: false,
            is_approved: false,
            approved: Vec::new(),
        }
    }

    /// Writes an intent down, in the audit log and in the journal.
    pub fn intend(&mut self, intent: Intent) {
        self.world.apps[0].book.audited.insert(intent.op.clone());
        self.durable(Record::Intent(intent));
    }

    /// Sends a change with its intent; it has not arrived yet.
    pub fn send(&mut self, change: &Change) -> usize {
        let intent = self.intent(change);
        self.intend(intent);
        self.send_only(change)
    }

    /// Sends a change whose intent is written down, or is not.
    pub fn send_only(&mut self, change: &Change) -> usize {
        let sent = self.world.send(0, change).expect("nothing is turned away here");
        sent.expect("the engine lives")
    }

    pub fn arrives(&mut self, call: usize) {
        self.world.arrives(call);
    }

    /// What the engine learned of a change becomes durable.
    pub fn settle(&mut self, change: &Change, result: OpResult) {
        let (op, key) = (change.owner_label().op.clone(), change.key().clone());
        self.durable(Record::Outcome { op, key, result });
    }

    /// Carries a change out from its intent to its outcome.
    pub fn carry_out(&mut self, change: &Change) {
        let call = self.send(change);
        self.arrives(call);
        self.settle(change, self.result(change.key()));
        self.see(change.key());
    }

    /// What an engine would be told of an object.
    pub fn result(&self, key: &Key) -> OpResult {
        match self.world.server.at(key).next().map(|item| Expect::from(&item.live())) {
            Some(Expect { uid, version }) => OpResult::Present { uid, version },
            None => OpResult::Absent,
        }
    }

    /// The engine makes an object as an earlier plan said.
    pub fn make(&mut self, key: &Key) {
        let plan = std::mem::replace(&mut self.plan, PlanId::new(Digest::of(b"earlier")));
        let change = self.create(key);
        self.carry_out(&change);
        self.plan = plan;
    }

    pub fn make_all(&mut self) {
        let targets = ["keyed", "listed", "opaque"];
        let keys: Vec<Key> = targets.into_iter().flat_map(|target| self.declared(target)).collect();
        keys.iter().for_each(|key| self.make(key));
    }

    /// Somebody else puts an object there, with this owner label.
    pub fn intrude(&mut self, key: &Key, owner: &str) {
        self.world.server.intrude(key, body(0), Some(owner.into()));
        self.see(key);
    }

    /// The engine looks at an object.
    pub fn see(&mut self, key: &Key) {
        let seen: Vec<_> = self.world.server.at(key).map(Item::live).collect();
        let seen = seen.into_iter().map(|live| (live.key, live.uid, live.version));
        self.world.lives[0].seen.extend(seen);
    }

    pub fn uid(&self, key: &Key) -> Uid {
        self.expect(key).uid
    }

    /// A report about steps: each with what it waits for and what came of it.
    pub fn report(&self, steps: &[(&Key, &[Key], StepOutcome)]) -> Report {
        let step = |(key, after, _): &(&Key, &[Key], StepOutcome)| Step {
            key: (*key).clone(),
            action: Action::Create,
            cause: Cause::ThisChange,
            reason: Reason::New,
            diff: crate::capability::Diff::default(),
            components: crate::value::Components::default(),
            expect: None,
            desired: None,
            preview: None,
            provenance: None,
            after: after.to_vec(),
            brings_back: false,
            left_otherwise: false,
            risk: Vec::new(),
            takes: Vec::new(),
            foreign: Vec::new(),
        };
        let result = |(key, _, outcome): &(&Key, &[Key], StepOutcome)| StepResult {
            key: (*key).clone(),
            action: Action::Create,
            outcome: outcome.clone(),
        };
        let none = Digest::of(b"");
        let basis =
            Basis { source: String::new(), desired: none, gates: none, options: none, engine: String::new() };
        let plan = Plan {
            effect: crate::value::Effect::default(),
            id: self.plan,
            application: "first".to_owned(),
            revision: self.revision(),
            observed_at: Time::from_micros(0),
            basis,
            rebound: Vec::new(),
            steps: steps.iter().map(step).collect(),
            drift: Vec::new(),
            blocked: Vec::new(),
            beside: Vec::new(),
            prerequisites: Vec::new(),
            gone: Vec::new(),
            orphaned: Vec::new(),
            orphaned_because: BTreeMap::new(),
            owned: 0,
            removed: 0,
            unchanged: 0,
        };
        Report { plan, results: steps.iter().map(result).collect() }
    }
}
