use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::{Action, Cx, Error, ErrorKind, Result};

use crate::disk;
use crate::root::journal::Journal;
use crate::root::report::End;
use crate::root::{Keeper, Place, Record, Running, STATE_BYTES, Stamp, failure};
use crate::state_server::name_of;
use crate::target::site::{Fresh, Site};
use crate::target::terraform::is_over;
use crate::tool::address::kind_of;
use crate::tool::json::{Redact, StateFile};
use crate::tool::process::Orphans;

/// How long the end of a run of an earlier process is waited for at once.
pub(crate) const WAIT: Duration = Duration::from_secs(20);
/// How often it is looked for: nobody tells of the end of another's child.
const EVERY: Duration = Duration::from_millis(100);

/// What is done about a state that an apply left and that nobody can read, or nothing takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// Nothing goes on before it is where it belongs.
    Wait,
    /// As `Wait`; and a person said that the machine is gone on which the apply was at work.
    Gone,
    /// A person said that it is gone for good: what it held is in doubt.
    GiveUp,
}

/// What an apply did, as it was written down.
pub(crate) struct Concluded {
    pub journal: Journal,
    /// The state that it left.
    pub state: Option<StateFile>,
    /// Where a state was set aside that could not be written.
    pub set_aside: Option<PathBuf>,
}

impl Site<'_> {
    /// Takes in an apply that an earlier process began: waits for its end, and writes down what it did. Gives where a state of it
    /// was set aside, if that was done.
    ///
    /// # Errors
    /// `Locked` if it is still at work after a while.
    pub async fn take_in_what_was_left(
        &mut self,
        cx: &Cx,
        unreachable: Unreachable,
    ) -> Result<Option<PathBuf>> {
        let Some(running) = self.record().running.clone() else { return Ok(None) };
        if self.workshop().records.only_looks() {
            return Err(still_at_work(&running));
        }
        let orphans = Orphans::of(&running.run);
        self.wait_for(cx, &orphans, &running).await?;
        self.check_elsewhere(cx, &running, unreachable).await?;
        let redact = self.redact_of_plan(cx, &running.place).await;
        let concluded = self.conclude(cx, &running, End::NotSeen, unreachable, &redact).await?;
        self.folder.drop_reports()?;
        Ok(concluded.set_aside)
    }

    /// The tool itself is waited for; what it started and left behind is ended.
    async fn wait_for(&self, cx: &Cx, orphans: &Orphans, running: &Running) -> Result<()> {
        let until = cx.now().after(WAIT);
        while let Some(tool) = orphans.alive().into_iter().find(|process| process.leads()) {
            if cx.now() >= until {
                return Err(still_at_work(running).with("process", tool.id()));
            }
            cx.sleep(EVERY).await?;
        }
        orphans.kill();
        Ok(())
    }

    /// An apply that another work folder began may be at work where nobody sees it: as long as it holds the lock of its state in our
    /// server, nothing goes on before a person says that it is over.
    async fn check_elsewhere(&self, cx: &Cx, running: &Running, unreachable: Unreachable) -> Result<()> {
        let workshop = self.workshop();
        if workshop.records.has_the_report_of(running) || running.place.keeper != Keeper::Server {
            return Ok(());
        }
        let (server, name) = (workshop.server()?, name_of(self.key, &running.place.workspace));
        server.release_orphaned(cx, &name).await?;
        let Some(lock) = server.lock(cx, &name).await?.filter(|lock| lock.run == running.run) else {
            return Ok(());
        };
        if unreachable != Unreachable::Wait {
            return server.unlock(cx, &name, &lock.id).await;
        }
        let state = self.state_at(cx, &running.place, Fresh::Now).await?;
        let finding = state.map_or_else(|| "absent".to_owned(), |state| state.lineage);
        let message = format!(
            "an apply that began at {} on another machine holds the lock of its state",
            running.since
        );
        Err(Error::new(ErrorKind::Locked, message).with("held by", lock.who).help(format!(
            "wait for its end; if that machine is gone, `gitops confirm ROOT state {finding}`: what it was to make is in doubt then"
        )))
    }

    /// Writes down what an apply did: whose the root is, where its state is now, what is in doubt.
    pub async fn conclude(
        &mut self,
        cx: &Cx,
        running: &Running,
        end: End,
        unreachable: Unreachable,
        redact: &Redact,
    ) -> Result<Concluded> {
        let is_here = self.workshop().records.has_the_report_of(running);
        let (mut journal, mut lost) = (Journal::default(), None);
        if is_here {
            journal = Journal::read(&self.folder.journal(), redact)?.seen_from_root(&running.place.folder);
            lost = self.push_errored_state(cx, &running.place, unreachable, redact).await?;
        }
        // What had no room for the state may have had none for the report.
        journal.cut = lost.is_some() || journal.may_be_cut(running, end);
        let state = match self.state_at(cx, &running.place, Fresh::Now).await {
            Err(error) if unreachable != Unreachable::GiveUp || is_over(&error) => return Err(error),
            state => state.ok().flatten(),
        };
        let repeatable = &self.workshop().options.repeatable;
        let mut doubts = journal.doubts(running, state.as_ref());
        // What exists nowhere else may be made again; what was run for it is not run again without a word.
        doubts.retain(|doubt| {
            let address = &doubt.address;
            !repeatable.contains(&kind_of(address)) || journal.ran_a_provisioner_of(address, running)
        });
        let addresses = state.iter().flat_map(|state| state.instances.keys().chain(&state.unsettled));
        let addresses =
            addresses.map(String::as_str).chain(doubts.iter().map(|doubt| doubt.address.as_str()));
        let keys = redact.digests_of_keys(addresses, &self.workshop().keys.secrets);
        let (succeeded, effect) = (journal.succeeded(), journal.had_an_effect());
        self.note(cx, |record| {
            record.running = None;
            record.remember_secrets(keys);
            record.doubts.extend(doubts);
            if let Some(state) = &state {
                record.settle_doubts(state);
            }
            if succeeded || effect {
                take_over(record, running, state.as_ref(), succeeded);
            }
        })
        .await?;
        let set_aside = lost.map(|path| set_aside(&path, running)).transpose()?;
        self.folder.drop_plans()?;
        self.target.shown().forget(self.key);
        Ok(Concluded { journal, state, set_aside })
    }

    /// Where the tool puts a state that it could not write: beside the configuration.
    fn errored_state(&self, place: &Place) -> PathBuf {
        self.cwd(place).join("errored.tfstate")
    }

    /// A state that the tool could not write is pushed back, or loudly kept. Gives its path where it is of no use: it was cut
    /// short as well, or a person gave it up.
    async fn push_errored_state(
        &self,
        cx: &Cx,
        place: &Place,
        unreachable: Unreachable,
        redact: &Redact,
    ) -> Result<Option<PathBuf>> {
        let path = self.errored_state(place);
        if !path.is_file() {
            return Ok(None);
        }
        if is_cut_short(&path)? {
            return Ok(Some(path));
        }
        match self.push_state(cx, place, &path, redact).await {
            Ok(()) => disk::remove(&path).map(|()| None),
            Err(error) if is_over(&error) => Err(error),
            Err(_) if unreachable == Unreachable::GiveUp => Ok(Some(path)),
            Err(error) => {
                let message = format!("the state could not be written; it is kept in {}", path.display());
                Err(Error::new(ErrorKind::Storage, message)
                    .because(error)
                    .help(
                        "mend the backend and start again: it is pushed before anything else is done; or \
                         `gitops confirm ROOT state absent` gives it up, and what it holds is in doubt then",
                    )
                    .outcome_unknown())
            }
        }
    }

    /// Sets a state aside that lies where the tool puts one that it could not write, before it can be taken for one of the
    /// apply that begins.
    pub fn set_leftovers_aside(&self, running: &Running) -> Result<()> {
        let path = self.errored_state(&running.place);
        match path.is_file() {
            true => set_aside(&path, running).map(|_| ()),
            false => Ok(()),
        }
    }

    async fn push_state(&self, cx: &Cx, place: &Place, path: &Path, redact: &Redact) -> Result<()> {
        self.release_orphaned_lock(cx, place).await?;
        let call = self.call(cx, place)?.args(["state", "push", "-no-color"]).args([path]);
        let ended = call.run(cx).await?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(failure::of_run("state push", &ended, &[], &redact.text(&ended.stderr))),
        }
    }

    /// Everything that a saved plan says is secret; little, if it can't be shown any more.
    pub async fn redact_of_plan(&self, cx: &Cx, place: &Place) -> Redact {
        let mut redact = self.redact();
        let file = self.folder.kept_plan();
        if file.is_file()
            && let Ok(shown) = self.show(cx, place, &redact, &file).await
        {
            redact.join(&shown.secrets);
        }
        redact
    }
}

/// Whether a state that was kept is none any more: the disk that had no room for it had none for all of the copy.
fn is_cut_short(path: &Path) -> Result<bool> {
    match disk::read(path, STATE_BYTES)?.map(|bytes| StateFile::read(&bytes)) {
        Some(Err(error)) => Ok(error.kind() == ErrorKind::Corrupt),
        Some(Ok(state)) => Ok(state.is_none()),
        None => Ok(true),
    }
}

/// Leaves a file where it is, under a name by which nothing is taken in.
fn set_aside(path: &Path, running: &Running) -> Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", running.run));
    std::fs::rename(path, &aside).map_err(|error| disk::failed("set aside", path, error))?;
    Ok(aside.into())
}

fn take_over(record: &mut Record, running: &Running, state: Option<&StateFile>, succeeded: bool) {
    let is_empty = state.is_none_or(|state| state.instances.is_empty());
    let has_moved = record.place.as_ref() != Some(&running.place);
    record.place = Some(running.place.clone());
    record.seen = state.map(Stamp::from);
    if let Some(state) = state {
        record.remember_line(&state.lineage);
    }
    record.drift = None;
    record.failed_checks = None;
    if succeeded {
        record.done = Some(running.owner_label.op.clone());
    }
    if running.action == Action::Delete && is_empty && succeeded {
        record.owner = None;
    } else if (record.owner.is_none() || has_moved) && state.is_some() {
        record.owner = Some(running.owner_label.owner.clone());
        record.born = running.owner_label.op.clone();
    }
}

/// Somebody of ours is at work on the root, and will be for a while.
pub(crate) fn still_at_work(running: &Running) -> Error {
    let message = format!("an apply that began at {} is still at work", running.since);
    Error::new(ErrorKind::Locked, message).help("wait for its end: it is taken in then")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gitops_core::{Digest, OwnerLabel, Time};

    use super::*;

    fn place(folder: &str) -> Place {
        Place { folder: folder.to_owned(), workspace: "default".to_owned(), keeper: Keeper::Server }
    }

    fn running(action: Action) -> Running {
        Running {
            owner_label: OwnerLabel { owner: "shop/1".into(), op: "op.2".into() },
            action,
            place: place("net"),
            run: "run".to_owned(),
            since: Time::default(),
            before: BTreeMap::new(),
            creates: Vec::new(),
            provisions: false,
            room: None,
            boot: None,
            work: None,
        }
    }

    fn state(holds_something: bool) -> StateFile {
        let instances = if holds_something { r#"[{"attributes":{"id":"i"}}]"# } else { "[]" };
        let text = format!(
            r#"{{"version":4,"serial":7,"lineage":"line","resources":[{{"mode":"managed","type":"t","name":"n","instances":{instances}}}]}}"#
        );
        StateFile::read(text.as_bytes()).unwrap().unwrap()
    }

    /// What was known before: nothing, or what an earlier operation left.
    fn record(owner: Option<&str>) -> Record {
        Record {
            owner: owner.map(Into::into),
            born: if owner.is_some() { "op.1".into() } else { "".into() },
            done: owner.map(|_| "op.1".into()),
            place: owner.map(|_| place("net")),
            drift: Some(Digest::of(b"drift")),
            failed_checks: Some(vec!["check.a".to_owned()]),
            ..Record::default()
        }
    }

    fn whose(record: &Record) -> (Option<&str>, &str, Option<&str>) {
        (record.owner.as_deref(), record.born.as_str(), record.done.as_deref())
    }

    #[test]
    fn a_root_is_ours_from_its_first_state_on_until_its_destruction_left_nothing() {
        const OURS: (Option<&str>, &str) = (Some("shop/1"), "op.1");
        const BORN: (Option<&str>, &str) = (Some("shop/1"), "op.2");
        const GONE: (Option<&str>, &str) = (None, "op.1");
        const NOBODYS: (Option<&str>, &str) = (None, "");
        let ours = Some("shop/1");
        let cases = [
            (Action::Create, None, Some(true), true, BORN),
            (Action::Create, None, Some(true), false, BORN),
            (Action::Create, None, Some(false), true, BORN),
            (Action::Create, None, None, false, NOBODYS),
            (Action::Update, ours, Some(true), true, OURS),
            (Action::Update, ours, Some(false), true, OURS),
            (Action::Delete, ours, Some(true), true, OURS),
            (Action::Delete, ours, Some(false), false, OURS),
            (Action::Delete, ours, Some(false), true, GONE),
            (Action::Delete, ours, None, true, GONE),
            (Action::Delete, ours, None, false, OURS),
        ];
        for (action, before, holds_something, succeeded, (owner, born)) in cases {
            let mut record = record(before);
            let state = holds_something.map(state);
            take_over(&mut record, &running(action), state.as_ref(), succeeded);
            let done = if succeeded { Some("op.2") } else { before.map(|_| "op.1") };
            let case = (action, before, holds_something, succeeded);
            assert_eq!(whose(&record), (owner, born, done), "{case:?}");
            assert_eq!((record.drift, &record.failed_checks), (None, &None), "{case:?}");
            assert_eq!(record.seen, state.as_ref().map(Stamp::from));
            let lines: &[&str] = if state.is_some() { &["line"] } else { &[] };
            assert_eq!(record.lines, lines, "{case:?}");
        }
    }

    #[test]
    fn a_root_whose_state_is_kept_at_another_place_is_another_incarnation() {
        for (before, born) in [("net", "op.1"), ("elsewhere", "op.2")] {
            let mut record = Record { place: Some(place(before)), ..record(Some("store/1")) };
            take_over(&mut record, &running(Action::Update), Some(&state(true)), true);
            assert_eq!((record.born.as_str(), record.place), (born, Some(place("net"))));
            assert_eq!(record.owner.as_deref(), Some(if before == "net" { "store/1" } else { "shop/1" }));
        }
        let mut record = Record { place: Some(place("elsewhere")), ..record(Some("store/1")) };
        take_over(&mut record, &running(Action::Update), None, true);
        assert_eq!(record.born, "op.1", "there is no state of which it could be born");
    }

    #[test]
    fn who_is_still_at_work_is_told_since_when() {
        let error = still_at_work(&running(Action::Update));
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains("began at 1970-01-01T00:00:00"), "{error}");
    }

    #[test]
    fn a_state_is_cut_short_where_it_is_none_and_not_where_it_is_of_a_form_that_is_not_known() {
        let whole = r#"{"version":4,"serial":1,"lineage":"l","outputs":{},"resources":[]}"#;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errored.tfstate");
        assert!(is_cut_short(&path).unwrap(), "it is gone");
        for (text, is_cut) in [
            (whole, false),
            (&whole[..30], true),
            ("", true),
            (r#"{"encrypted_data":"x","encryption_version":"v0","meta":{}}"#, false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(is_cut_short(&path).unwrap(), is_cut, "{text}");
        }
    }
}
