//! What targets tell while a plan is carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use smol_str::SmolStr;

use super::super::effects::contained;
use crate::capability::{MovedObjects, Target};
use crate::cx::Cx;
use crate::value::Result;

/// The watches of all targets. One that fails tells nothing more: the next reconciliation looks at all that it should have told of.
#[derive(Default)]
pub(super) struct Listening {
    waits: FuturesUnordered<BoxFuture<'static, (Told, Result<MovedObjects>)>>,
    /// Something moved that concerns the application, and nobody looked at it yet.
    pub is_due: bool,
    /// Something is to be repaired at once.
    pub has_drift: bool,
}

/// Who told.
struct Told {
    cx: Cx,
    name: SmolStr,
    target: Arc<dyn Target>,
}

impl Listening {
    pub fn to(cx: &Cx, targets: &BTreeMap<SmolStr, Arc<dyn Target>>) -> Self {
        let wait = |(name, target): (&SmolStr, &Arc<dyn Target>)| {
            wait(Told { cx: cx.clone(), name: name.clone(), target: target.clone() })
        };
        Self { waits: targets.iter().map(wait).collect(), ..Self::default() }
    }

    /// What moved, and in which target; nothing once nobody is left to tell.
    pub async fn next(&mut self) -> Option<(SmolStr, MovedObjects)> {
        while let Some((told, moved)) = self.waits.next().await {
            if let Ok(moved) = moved {
                let name = told.name.clone();
                self.waits.push(wait(told));
                return Some((name, moved));
            }
        }
        None
    }
}

fn wait(told: Told) -> BoxFuture<'static, (Told, Result<MovedObjects>)> {
    async move {
        let moved = match told.target.watch() {
            Some(watch) => contained(watch.moved(&told.cx)).await,
            None => std::future::pending().await,
        };
        (told, moved)
    }
    .boxed()
}
