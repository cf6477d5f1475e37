//! What renderers depend on besides the tree, while a revision stays.

use std::time::Duration;

use super::Engine;
use super::effects::contained;
use crate::cx::{Cx, Time};
use crate::value::Result;

/// When the renderers were last asked to bring their rules up to date, and how often they are.
pub(super) struct Rules {
    pub asked: Option<Time>,
    pub each: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { asked: None, each: Duration::from_secs(60) }
    }
}

impl Engine {
    /// Renders the revision that is declared once more if the rules by which it was rendered are others by now: a chart may
    /// declare more once somebody has installed an operator. The renderers are asked when a person looks, and once an interval.
    pub(super) async fn declare_again(&mut self, cx: &Cx) -> Result<()> {
        let is_due = self.rules.asked.is_none_or(|asked| cx.now() >= asked.after(self.rules.each));
        if !is_due && !self.next_look.is_due {
            return Ok(());
        }
        // Before it is asked: where that fails, what is known is gone on with until the next time.
        self.rules.asked = Some(cx.now());
        let call = cx.within(self.timeouts.call);
        let refreshed = contained(call.bounded(self.renderer.refresh(&call))).await;
        match refreshed {
            Ok(()) => {}
            Err(_) if cx.is_cancelled() => return cx.check(),
            // What nobody answers for does not keep the other targets waiting: that a cluster is away is told of its objects.
            Err(_) => return Ok(()),
        }
        let Some(declared) = self.declared.as_ref().filter(|_| self.renderer.is_outdated()) else {
            return Ok(());
        };
        let (snapshot, mut renderer) = (declared.snapshot.clone(), self.renderer.clone());
        let declared = self.read(cx, &mut renderer, snapshot).await?;
        self.renderer = renderer;
        self.tell(&declared.warnings);
        self.declared = Some(declared);
        Ok(())
    }
}
