use serde::{Deserialize, Serialize};

use super::{Approval, Through};
use crate::value::{Key, PlanId};

/// How many approvals are kept, and how long they are together, in bytes: as many as requests are open at once that change one
/// application, and no more than a store in a cluster takes.
const KEPT: usize = 256;
const LENGTH: usize = 256 << 10;

/// The approvals of an application of which something is left, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approvals(Vec<Approval>);

impl Approvals {
    /// Each of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.0.iter()
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Approval> {
        self.0.iter().rev()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps another one, whatever its length: that was checked when it was made. Gives those for which there is no room beside it:
    /// first those of requests that were approved again since, then the oldest.
    pub(crate) fn add(&mut self, approval: &Approval) -> Vec<Approval> {
        self.0.retain(|other| other.is_valid(approval.at) && other.id() != approval.id());
        self.0.push(approval.clone());
        let mut lengths: Vec<usize> = self.0.iter().map(Approval::length).collect();
        let mut dropped = Vec::new();
        while self.0.len() > 1 && (self.0.len() > KEPT || lengths.iter().sum::<usize>() > LENGTH) {
            let least = self.approved_again().unwrap_or(0);
            lengths.remove(least);
            dropped.push(self.0.remove(least));
        }
        dropped
    }

    /// The oldest approval of a request of which there is another one.
    fn approved_again(&self) -> Option<usize> {
        let requests: Vec<Option<&str>> = self.0.iter().map(request).collect();
        let is_again = |at: usize| requests[at].is_some() && requests[at + 1..].contains(&requests[at]);
        (0..requests.len()).find(|at| is_again(*at))
    }

    /// An object was changed: what was approved of it is done, or is void. `approved` are the plans of those that approved just this.
    pub(crate) fn spend(&mut self, key: &Key, approved: &[PlanId]) {
        let spend = |approval: &mut Approval| approval.effect.spend(key, approved.contains(&approval.plan));
        self.0.iter_mut().for_each(spend);
        self.0.retain(|approval| !approval.effect.is_empty());
    }

    /// None of them holds any more.
    pub(crate) fn void(&mut self) {
        self.0.clear();
    }
}

/// The request on which it was given.
fn request(approval: &Approval) -> Option<&str> {
    match &approval.by.through {
        Through::Review { review } => Some(review.split_once(": ").map_or(review, |(request, _)| request)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::cx::Time;
    use crate::state::approval::Approver;
    use crate::value::{Digest, Effect, GroupKind, StepEffect};

    fn approval(request: usize, at: i64, steps: usize) -> Approval {
        let step = |n: usize| {
            let key = Key::new("t", GroupKind::new("", "Thing"), "", format!("{request}-{n}"));
            (key, StepEffect::new(Digest::of(b"effect"), [], BTreeSet::new(), None))
        };
        let effect = Effect::new((0..steps).map(step).collect::<BTreeMap<_, _>>(), []);
        let review = format!("gitea platform/site#{request}: comment {at}");
        Approval {
            plan: PlanId::new(Digest::of(b"plan")),
            effect,
            lifts: Vec::new(),
            by: Approver::new("bob", Through::Review { review }),
            at: Time::from_micros(at),
            until: None,
        }
    }

    fn requests(approvals: &Approvals) -> BTreeSet<&str> {
        approvals.iter().filter_map(request).collect()
    }

    #[test]
    fn no_request_of_two_hundred_that_are_open_at_once_loses_its_approval() {
        let mut approvals = Approvals::default();
        // Each is pushed to and approved again, one after the other.
        for (at, request) in (0..200).chain(0..200).enumerate() {
            let at = i64::try_from(at).unwrap();
            approvals.add(&approval(request, at, 2));
        }
        assert_eq!(requests(&approvals).len(), 200);
        assert!(approvals.iter().count() <= KEPT);
        let length: usize = approvals.iter().map(Approval::length).sum();
        assert!(length <= LENGTH, "{length}");
    }

    #[test]
    fn what_finds_no_room_is_given_back_and_the_new_one_always_finds_some() {
        let mut approvals = Approvals::default();
        let small = |request: usize| approval(request, i64::try_from(request).unwrap(), 1);
        assert!((0..KEPT).all(|request| approvals.add(&small(request)).is_empty()));
        assert_eq!(approvals.add(&small(KEPT)), [small(0)], "the oldest goes, and somebody can say so");
        let large = approval(KEPT + 1, 1_000, 4_000);
        let dropped = approvals.add(&large);
        assert_eq!(dropped.len(), KEPT);
        assert_eq!(approvals.iter().collect::<Vec<_>>(), [&large]);
    }
}
