//! The model source's truth: what was declared, when, and by which history.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, format_smolstr};

use super::fault::{Fault, Faults};
use super::random::Random;
use super::twins;
use crate::source::{Relation, Snapshot};
use crate::value::{GroupKind, Key, Revision};

/// The names of the model targets, one of each recovery class.
pub(super) const TARGETS: [&str; 3] = ["keyed", "listed", "opaque"];

/// What a file says of an object that runs once, before its needs.
pub(super) const ONCE: &str = "once";

/// One declared object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub value: u64,
    pub needs: Vec<usize>,
    /// Whether it is declared under its second key.
    pub second: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub revision: Revision,
    parent: Option<usize>,
    pub objects: BTreeMap<usize, Declared>,
    pub flaw: Option<Fault>,
    snapshot: Snapshot,
}

/// A source with all that it ever had.
#[derive(Debug)]
pub(super) struct Origin {
    /// Every node that can be declared: its key, and which earlier nodes it may need.
    nodes: Vec<(Key, Vec<usize>)>,
    /// Those that run to an end, and may then be gone.
    once: BTreeSet<usize>,
    /// Those that have two keys.
    twins: BTreeSet<usize>,
    renames: Random,
    commits: Vec<Commit>,
    /// The newest commit of the line that is meant to be applied.
    tip: usize,
    /// The commit that the source says is newest.
    pub served: usize,
    random: Random,
}

impl Origin {
    pub fn new(seed: u64, application: usize, nodes: u64) -> Self {
        let mut random = Random::new(seed, 10 + application as u64);
        let nodes = draw_graph(&mut random, nodes);
        let mut origin = Self {
            nodes,
            once: BTreeSet::new(),
            twins: BTreeSet::new(),
            renames: Random::new(seed, 14),
            commits: Vec::new(),
            tip: 0,
            served: 0,
            random,
        };
        let first = (0..origin.nodes.len()).filter(|_| origin.random.chance(8000)).collect::<Vec<_>>();
        let objects =
            first.into_iter().map(|node| (node, Declared { value: 0, needs: Vec::new(), second: false }));
        let objects = objects.collect();
        origin.tip = origin.commit(None, objects, None);
        origin.served = origin.tip;
        origin
    }

    /// The same, before it moved on, with a quarter of the objects running once.
    pub fn running_once(mut self, seed: u64) -> Self {
        let mut random = Random::new(seed, 12);
        self.once = (0..self.nodes.len()).filter(|_| random.chance(2500)).collect();
        let first = self.commits.remove(0);
        self.commit(None, first.objects, None);
        self
    }

    /// The same, with a quarter of the objects that clients name having two keys: the source declares them now under the one and
    /// now under the other.
    pub fn with_twins(mut self) -> Self {
        let is_keyed = |key: &Key| key.target() == TARGETS[0];
        for node in 0..self.nodes.len() {
            if is_keyed(self.key(node)) && self.renames.chance(2500) {
                self.twins.insert(node);
            }
        }
        self
    }

    /// The key under which a commit declares an object.
    pub fn named(&self, node: usize, declared: &Declared) -> Key {
        if declared.second { twins::other(self.key(node)) } else { self.key(node).clone() }
    }

    /// Whether an object runs to an end, and may then be gone.
    pub fn runs_once(&self, key: &Key) -> bool {
        self.once.iter().any(|node| *self.key(*node) == twins::first(key))
    }

    pub fn key(&self, node: usize) -> &Key {
        &self.nodes[node].0
    }

    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.nodes.iter().map(|(key, _)| key)
    }

    pub fn served(&self) -> &Commit {
        &self.commits[self.served]
    }

    pub fn tip(&self) -> &Commit {
        &self.commits[self.tip]
    }

    pub fn find(&self, id: &str) -> Option<&Commit> {
        self.commits.iter().find(|commit| commit.revision.id() == id)
    }

    pub fn snapshot(&self, id: &str) -> Option<Snapshot> {
        self.find(id).map(|commit| commit.snapshot.clone())
    }

    /// Whether a revision truly declares an object.
    pub fn declares(&self, id: &str, key: &Key) -> Option<bool> {
        let commit = self.find(id)?;
        Some(commit.objects.iter().any(|(node, declared)| self.named(*node, declared) == *key))
    }

    pub fn relation(&self, from: &str, to: &str) -> Option<Relation> {
        let index = |id: &str| self.commits.iter().position(|commit| commit.revision.id() == id);
        let (from, to) = (index(from)?, index(to)?);
        Some(match (from == to, self.descends(to, from), self.descends(from, to)) {
            (true, ..) => Relation::Same,
            (_, true, _) => Relation::Newer,
            (_, _, true) => Relation::Older,
            _ => Relation::Diverged,
        })
    }

    fn descends(&self, young: usize, old: usize) -> bool {
        let mut at = Some(young);
        while let Some(commit) = at {
            if commit == old {
                return true;
            }
            at = self.commits[commit].parent;
        }
        false
    }

    /// The next revision, good or flawed; says what was done.
    pub fn advance(&mut self, faults: &mut Faults) -> &'static str {
        if faults.strikes(Fault::OldRef) && self.tip > 0 {
            self.served = self.random.below(self.tip as u64) as usize;
            return "serves an old revision";
        }
        let objects = self.evolved();
        if faults.strikes(Fault::ForcePush) {
            let parent = self.commits[self.tip].parent;
            self.served = self.commit(parent, objects, Some(Fault::ForcePush));
            return "is moved to another history";
        }
        let flaw = [Fault::Malformed, Fault::Shrunk, Fault::Tangled]
            .into_iter()
            .find(|fault| faults.strikes(*fault));
        let objects = match flaw {
            Some(Fault::Shrunk) => objects.into_iter().take(1).collect(),
            _ => objects,
        };
        self.push(objects, flaw);
        "moves on"
    }

    /// The last revision: as meant, without a flaw, and on the line that was applied.
    pub fn heal(&mut self, accepted: Option<&str>) {
        let accepted = self.commits.iter().position(|commit| Some(commit.revision.id()) == accepted);
        if let Some(accepted) = accepted.filter(|accepted| !self.descends(self.tip, *accepted)) {
            self.tip = accepted;
        }
        let objects = self.evolved();
        self.push(objects, None);
    }

    fn push(&mut self, objects: BTreeMap<usize, Declared>, flaw: Option<Fault>) {
        self.tip = self.commit(Some(self.tip), objects, flaw);
        self.served = self.tip;
    }

    /// The objects of the tip, some of them changed, gone or new.
    fn evolved(&mut self) -> BTreeMap<usize, Declared> {
        let mut objects = BTreeMap::new();
        let old = self.commits[self.tip].objects.clone();
        for node in 0..self.nodes.len() {
            let was = old.get(&node);
            let present = if self.random.chance(1200) { was.is_none() } else { was.is_some() };
            let value = was.map_or(0, |was| was.value);
            let value = if self.random.chance(1500) { self.random.below(1000) } else { value };
            if present {
                let second = was.is_some_and(|was| was.second);
                let second = second != (self.twins.contains(&node) && self.renames.chance(2000));
                objects.insert(node, Declared { value, needs: Vec::new(), second });
            }
        }
        objects
    }

    fn commit(
        &mut self,
        parent: Option<usize>,
        mut objects: BTreeMap<usize, Declared>,
        flaw: Option<Fault>,
    ) -> usize {
        let present: Vec<usize> = objects.keys().copied().collect();
        for (node, declared) in &mut objects {
            let needs = self.nodes[*node].1.iter().filter(|need| present.contains(need));
            declared.needs = needs.copied().collect();
        }
        let number = self.commits.len();
        let revision = Revision::new(format_smolstr!("r{number:04}"), "main");
        let files = self.files(&objects, flaw);
        let snapshot =
            Snapshot::from_files("model", revision.clone(), files).expect("the names of the nodes are plain");
        self.commits.push(Commit { revision, parent, objects, flaw, snapshot });
        number
    }

    fn files(&self, objects: &BTreeMap<usize, Declared>, flaw: Option<Fault>) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = objects
            .iter()
            .map(|(node, declared)| {
                let once = self.once.contains(node).then(|| ONCE.to_owned());
                let needs =
                    declared.needs.iter().map(|need| path(&self.named(*need, &objects[need])).to_string());
                let needs: Vec<String> = once.into_iter().chain(needs).collect();
                (
                    path(&self.named(*node, declared)).to_string(),
                    format!("{} {}", declared.value, needs.join(" ")),
                )
            })
            .collect();
        match flaw {
            Some(Fault::Malformed) => files.push(("keyed/zz".to_owned(), "?".to_owned())),
            Some(Fault::Tangled) => files.push(("keyed/zz".to_owned(), "0 keyed/nowhere".to_owned())),
            _ => {}
        }
        files
    }
}

/// The file that declares an object.
fn path(key: &Key) -> SmolStr {
    format_smolstr!("{}/{}", key.target(), key.name())
}

/// The key of a file.
pub(super) fn key_of(path: &str) -> Option<Key> {
    let (target, name) = path.split_once('/')?;
    Some(Key::new(target, GroupKind::new("", "Thing"), "", name))
}

/// A graph without circles: a chain, a fan, diamonds or any.
fn draw_graph(random: &mut Random, nodes: u64) -> Vec<(Key, Vec<usize>)> {
    let shape = random.below(5);
    let mut graph = Vec::new();
    for node in 0..nodes as usize {
        let target = TARGETS[[0, 0, 0, 1, 1, 2][random.below(6) as usize]];
        let needs: Vec<usize> = match shape {
            _ if node == 0 => Vec::new(),
            0 => vec![node - 1],
            1 => vec![0],
            2 => vec![node / 2],
            3 => Vec::new(),
            _ => (0..random.below(3)).map(|_| random.below(node as u64) as usize).collect(),
        };
        let key = key_of(&format!("{target}/n{node:03}")).expect("it has a target and a name");
        graph.push((key, needs));
    }
    graph
}
