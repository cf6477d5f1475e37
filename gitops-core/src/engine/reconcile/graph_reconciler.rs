use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::Reconcile;
use crate::plan::{Prerequisite, Step};
use crate::value::Key;

/// Carries out steps over their graph: each after what it waits for, as many at once as each target takes.
///
/// A step goes through *intent durable → sent → answered → outcome durable → ready*; what waits for it starts when
/// it is ready. A step that does not succeed blocks exactly those that wait for it, directly or through others;
/// all others go on. There are no level barriers.
///
/// A [prerequisite](Prerequisite) is not changed: it is *ready* or blocks as a step does. A step that
/// [brings back](Step::brings_back) what was there waits for others, and is not blocked by one that was made and is not
/// ready.
#[derive(Clone, Debug)]
pub struct GraphReconciler {
    nodes: BTreeMap<Key, Node>,
    limits: BTreeMap<SmolStr, usize>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    after: Vec<Key>,
    before: Vec<Key>,
    role: Role,
}

/// What becomes of a node when nothing that it waits for is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    /// It is changed.
    #[default]
    Step,
    /// It is changed, and what is not ready does not stand in its way.
    BringsBack,
    /// It must be ready.
    Asked,
    /// It stands for what it waited for.
    Passed,
}

/// Where a [`GraphReconciler`] stands.
#[derive(Clone, Debug, Default)]
pub struct Work {
    states: BTreeMap<Key, NodeState>,
    /// How many needs of each step are not ready yet.
    waiting: BTreeMap<Key, usize>,
    /// Steps that could start, if their target has room.
    free: BTreeMap<SmolStr, BTreeSet<Key>>,
    in_flight: BTreeMap<SmolStr, usize>,
    /// How many steps are not over.
    open: usize,
    /// Somebody asked to stop.
    stopped: bool,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It waits for others, or for room.
    Waiting,
    /// Its intent is being made durable.
    Intending,
    /// Its change was sent.
    Sent,
    /// There is an answer, which is being made durable.
    Answered {
        /// Whether the change was made.
        done: bool,
    },
    /// The change is made; the object is not ready yet.
    Settling,
    /// Done and ready.
    Ready,
    /// The change was not made, or nobody knows, or the object will not become ready.
    Failed,
    /// Not tried, because of this step.
    Blocked {
        /// The step that did not succeed.
        by: Key,
    },
    /// Not tried, because somebody asked to stop.
    Skipped,
}

/// What a [`GraphReconciler`] asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Make the step's intent durable.
    RecordIntent(Key),
    /// Send the step's change.
    Apply(Key),
    /// Make the answer durable.
    RecordOutcome(Key),
    /// Wait until the object is ready.
    AwaitReady(Key),
}

/// What a [`GraphReconciler`] is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The step's intent is durable.
    IntentDurable(Key),
    /// The target answered, or nobody knows.
    Answered {
        /// The step.
        key: Key,
        /// Whether the change is known to be made.
        done: bool,
    },
    /// The answer is durable.
    OutcomeDurable(Key),
    /// It is durable that the object was taken over; the step's change itself is still to be made.
    TakenOver(Key),
    /// The object is ready, or will not become so.
    Settled {
        /// The step.
        key: Key,
        /// Whether it is ready.
        ready: bool,
    },
    /// Start nothing more.
    Stop,
}

impl GraphReconciler {
    /// A machine for the steps of a plan and what does not change before them. `limits` says how many changes each target
    /// takes at once; a target that is not named takes one. A step that waits for what is neither a step nor a
    /// prerequisite is blocked by it from the start.
    pub fn new(steps: &[Step], prerequisites: &[Prerequisite], limits: BTreeMap<SmolStr, usize>) -> Self {
        let asked = prerequisites.iter().map(|found| (found.key.clone(), Node::asked(found)));
        let mut nodes: BTreeMap<Key, Node> = asked.collect();
        nodes.extend(steps.iter().map(|step| (step.key.clone(), Node::of(step))));
        let edges: Vec<(Key, Key)> = nodes
            .iter()
            .flat_map(|(key, node)| node.after.iter().map(|need| (need.clone(), key.clone())))
            .collect();
        for (need, key) in edges {
            if let Some(node) = nodes.get_mut(&need) {
                node.before.push(key);
            }
        }
        Self { nodes, limits }
    }

    fn limit(&self, target: &SmolStr) -> usize {
        self.limits.get(target).copied().unwrap_or(1).max(1)
    }

    /// Starts as many free steps as there is room for, the least key of each target first.
    fn fill(&self, work: &mut Work) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Work { free, in_flight, states, .. } = work;
        for (target, free) in free {
            let in_flight = in_flight.entry(target.clone()).or_default();
            while *in_flight < self.limit(target) {
                let Some(key) = free.pop_first() else { break };
                *in_flight += 1;
                states.insert(key.clone(), NodeState::Intending);
                effects.push(Effect::RecordIntent(key));
            }
        }
        effects
    }

    fn succeed(&self, work: &mut Work, key: &Key) -> Vec<Effect> {
        work.set(key, NodeState::Ready);
        let next = self.nodes[key].before.clone();
        self.go_on(work, next)
    }

    /// One thing less that some nodes wait for. What only stands for others is passed at once, and so may set off more:
    /// a loop, for a chain of stages can be as long as the plan.
    fn go_on(&self, work: &mut Work, mut next: Vec<Key>) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(key) = next.pop() {
            let Some(waiting) = work.waiting.get_mut(&key) else { continue };
            *waiting -= 1;
            if *waiting == 0 && work.states.get(&key) == Some(&NodeState::Waiting) {
                self.begin(work, &key, &mut next, &mut effects);
            }
        }
        effects
    }

    /// Nothing that the node waits for is left.
    fn begin(&self, work: &mut Work, key: &Key, next: &mut Vec<Key>, effects: &mut Vec<Effect>) {
        match self.nodes[key].role {
            Role::Step | Role::BringsBack => work.make_free(key),
            Role::Asked => {
                work.set(key, NodeState::Settling);
                effects.push(Effect::AwaitReady(key.clone()));
            }
            Role::Passed => {
                work.set(key, NodeState::Ready);
                next.extend(self.nodes[key].before.iter().cloned());
            }
        }
    }

    fn block_descendants(&self, work: &mut Work, failed: &Key) {
        let due = self.nodes.get(failed).map(|node| node.before.clone()).unwrap_or_default();
        self.block(work, failed, due);
    }

    fn block(&self, work: &mut Work, failed: &Key, mut due: Vec<Key>) {
        while let Some(key) = due.pop() {
            if work.states.get(&key) == Some(&NodeState::Waiting) {
                work.set(&key, NodeState::Blocked { by: failed.clone() });
                due.extend(self.nodes[&key].before.iter().cloned());
            }
        }
    }

    /// It is there and not ready: that is enough for what brings back what was there before.
    fn is_not_ready(&self, work: &mut Work, key: &Key) -> Vec<Effect> {
        work.set(key, NodeState::Failed);
        let brings_back = |next: &Key| self.nodes[next].role == Role::BringsBack;
        let (goes_on, blocked) = self.nodes[key].before.iter().cloned().partition(brings_back);
        self.block(work, key, blocked);
        self.go_on(work, goes_on)
    }

    fn leave(work: &mut Work, key: &Key) {
        if let Some(in_flight) = work.in_flight.get_mut(key.target()) {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// The target has room again, so that the next intent can be made durable together with this answer.
    fn answered(&self, work: &mut Work, key: Key, done: bool) -> Vec<Effect> {
        if work.states.get(&key) != Some(&NodeState::Sent) {
            return Vec::new();
        }
        work.set(&key, NodeState::Answered { done });
        Self::leave(work, &key);
        let mut effects = self.fill(work);
        effects.insert(0, Effect::RecordOutcome(key));
        effects
    }

    fn outcome_durable(&self, work: &mut Work, key: Key) -> Vec<Effect> {
        let Some(NodeState::Answered { done }) = work.states.get(&key).cloned() else { return Vec::new() };
        if done {
            work.set(&key, NodeState::Settling);
            return vec![Effect::AwaitReady(key)];
        }
        work.set(&key, NodeState::Failed);
        self.block_descendants(work, &key);
        Vec::new()
    }

    /// The step goes through once more, with an intent of its own, as soon as its target has room.
    fn taken_over(&self, work: &mut Work, key: &Key) -> Vec<Effect> {
        if work.states.get(key) != Some(&(NodeState::Answered { done: true })) {
            return Vec::new();
        }
        if work.stopped {
            work.set(key, NodeState::Skipped);
            return Vec::new();
        }
        work.set(key, NodeState::Waiting);
        work.make_free(key);
        self.fill(work)
    }

    fn settled(&self, work: &mut Work, key: &Key, ready: bool) -> Vec<Effect> {
        if work.states.get(key) != Some(&NodeState::Settling) {
            return Vec::new();
        }
        let mut effects = match ready {
            true => self.succeed(work, key),
            false => self.is_not_ready(work, key),
        };
        effects.extend(self.fill(work));
        effects
    }
}

impl Node {
    fn of(step: &Step) -> Self {
        let role = if step.brings_back { Role::BringsBack } else { Role::Step };
        Self { after: step.after.clone(), before: Vec::new(), role }
    }

    fn asked(found: &Prerequisite) -> Self {
        let role = if found.is_open() { Role::Asked } else { Role::Passed };
        Self { after: found.after.clone(), before: Vec::new(), role }
    }
}

impl NodeState {
    /// Whether the step is over, one way or the other.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Blocked { .. } | Self::Skipped)
    }
}

impl Work {
    fn set(&mut self, key: &Key, state: NodeState) {
        if state.is_over() {
            self.open -= 1;
        }
        self.states.insert(key.clone(), state);
    }

    fn make_free(&mut self, key: &Key) {
        self.free.entry(key.target().into()).or_default().insert(key.clone());
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.free.clear();
        for state in self.states.values_mut().filter(|state| **state == NodeState::Waiting) {
            *state = NodeState::Skipped;
            self.open -= 1;
        }
    }
}

impl Reconcile for GraphReconciler {
    type State = Work;
    type Event = Told;
    type Effect = Effect;
    type Outcome = BTreeMap<Key, NodeState>;

    fn start(&self) -> (Work, Vec<Effect>) {
        let mut work = Work { open: self.nodes.len(), ..Work::default() };
        for (key, node) in &self.nodes {
            work.set(key, NodeState::Waiting);
            work.waiting.insert(key.clone(), node.after.len());
        }
        for (key, node) in &self.nodes {
            let blocked = node.after.iter().find(|need| !self.nodes.contains_key(*need));
            if let (Some(blocked), Some(NodeState::Waiting)) = (blocked, work.states.get(key)) {
                self.block(&mut work, blocked, vec![key.clone()]);
            }
        }
        let (mut next, mut effects) = (Vec::new(), Vec::new());
        for (key, _) in self.nodes.iter().filter(|(_, node)| node.after.is_empty()) {
            self.begin(&mut work, key, &mut next, &mut effects);
        }
        effects.extend(self.go_on(&mut work, next));
        effects.extend(self.fill(&mut work));
        (work, effects)
    }

    fn step(&self, work: &mut Work, event: Told) -> Vec<Effect> {
        match event {
            Told::IntentDurable(key) if work.states.get(&key) == Some(&NodeState::Intending) => {
                work.set(&key, NodeState::Sent);
                vec![Effect::Apply(key)]
            }
            Told::IntentDurable(_) => Vec::new(),
            Told::Answered { key, done } => self.answered(work, key, done),
            Told::OutcomeDurable(key) => self.outcome_durable(work, key),
            Told::TakenOver(key) => self.taken_over(work, &key),
            Told::Settled { key, ready } => self.settled(work, &key, ready),
            Told::Stop => {
                work.stop();
                Vec::new()
            }
        }
    }

    fn outcome(&self, work: &Work) -> Option<BTreeMap<Key, NodeState>> {
        (work.open == 0).then(|| work.states.clone())
    }
}
