//! What targets keep beside objects, once these are gone.

use std::collections::BTreeMap;

use crate::cx::Cx;
use crate::engine::Engine;
use crate::engine::effects::contained;
use crate::engine::event::Event;
use crate::state::record::Record;
use crate::value::{Key, Uid};

impl Engine {
    /// Has the targets put away what they keep beside objects that others deleted, before these are forgotten. Those of a
    /// target that can't are not: it is asked again.
    pub(super) async fn clear_remains(
        &self,
        cx: &Cx,
        vanished: &[Key],
        mut records: Vec<Record>,
    ) -> Vec<Record> {
        let mut by_target: BTreeMap<&str, Vec<(Key, Uid)>> = BTreeMap::new();
        for key in vanished.iter().filter(|key| self.may_forget(key)) {
            if let Some(uid) = self.inventory().entries().get(key).and_then(|entry| entry.uid.clone()) {
                by_target.entry(key.target()).or_default().push((key.clone(), uid));
            }
        }
        for (name, gone) in by_target {
            let Some(power) = self.targets.get(name).and_then(|target| target.remains()) else { continue };
            let call = cx.within(self.timeouts.call);
            let Err(error) = contained(call.bounded(power.clear(&call, &gone))).await else { continue };
            let stays = |key: &Key| key.target() == name && vanished.contains(key);
            records.retain(|record| !matches!(record, Record::Forget { key } if stays(key)));
            let error = error.during("put away what is kept beside what is gone");
            for (key, _) in gone.into_iter().take(1) {
                self.events.emit(&Event::Failed {
                    key,
                    error: format!("{error:#}"),
                    help: error.help_text().map(str::to_owned),
                    unknown: false,
                });
            }
        }
        records
    }
}
