//! Requests on their way to the model targets, and answers on their way back.
// Long because each kind of request is followed there and back in one place.

mod answer;

use std::task::Waker;

use smol_str::format_smolstr;

pub(super) use answer::Answer;

use super::check;
use super::fault::Fault;
use super::origin::TARGETS;
use super::server::{Item, Manner, refused};
use super::state::{HOUR, Happening, Inner, MILLI, MINUTE, SECOND};
use crate::capability::{RecoveryClass, Scope};
use crate::cx::Bug;
use crate::value::{
    Action, Applied, Change, Error, ErrorKind, Expect, Key, Live, Precondition, Result, Retry,
};

/// How long an engine of the world waits for an answer.
pub(super) const CALL_TIMEOUT: i64 = 5 * MINUTE;
/// How long after its caller is gone a change may still land, by what a target says of itself.
pub(super) const LANDS_WITHIN: i64 = 5 * MINUTE;

/// What is asked of a target.
pub(super) enum Ask {
    Apply(Change),
    /// To put an owner label on what nobody owns.
    Adopt(Change),
    Observe(Scope),
}

pub(super) enum Reply {
    Applied(Result<Applied>),
    Observed(Result<Vec<Live>>),
}

/// One call of one engine to one target.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Call {
    pub life: usize,
    pub app: usize,
    ask: Ask,
    reply: Option<Reply>,
    waker: Option<Waker>,
    /// How many copies of the request are still on their way.
    coming: usize,
    /// The answer has been made.
    replied: bool,
    /// The answer has got back.
    due: bool,
    /// Nobody waits for the answer any more.
    gone: bool,
    /// Its sender was deposed and stood still.
    astray: bool,
}

impl Call {
    fn new(life: usize, app: usize, ask: Ask) -> Self {
        let (reply, waker) = (None, None);
        Self {
            life,
            app,
            ask,
            reply,
            waker,
            coming: 0,
            replied: false,
            due: false,
            gone: false,
            astray: false,
        }
    }
}

impl Call {
    /// Whether it takes over what nobody owns.
    pub fn adopts(&self) -> bool {
        matches!(self.ask, Ask::Adopt(_))
    }
}

/// The recovery class of a model target.
pub(super) fn recovery_class_of(target: &str) -> RecoveryClass {
    match TARGETS.iter().position(|name| *name == target) {
        Some(0) => RecoveryClass::Keyed,
        Some(1) => RecoveryClass::Discoverable,
        _ => RecoveryClass::Opaque,
    }
}

impl Inner {
    /// Puts a change on its way; nothing, if its sender died.
    pub fn send(&mut self, life: usize, change: &Change) -> Result<Option<usize>> {
        if !self.survives(life, "before a request") {
            return Ok(None);
        }
        check::sent(self, life, change);
        let key = change.key();
        self.say(format_args!("e{life} sends {} {key} {}", change.action(), change.owner_label().op));
        self.turned_away(change)?;
        let app = self.lives[life].app;
        let astray = self.sends_astray(life);
        let id = self.enlist(Call { astray, ..Call::new(life, app, Ask::Apply(change.clone())) });
        self.dispatch(id);
        self.survives(life, "after a request");
        Ok(Some(id))
    }

    /// Puts an adoption on its way; nothing, if its sender died.
    pub fn adopt(&mut self, life: usize, change: &Change) -> Result<Option<usize>> {
        if !self.survives(life, "before an adoption") {
            return Ok(None);
        }
        check::adopting(self, life, change);
        self.say(format_args!("e{life} adopts {} {}", change.key(), change.owner_label().op));
        self.turned_away(change)?;
        let app = self.lives[life].app;
        let astray = self.sends_astray(life);
        let id = self.enlist(Call { astray, ..Call::new(life, app, Ask::Adopt(change.clone())) });
        self.dispatch(id);
        self.survives(life, "after an adoption");
        Ok(Some(id))
    }

    /// Puts a question on its way; nothing, if its asker died.
    pub fn ask(&mut self, life: usize, scope: &Scope) -> Result<Option<usize>> {
        if !self.survives(life, "before an observation") {
            return Ok(None);
        }
        let cut = match self.why_not() {
            None if self.has_bug(17) => Some(3),
            None => None,
            Some(error) => Some(self.swallows(scope.len()).ok_or(error)?),
        };
        let app = self.lives[life].app;
        let scope = scope.keys().take(cut.unwrap_or(usize::MAX)).cloned().collect();
        let id = self.enlist(Call::new(life, app, Ask::Observe(scope)));
        let latency = self.latency();
        self.goes_out(id, latency);
        Ok(Some(id))
    }

    /// Why an observation fails, if it does.
    fn why_not(&mut self) -> Option<Error> {
        if self.now >= self.vanished_until && self.faults.strikes(Fault::KindVanishes) {
            self.vanished_until = self.now + 10 * MINUTE;
        }
        if self.now < self.vanished_until {
            return Some(Error::new(ErrorKind::Unavailable, "the kind is not known at the moment"));
        }
        let fails = self.faults.strikes(Fault::ListFails);
        fails.then(|| Error::new(ErrorKind::Unavailable, "the list broke off after its first page"))
    }

    /// Seeded bugs that answer with a part instead of an error: B16 and B58 with half, B18, B41 and B50 with nothing.
    fn swallows(&self, asked: usize) -> Option<usize> {
        match self.bug.map(Bug::number) {
            Some(16 | 58) => Some(asked / 2),
            Some(18 | 41 | 50) => Some(0),
            _ => None,
        }
    }

    fn enlist(&mut self, call: Call) -> usize {
        self.last_call += 1;
        self.calls.insert(self.last_call, call);
        self.last_call
    }

    fn latency(&mut self) -> i64 {
        self.random.between(1, 200) as i64 * MILLI
    }

    /// Refusals before anything is done.
    fn turned_away(&mut self, change: &Change) -> Result<()> {
        if self.now >= self.throttled_until && self.faults.strikes(Fault::Throttled) {
            self.throttled_until = self.now + 2 * MINUTE;
        }
        if self.now < self.throttled_until {
            let wait = std::time::Duration::from_micros((self.throttled_until - self.now).unsigned_abs());
            return Err(
                Error::new(ErrorKind::Unavailable, "too many requests").retry_when(Retry::After(wait))
            );
        }
        match self.is_stubborn(Fault::Refused, change.key()) {
            true => Err(refused(change.key(), change.action())),
            false => Ok(()),
        }
    }

    fn dispatch(&mut self, id: usize) {
        let latency = self.latency();
        if self.faults.strikes(Fault::RequestLost) {
            let reply = Reply::Applied(Err(unknown("the connection broke")));
            return self.answer_after(id, latency, Some(reply));
        }
        // Clocks differ by four minutes at most: a target's word must cover that too.
        let latest = ((CALL_TIMEOUT + LANDS_WITHIN - 4 * MINUTE) / SECOND - 10).unsigned_abs();
        let latency = match self.faults.strength(Fault::Delayed, latest) {
            Some(seconds) => seconds as i64 * SECOND,
            None => latency,
        };
        self.goes_out(id, latency);
        if self.faults.strikes(Fault::Doubled) {
            self.goes_out(id, latency + 5 * SECOND);
        }
    }

    fn goes_out(&mut self, id: usize, latency: i64) {
        self.after(latency, Happening::Arrives(id));
        self.calls.get_mut(&id).expect("it was enlisted").coming += 1;
    }

    /// A request reaches its target.
    pub fn arrives(&mut self, id: usize) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.coming -= 1;
        match &call.ask {
            Ask::Observe(scope) => {
                let (life, scope) = (call.life, scope.clone());
                let found = self.look(life, &scope);
                let late = self.faults.strength(Fault::SlowRead, 50).map_or(0, |late| late as i64 * SECOND);
                self.answer_after(id, late, Some(Reply::Observed(Ok(found))));
            }
            Ask::Apply(change) | Ask::Adopt(change) => {
                let change = change.clone();
                self.takes_effect(id, &change);
            }
        }
        self.strike_off(id);
    }

    /// Forgets a call of which nothing is left.
    fn strike_off(&mut self, id: usize) {
        if self.calls.get(&id).is_some_and(|call| call.gone && call.coming == 0) {
            self.calls.remove(&id);
        }
    }

    fn takes_effect(&mut self, id: usize, change: &Change) {
        let (life, app) = (self.calls[&id].life, self.calls[&id].app);
        let key = change.key();
        let manner = Manner { marks_only: self.calls[&id].adopts(), ..self.manner(key, app) };
        let told = self.misdirected(change);
        let before: Option<Item> = match told.expects() {
            Precondition::Exactly(expect) => self.server.with_uid(key, &expect.uid).cloned(),
            Precondition::Absent => None,
        };
        let writes = self.server.writes;
        let result = self.server.apply(&told, manner);
        let effective = self.server.writes > writes;
        let text = result.as_ref().map_or_else(ToString::to_string, |applied| format!("{applied:?}"));
        self.say(format_args!("{} {key} {}: {text}", change.action(), change.owner_label().op));
        if effective {
            let uid = result.as_ref().ok().and_then(|applied| Some(applied.state()?.0.clone()));
            if let (Some(uid), true) = (&uid, self.is_stubborn(Fault::Rewritten, key)) {
                self.after(SECOND, Happening::Edit(key.clone(), uid.clone()));
            }
            if let (Some(uid), true) = (uid, manner.labels_later) {
                let owner = change.owner_label().owner.clone();
                self.after(SECOND, Happening::Labels(key.clone(), uid, owner, life));
            }
            self.runs(app, key);
            self.tell(key);
            if self.calls[&id].astray {
                self.note_strays(app, key);
            }
            check::took_effect(self, id, change, before.as_ref());
        }
        if self.faults.strikes(Fault::AnswerLost) {
            let reply = Reply::Applied(Err(unknown("the answer was lost")));
            let silent = self.random.chance(5000);
            return self.answer_after(id, SECOND, (!silent).then_some(reply));
        }
        self.answer_after(id, MILLI, Some(Reply::Applied(result)));
        self.survives(life, "after an effect");
    }

    /// Seeded bugs that strike whatever is there: B13 and B23 in deletes, B39 in updates.
    fn misdirected(&self, change: &Change) -> Change {
        let strikes = matches!(
            (self.bug.map(Bug::number), change.action()),
            (Some(13 | 23), Action::Delete) | (Some(39), Action::Update)
        );
        let mut change = change.clone();
        let there = self.server.at(change.key()).next().map(|item| Expect::from(&item.live()));
        if let (true, Some(there)) = (strikes, there)
            && let Change::Delete { expect, .. } | Change::Update { expect, .. } = &mut change
        {
            *expect = there;
        }
        change
    }

    /// Seeded bug B59: a request whose answer was lost is sent again, as another one.
    pub fn replay(&mut self, life: usize, change: &Change) {
        let mut change = change.clone();
        let (Change::Create { owner_label, .. }
        | Change::Update { owner_label, .. }
        | Change::Replace { owner_label, .. }
        | Change::Delete { owner_label, .. }) = &mut change;
        owner_label.op = format_smolstr!("{}.again", owner_label.op);
        let app = self.lives[life].app;
        let id = self.enlist(Call::new(life, app, Ask::Apply(change)));
        self.goes_out(id, SECOND);
        self.calls.get_mut(&id).expect("it was enlisted").gone = true;
    }

    /// How the server treats this change.
    fn manner(&mut self, key: &Key, app: usize) -> Manner {
        let recovery_class = recovery_class_of(key.target());
        let settles = self.random.below(20) as i64 * SECOND;
        let slow = self.faults.strength(Fault::SlowDelete, 600);
        let gone_at = slow.map(|seconds| self.now + seconds as i64 * SECOND);
        if let Some(at) = gone_at {
            self.after(at - self.now, Happening::Reap);
        }
        Manner {
            recovery_class,
            maker: self.apps[app].house,
            now: self.now,
            immutable: self.is_stubborn(Fault::Immutable, key),
            untaken: self.is_stubborn(Fault::Untaken, key),
            tells: self.tells,
            marks_only: false,
            labels_later: self.has_bug(6),
            defaults: self.faults.is_on(Fault::Defaulted),
            ready_at: self.now + settles,
            gone_at,
        }
    }

    /// What a target shows.
    fn look(&mut self, life: usize, scope: &Scope) -> Vec<Live> {
        let house = self.apps[self.lives[life].app].house;
        let mut found = Vec::new();
        for key in scope.keys() {
            let visible = |item: &&Item| item.is_shown_to(house);
            let Some(mut shown) = self.server.at(key).find(visible).map(Item::live) else { continue };
            let older = self.server.older(key).filter(|older| older.uid == shown.uid);
            if let Some(older) = older
                && self.faults.strikes(Fault::OlderView)
            {
                shown = older.clone();
            }
            shown.key = key.clone();
            found.extend(self.tampered(life, shown));
        }
        let states = found.iter().map(|shown| (shown.key.clone(), shown.uid.clone(), shown.version.clone()));
        self.lives[life].seen.extend(states);
        found
    }

    /// Seeded bugs that show what was, not what is: B12 the first sight, B14 nothing young, B15 nothing of the last
    /// minute, B19 the first version, B22 the first body.
    fn tampered(&mut self, life: usize, mut shown: Live) -> Option<Live> {
        // B65: what was previewed is shown as if it had been done.
        if let Some(previewed) = self.traces.get(&shown.key) {
            shown.body = previewed.clone();
        }
        let made_at =
            |world: &Self| world.server.with_uid(&shown.key, &shown.uid).map_or(0, |item| item.made_at);
        let is_young = match self.bug.map(Bug::number) {
            Some(14) => self.lives[life].recovering && self.now - made_at(self) < HOUR,
            Some(15) => self.now - made_at(self) < MINUTE,
            Some(12 | 19 | 22) => false,
            _ => return Some(shown),
        };
        if is_young {
            return None;
        }
        let first = self.lives[life].cache.entry(shown.key.clone()).or_insert_with(|| shown.clone()).clone();
        Some(match self.bug.map(Bug::number) {
            Some(12) => first,
            Some(19) => Live { version: first.version, ..shown },
            Some(22) => Live { body: first.body, ..shown },
            _ => shown,
        })
    }

    fn answer_after(&mut self, id: usize, micros: i64, reply: Option<Reply>) {
        if let Some(call) = self.calls.get_mut(&id)
            && reply.is_some()
            && !call.replied
        {
            call.replied = true;
            call.reply = reply;
            self.after(micros, Happening::Answers(id));
        }
    }

    pub fn answers(&mut self, id: usize) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.due = true;
        if let Some(waker) = call.waker.take() {
            waker.wake();
        }
    }
}

fn unknown(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, what).outcome_unknown()
}
