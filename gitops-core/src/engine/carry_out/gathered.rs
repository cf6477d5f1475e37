use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::cx::Cx;
use crate::engine::reconcile::Told;
use crate::state::audit::AuditEntry;
use crate::state::record::Record;

/// How long a record waits for others at most: about as long as a disk is waited for.
const LINGER: Duration = Duration::from_millis(2);

/// A group is written at once if so many times as many calls are under way as it has records, or fewer.
const UNDER_WAY: usize = 4;

/// Records that are to be made durable as one group, so that one wait for the disk does for all of them.
///
/// A group is written as soon as it is worth it beside what is still under way, and else a moment after its first record:
/// while many answers are about to come, the next one is worth waiting for, but not an idle target.
#[derive(Default)]
pub(super) struct Gathered {
    group: Group,
    /// Is over when the first record has waited long enough.
    linger: Option<BoxFuture<'static, ()>>,
}

/// Records, what the audit log says of them, and what becomes true once they are durable.
#[derive(Default)]
pub(super) struct Group {
    pub records: Vec<Record>,
    pub entries: Vec<AuditEntry>,
    pub told: Vec<Told>,
}

impl Gathered {
    pub fn add(&mut self, cx: &Cx, record: Record, entry: AuditEntry, told: Told) {
        if self.group.records.is_empty() {
            let cx = cx.clone();
            self.linger = Some(async move { drop(cx.sleep(LINGER).await) }.boxed());
        }
        self.group.records.push(record);
        self.group.entries.push(entry);
        self.group.told.push(told);
    }

    /// Whether the group is to be written now, while so many calls are under way.
    pub fn is_due(&self, under_way: usize) -> bool {
        let count = self.group.records.len();
        count > 0 && (count * UNDER_WAY >= under_way || self.linger.is_none())
    }

    /// Waits until the group is due however many calls are under way; for ever if nothing is gathered.
    ///
    /// # Cancel safety
    /// The next call goes on waiting.
    pub async fn waited(&mut self) {
        match &mut self.linger {
            Some(linger) => linger.await,
            None => std::future::pending().await,
        }
        self.linger = None;
    }

    pub fn take(&mut self) -> Group {
        std::mem::take(self).group
    }
}

impl Group {
    /// What came of changes that were made, without what is about to be done.
    pub fn outcomes(&self) -> (Vec<Record>, Vec<AuditEntry>) {
        let pairs = self.records.iter().cloned().zip(self.entries.iter().cloned());
        pairs.filter(|(record, _)| matches!(record, Record::Outcome { .. })).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::audit::AuditEvent;
    use crate::value::{GroupKind, Key};

    /// While many answers are about to come, the next ones are worth waiting for; beside few of them nobody waits.
    #[test]
    fn a_group_is_written_at_once_if_four_times_its_records_are_as_many_as_the_calls_under_way() {
        let (cx, mut gathered) = (Cx::system(), Gathered::default());
        assert!(!gathered.is_due(0), "nothing is never written");
        for (records, under_way) in [(1, 4), (2, 8), (3, 12)] {
            let key = Key::new("t", GroupKind::new("", "K"), "", "a");
            let entry = AuditEntry::new(cx.now(), "shop", "test", AuditEvent::Recovered { open: 0 });
            gathered.add(&cx, Record::Forget { key: key.clone() }, entry, Told::OutcomeDurable(key));
            for calls in 0..=under_way {
                assert!(gathered.is_due(calls), "{records} records beside {calls} calls");
            }
            assert!(!gathered.is_due(under_way + 1), "{records} records beside {} calls", under_way + 1);
        }
    }
}
