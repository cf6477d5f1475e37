use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use gitops_core::{
    Action, Applied, Change, Cx, Error, ErrorKind, Live, Outcome, Precondition, Result, Value,
};

use crate::declare::module::{Removal, RootModule};
use crate::disk;
use crate::root::journal::Journal;
use crate::root::report::End;
use crate::root::{Place, Running, Stamp, failure};
use crate::target::conclude::{Concluded, Unreachable};
use crate::target::preview::forgotten;
use crate::target::site::{Fresh, Site};
use crate::tool::json::{Redact, StateFile};
use crate::tool::process::{Ended, Output, boot, new_run};

/// How long an apply waits for the lock of a state: whoever plans from elsewhere has it for a while, and gives it back.
const LOCK_WAIT: &str = "-lock-timeout=60s";

/// How long the writing down of what an apply did may take, whatever became of the caller.
const AFTERWARDS: Duration = Duration::from_secs(1800);

/// Room for what an apply prints: in front of all resources, and for each that it changes. What has room can't be cut by a disk
/// that fills up meanwhile.
const ROOM: u64 = 64 << 10;
const ROOM_OF_A_CHANGE: u64 = 2 << 10;

/// What a change is applied with.
struct Approved {
    root: RootModule,
    place: Place,
    /// The state there.
    state: Option<StateFile>,
}

impl Site<'_> {
    /// Makes a change: applies exactly the plan that was shown, if all that it was made from still holds.
    pub async fn apply(self, cx: &Cx, change: &Change) -> Result<Applied> {
        let state = self.state(cx, Fresh::Now).await?;
        let live = self.live_of(state.as_ref()).await?;
        if self.record().done.as_deref() == Some(change.owner_label().op.as_str()) {
            return Ok(live.as_ref().map_or(Applied::Absent, Applied::from));
        }
        if change.action() == Action::Delete && live.is_none() {
            return Ok(Applied::Absent);
        }
        self.check_ours(change, live.as_ref())?;
        if !change.expects().holds(live.as_ref()) {
            return Err(moved(change, live.as_ref()));
        }
        if change.action() == Action::Delete
            && self.bundle(cx).await?.is_some_and(|bundle| bundle.removal == Removal::Forget)
        {
            return self.give_up(cx, change, state).await;
        }
        let approved = self.approved(cx, change, state).await?;
        self.carry_out(cx, change, approved).await
    }

    fn check_ours(&self, change: &Change, live: Option<&Live>) -> Result<()> {
        match live {
            Some(live) if !live.is_owned_by(&change.owner_label().owner) => Err(Error::conflict(self.key)),
            _ => Ok(()),
        }
    }

    /// What the change is applied with: the saved plan that it names is kept, and nothing has moved since.
    ///
    /// # Errors
    /// `Conflict` if the plan is gone, or anything that it was made from has moved; the error says what.
    async fn approved(&self, cx: &Cx, change: &Change, state: Option<StateFile>) -> Result<Approved> {
        let refuse = |what: &str| {
            Error::new(ErrorKind::Conflict, format!("the plan that was shown is stale: {what}"))
                .help("plan again, and review what changed")
        };
        let kept = self.folder.kept()?.filter(|kept| !kept.does_nothing);
        let kept = kept.ok_or_else(|| refuse("it is not kept any more"))?;
        if change.preview() != Some(&kept.digest) {
            return Err(refuse("a plan of another effect was made since"));
        }
        let pins = &kept.pins;
        if pins.tool != self.workshop().tool.digest().await? {
            return Err(refuse("the program is another one"));
        }
        if pins.body != change.body().map(Value::digest) {
            return Err(refuse("the declaration is another one"));
        }
        let applied = self.record().place.clone();
        let (root, place) = match change.body() {
            Some(body) => {
                let root = RootModule::of_body(body)?;
                let place = self.place_of(&root)?;
                (root, Some(place))
            }
            None => {
                (self.bundle(cx).await?.ok_or_else(|| Error::conflict(self.key))?.whole()?, applied.clone())
            }
        };
        let place = place.filter(|place| *place == pins.place);
        let place = place.ok_or_else(|| refuse("its state is kept at another place"))?;
        self.lay_out(&root, &place)?;
        let state = match applied.as_ref() == Some(&place) {
            true => state,
            false => self.state_at(cx, &place, Fresh::Now).await?,
        };
        check_state(pins.state.as_ref(), state.as_ref().map(Stamp::from).as_ref(), refuse)?;
        Ok(Approved { root, place, state })
    }

    async fn carry_out(mut self, cx: &Cx, change: &Change, approved: Approved) -> Result<Applied> {
        let Approved { root, place, state } = approved;
        let (running, report) = self.begin(cx, change, &place, state).await?;
        let mut secrets = Redact::default();
        root.variables.values().for_each(|value| secrets.learn_secrets(value));
        let digests = secrets.digests(&self.workshop().keys.secrets);
        self.note(cx, |record| {
            record.remember_secrets(digests);
            record.running = Some(running.clone());
        })
        .await?;
        let mut shown = self.redact_of_plan(cx, &place).await;
        shown.learn_secrets(change.body().unwrap_or(&Value::Null));
        self.target.set_at_work(self.key, Some(shown));
        let ended = self.run_apply(cx, &running, &root, report).await;
        self.target.set_at_work(self.key, None);
        // From here on, what is to be written down is written down, whatever became of the caller.
        let cx = &Cx::system().within(AFTERWARDS);
        let mut redact = self.redact_of_plan(cx, &place).await;
        redact.learn_secrets(change.body().unwrap_or(&Value::Null));
        let end = End::of(&ended);
        let concluded = self.conclude(cx, &running, end, Unreachable::Wait, &redact).await;
        let Concluded { journal, state, set_aside } = concluded.map_err(Error::outcome_unknown)?;
        if change.body().is_some() && (journal.had_an_effect() || journal.succeeded()) {
            self.keep_bundle(cx, &root).await.map_err(Error::outcome_unknown)?;
        }
        let failed = match ended {
            Ok(ended) if ended.status.success() && journal.succeeded() => None,
            Ok(ended) => Some(self.failure(&ended, &journal, &redact)?),
            Err(error) => Some(error),
        };
        let failed = failed.map(|error| with_what_is_lost(error, &journal, set_aside.as_deref()));
        self.folder.drop_reports()?;
        match failed {
            None => self.applied(state.as_ref()).await,
            Some(error) => Err(error),
        }
    }

    /// What is known of an apply before it begins, and where it reports to: there is room for that.
    async fn begin(
        &self,
        cx: &Cx,
        change: &Change,
        place: &Place,
        state: Option<StateFile>,
    ) -> Result<(Running, Output)> {
        let shown = self.show(cx, place, &self.redact(), &self.folder.kept_plan()).await?;
        self.folder.drop_reports()?;
        let room = room_of(shown.plan.changes.len() as u64);
        let (out, took_room) = disk::create_with_room(&self.folder.journal(), room)?;
        let report = Output::Files(out, disk::create(&self.folder.errors())?);
        let running = Running {
            owner_label: change.owner_label().clone(),
            action: change.action(),
            place: place.clone(),
            run: new_run(cx),
            since: cx.now(),
            before: state.map(|state| state.instances).unwrap_or_default(),
            creates: shown.plan.created().map(|change| change.address.clone()).collect(),
            provisions: shown.plan.runs_provisioners,
            room: took_room.then_some(room),
            boot: Some(boot()),
            work: self.workshop().records.work().map(str::to_owned),
        };
        self.set_leftovers_aside(&running)?;
        Ok((running, report))
    }

    async fn run_apply(
        &self,
        cx: &Cx,
        running: &Running,
        root: &RootModule,
        report: Output,
    ) -> Result<Ended> {
        let call = self.call_as(cx, &running.run, &running.place)?.output(report);
        let call = call.args(["apply", "-input=false", "-no-color", "-json", LOCK_WAIT]);
        let call = match self.workshop().tool.info(cx).await?.takes_variables_with_a_plan() {
            true => call.args(self.variable_options(root, &running.place)?),
            false => call,
        };
        let call = call.args([self.folder.kept_plan()]);
        call.patience(self.workshop().options.patience).run(cx).await
    }

    /// What a change made, once it was made.
    async fn applied(&self, state: Option<&StateFile>) -> Result<Applied> {
        let live = self.live_of(state).await.map_err(Error::outcome_unknown)?;
        Ok(live.as_ref().map_or(Applied::Absent, Applied::from))
    }

    /// The error of an apply: what was touched before it failed stays touched.
    fn failure(&self, ended: &Ended, journal: &Journal, redact: &Redact) -> Result<Error> {
        let stderr = disk::read(&self.folder.errors(), 8 << 20)?.unwrap_or_default();
        let stderr = redact.text(&String::from_utf8_lossy(&stderr));
        let error = failure::of_apply(ended, journal, &stderr);
        let unknown = journal.had_an_effect() || ended.status.signal().is_some();
        Ok(if unknown && error.outcome() == Outcome::NotDone { error.outcome_unknown() } else { error })
    }

    /// Gives the root up: its resources and its state stay as they are.
    async fn give_up(mut self, cx: &Cx, change: &Change, state: Option<StateFile>) -> Result<Applied> {
        if change.preview() != Some(&forgotten(state)) {
            return Err(Error::conflict(self.key));
        }
        let op = change.owner_label().op.clone();
        self.note(cx, |record| {
            record.owner = None;
            record.given_up = record.place.take();
            record.lines.clear();
            record.done = Some(op);
        })
        .await?;
        Ok(Applied::Absent)
    }
}

/// The error of an apply of which it is not known all that it did.
fn with_what_is_lost(error: Error, journal: &Journal, set_aside: Option<&Path>) -> Error {
    let error = match journal.cut {
        true => error.with("cut", "what the tool reported may lack lines: each resource that it was to make and that is not in the state is in doubt"),
        false => error,
    };
    match set_aside {
        Some(path) => error.with("no state, for it was cut short as well", path.display()),
        None => error,
    }
}

/// Whether the state is the one that a plan was made from.
fn check_state(then: Option<&Stamp>, now: Option<&Stamp>, refuse: impl Fn(&str) -> Error) -> Result<()> {
    match (then, now) {
        (then, now) if then == now => Ok(()),
        (Some(then), Some(now)) if then.lineage != now.lineage => {
            Err(refuse(&format!("the state is of another line: {}, then {}", now.lineage, then.lineage)))
        }
        (Some(then), Some(now)) if then.serial != now.serial => {
            Err(refuse(&format!("the state moved from serial {} to {}", then.serial, now.serial)))
        }
        (Some(then), Some(_)) => Err(refuse(&format!("the state was edited at serial {}", then.serial))),
        _ => Err(refuse("the state came or went")),
    }
}

fn moved(change: &Change, live: Option<&Live>) -> Error {
    let error = Error::conflict(change.key());
    match (change.expects(), live) {
        (Precondition::Exactly(expect), Some(live)) if expect.uid != live.uid => {
            error.with("then", &expect.uid).with("now", &live.uid)
        }
        (Precondition::Exactly(expect), Some(live)) => {
            error.with("then", &expect.version).with("now", &live.version)
        }
        _ => error,
    }
}

/// The room that the report of an apply may need, by what it changes.
const fn room_of(changes: u64) -> u64 {
    ROOM + ROOM_OF_A_CHANGE * changes
}

#[cfg(test)]
mod tests {
    use gitops_core::{Digest, Expect, GroupKind, Key, OwnerLabel, Uid, Version};

    use super::*;

    fn stamp(lineage: &str, serial: u64, bytes: &str) -> Stamp {
        Stamp { lineage: lineage.to_owned(), serial, digest: Digest::of(bytes.as_bytes()) }
    }

    #[test]
    fn a_plan_is_of_one_state_and_says_what_became_of_it() {
        let refuse = |what: &str| Error::new(ErrorKind::Conflict, what);
        let said = |then: Option<&Stamp>, now: Option<&Stamp>| {
            check_state(then, now, refuse).err().map(|error| error.message().to_owned())
        };
        let planned = stamp("a", 7, "x");
        assert_eq!((said(None, None), said(Some(&planned), Some(&planned))), (None, None));
        for (now, what) in [
            (stamp("b", 9, "y"), "the state is of another line: b, then a"),
            (stamp("a", 9, "y"), "the state moved from serial 7 to 9"),
            (stamp("a", 7, "y"), "the state was edited at serial 7"),
        ] {
            assert_eq!(said(Some(&planned), Some(&now)).as_deref(), Some(what));
        }
        for (then, now) in [(None, Some(&planned)), (Some(&planned), None)] {
            assert_eq!(said(then, now).as_deref(), Some("the state came or went"));
        }
    }

    #[test]
    fn a_root_that_moved_is_told_by_what_differs() {
        let key = Key::new("tf", GroupKind::new("", "Root"), "", "net");
        let live = |uid: &str, version: &str| {
            Live::new(key.clone(), Uid::new(uid), Version::new(version), Value::Null)
        };
        let delete = Change::Delete {
            key: key.clone(),
            expect: Expect::from(&live("u1", "v1")),
            owner_label: OwnerLabel { owner: "shop/1".into(), op: "op".into() },
            preview: None,
        };
        let said = |now: Option<&Live>| moved(&delete, now).to_string();
        let another = said(Some(&live("u2", "v2")));
        assert!(another.contains("then: u1") && another.contains("now: u2"), "{another}");
        let edited = said(Some(&live("u1", "v2")));
        assert!(edited.contains("then: v1") && edited.contains("now: v2"), "{edited}");
        let gone = said(None);
        assert!(!gone.contains("then"), "{gone}");
    }

    #[test]
    fn a_report_has_room_for_the_head_and_for_each_change() {
        assert_eq!([0, 1, 1000].map(room_of), [65_536, 67_584, 2_113_536]);
    }
}
