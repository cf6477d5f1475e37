use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::seen::Seen;
use crate::capability::Preview;
use crate::cx::Cx;
use crate::plan::BlockedBecause;
use crate::plan::planner::{self, PlanInput};
use crate::render::Desired;
use crate::value::{Key, Refusal, Result};

/// The candidates with filled placeholders, and what targets previewed of them.
pub(super) struct Filled {
    pub desired: Desired,
    pub previews: BTreeMap<Key, Result<Preview, Refusal>>,
    pub waiting: BTreeMap<Key, BlockedBecause>,
}

impl Filled {
    /// The input of the next step of planning: what is known by now.
    pub fn input<'a>(&'a self, input: PlanInput<'a>) -> PlanInput<'a> {
        PlanInput { desired: &self.desired, previews: &self.previews, waiting: &self.waiting, ..input }
    }

    /// Fills the placeholders of one layer with the outputs of earlier ones.
    fn fill(&mut self, input: PlanInput<'_>, layer: &BTreeSet<Key>) {
        for key in layer {
            match planner::fill(&self.input(input), key) {
                Ok(None) => {}
                Ok(Some(object)) => self.desired.fill(object),
                Err(why) => {
                    self.waiting.insert(key.clone(), why);
                }
            }
        }
    }
}

impl Engine {
    /// Fills placeholders and lets targets preview, layer by layer: whether an output may be used depends on whether its
    /// object is about to change, and that may be for its target to say.
    pub(super) async fn fill(
        &self,
        cx: &Cx,
        input: PlanInput<'_>,
        layers: &[BTreeSet<Key>],
        seen: Option<&Seen>,
    ) -> Result<Filled> {
        let (previews, waiting) = (BTreeMap::new(), self.going(cx, &input).await);
        let mut filled = Filled { desired: input.desired.clone(), previews, waiting };
        for layer in layers {
            filled.fill(input, layer);
            let input = PlanInput { candidates: layer, ..filled.input(input) };
            let asked = self.preview(cx, &input, seen).await?;
            filled.previews.extend(asked);
        }
        Ok(filled)
    }
}
