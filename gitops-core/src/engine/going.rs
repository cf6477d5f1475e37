//! Declared objects whose place is being deleted, with all that is in it.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::Engine;
use super::effects::contained;
use crate::cx::Cx;
use crate::plan::BlockedBecause;
use crate::plan::planner::PlanInput;
use crate::value::{Key, Presence};

impl Engine {
    /// Those of the declared candidates that go with their places: nothing is done about them before that is over. Where a target
    /// can't say so, they are like any others.
    pub(super) async fn going(&self, cx: &Cx, input: &PlanInput<'_>) -> BTreeMap<Key, BlockedBecause> {
        let mut asked: BTreeMap<SmolStr, Vec<Key>> = BTreeMap::new();
        // What is said of an object itself, such as that it is being deleted, says more.
        let is_open = |key: &&Key| input.live.get(*key).is_none_or(|live| live.presence == Presence::Present);
        let declared = input.candidates.iter().filter(|key| input.desired.objects().contains(key));
        for key in declared.filter(is_open).filter(|key| self.can_be_asked(key)) {
            asked.entry(key.target().into()).or_default().push(key.clone());
        }
        let mut found = BTreeMap::new();
        for (name, keys) in asked {
            let Some(admission) = self.targets.get(&name).and_then(|target| target.admission()) else {
                continue;
            };
            let cx = cx.within(self.timeouts.call);
            let going = contained(cx.bounded(admission.going(&cx, &keys, input.live))).await;
            let going =
                going.unwrap_or_default().into_iter().filter(|(key, _)| input.candidates.contains(key));
            found.extend(going.map(|(key, of)| (key, BlockedBecause::GoesWith { of })));
        }
        found
    }
}
