use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Plan, Step};
use crate::state::record::Rebound;
use crate::value::{Digest, Expect, Hasher, Key, PlanId, Revision, StaleBecause};

/// What a plan was made from, apart from the objects that it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Basis {
    /// The source, and what of it is followed.
    pub source: String,
    /// The digest of everything that is declared.
    pub desired: Digest,
    /// The digest of the gates' rules.
    pub gates: Digest,
    /// The digest of the options: prune, drift, adoption, ignore rules.
    pub options: Digest,
    /// The engine that planned, as `gitops-core` and a version.
    pub engine: String,
}

impl Basis {
    /// The id of the plan that has these steps.
    pub(crate) fn plan_id(
        &self,
        application: &str,
        revision: &Revision,
        rebound: &[Rebound],
        steps: &[Step],
    ) -> PlanId {
        let mut hasher = Hasher::new("gitops plan 2");
        hasher.field(rebound.len().to_le_bytes());
        for Rebound { what, from, to } in rebound {
            hasher.field(what).field(from).field(to);
        }
        hasher.field(application).field(revision.id()).field(&self.source).field(&self.engine);
        for digest in [&self.desired, &self.gates, &self.options] {
            hasher.field(digest.as_bytes());
        }
        for step in steps {
            hasher.field(step.key.to_string()).field(step.action.to_string());
            if let Some(Expect { uid, version }) = &step.expect {
                hasher.field("expect").field(uid.as_str()).field(version.as_str());
            }
            for digest in step.desired.iter().chain(&step.preview) {
                hasher.field(digest.as_bytes());
            }
            step.takes.iter().for_each(|taken| taken.stand_for(&mut hasher));
        }
        PlanId::new(hasher.finish())
    }
}

impl Plan {
    /// What moved between an older plan and this one; empty exactly if their ids are equal.
    pub fn moved_since(&self, older: &Plan) -> Vec<StaleBecause> {
        if older.id == self.id {
            return Vec::new();
        }
        let (then, now) = (&older.basis, &self.basis);
        let mut moved = Vec::new();
        let text = |value: &str| value.to_owned();
        if (&older.application, &then.source) != (&self.application, &now.source) {
            let name = |plan: &Plan| format!("{} of {}", plan.basis.source, plan.application);
            moved.push(StaleBecause::Source { from: name(older), to: name(self) });
        }
        let bound = |plan: &Plan| plan.rebound.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if older.rebound != self.rebound {
            moved.push(StaleBecause::Source { from: bound(older), to: bound(self) });
        }
        if older.revision != self.revision {
            moved.push(StaleBecause::Revision {
                from: text(older.revision.short()),
                to: text(self.revision.short()),
            });
        } else if then.desired != now.desired {
            moved.push(StaleBecause::Desired);
        }
        if then.engine != now.engine {
            moved.push(StaleBecause::Engine { from: then.engine.clone(), to: now.engine.clone() });
        }
        if then.gates != now.gates {
            moved.push(StaleBecause::Gates);
        }
        if then.options != now.options {
            moved.push(StaleBecause::Options);
        }
        moved.extend(moved_steps(older, self));
        if moved.is_empty() {
            moved.push(StaleBecause::Desired);
        }
        moved
    }
}

fn moved_steps(older: &Plan, newer: &Plan) -> Vec<StaleBecause> {
    let by_key = |plan: &'_ Plan| plan.steps.iter().map(|step| (step.key.clone(), step.clone())).collect();
    let (then, now): (BTreeMap<Key, Step>, BTreeMap<Key, Step>) = (by_key(older), by_key(newer));
    let changed = |(key, step): (&Key, &Step)| match now.get(key) {
        None => Some(StaleBecause::NotNeeded { key: key.clone() }),
        Some(now) if now.expect != step.expect || now.action != step.action => {
            Some(StaleBecause::Live { key: key.clone() })
        }
        Some(now) if (now.preview, &now.takes) != (step.preview, &step.takes) => {
            Some(StaleBecause::Previewed { key: key.clone() })
        }
        Some(_) => None,
    };
    let needed = now.keys().filter(|key| !then.contains_key(key));
    let needed = needed.map(|key| StaleBecause::Needed { key: key.clone() });
    then.iter().filter_map(changed).chain(needed).collect()
}
