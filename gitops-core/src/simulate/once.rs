//! Objects that run to an end: their target removes them some time after it.

use super::fault::Fault;
use super::state::{Happening, Inner, MINUTE, SECOND};
use crate::value::{Key, Uid};

impl Inner {
    /// What was just written may run: then it ends, and is removed a while later.
    pub(super) fn runs(&mut self, app: usize, key: &Key) {
        let house = self.apps[app].house;
        if !self.houses[house].origin.runs_once(key) {
            return;
        }
        let written = self.server.at(key).filter(|item| item.maker == Some(house) && item.deleting.is_none());
        let written: Vec<Uid> = written.map(|item| item.uid.clone()).collect();
        for uid in written {
            let kept = self.random.between(30, 900) as i64 * SECOND;
            self.after(kept, Happening::Expires(key.clone(), uid));
        }
    }

    /// Removes what has ended. Who asks later how it ended is told.
    pub(super) fn expires(&mut self, key: &Key, uid: &Uid) {
        let Some(item) = self.server.with_uid(key, uid) else { return };
        let never = item.deleting.is_some() || self.is_stubborn(Fault::NeverReady, key);
        let left = item.ready_at - self.now;
        if self.is_quiet || never {
            return;
        }
        if left > 0 {
            self.after(left + MINUTE, Happening::Expires(key.clone(), uid.clone()));
            return;
        }
        self.say(format_args!("{key} {uid} has ended and is removed"));
        self.server.remove(key, uid);
        self.ended.insert(uid.clone());
        self.tell(key);
    }
}
