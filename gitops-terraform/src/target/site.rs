use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use gitops_core::{Cx, Diagnostic, Digest, Error, ErrorKind, Key, Live, Result, Uid, Value, Version};

use crate::disk;
use crate::root::warning::Warning;
use crate::root::{Entry, Folder, Home, Keeper, Place, Record, backup_of, failure, read_file};
use crate::state_server::name_of;
use crate::target::conclude::{Unreachable, WAIT, still_at_work};
use crate::target::terraform::{Pulled, Terraform, Workshop};
use crate::tool::json::{Redact, StateFile};
use crate::tool::process::{Call, Confinement, Output, RUN, new_run};

/// How long a run without effects may take to end after it was interrupted.
const READING_PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes that a state may have when the tool is asked for it.
const STATE_BYTES: usize = 256 << 20;

/// One root while we are at work on it, and nobody else of ours is.
pub(crate) struct Site<'a> {
    pub target: &'a Terraform,
    pub key: &'a Key,
    pub folder: Folder,
    pub entry: Entry,
    _lock: Option<File>,
}

/// Keeps other processes of ours away from the root. An apply may take hours, and so may a plan whose provider does not answer: nobody
/// waits for the end of another process behind the lock.
async fn turn(target: &Terraform, key: &Key, folder: &Folder, cx: &Cx) -> Result<File> {
    let lock = match folder.try_lock()? {
        Some(lock) => lock,
        None => waited(target, key, folder, cx).await?,
    };
    Folder::sign(&lock, cx.now());
    Ok(lock)
}

async fn waited(target: &Terraform, key: &Key, folder: &Folder, cx: &Cx) -> Result<File> {
    let running = target.workshop().records.load(cx, key).await?.record.running;
    let other = folder.holder().filter(|(process, _)| *process != std::process::id());
    let busy = match (running, other) {
        (Some(running), _) => still_at_work(&running),
        (None, Some((process, since))) => looked_at(process, &since),
        // What this process does itself is not waited for by anybody who could end it.
        (None, None) => return cx.to_begin(folder.lock(cx)).await,
    };
    let locked = cx.to_begin(folder.lock(&cx.within(WAIT))).await;
    locked.map_err(|error| if error.kind() == ErrorKind::Cancelled { error } else { busy })
}

/// Another process of ours plans the root, or looks for drift in it, and has not come to an end for a while.
fn looked_at(process: u32, since: &str) -> Error {
    let message = format!("process {process} has planned it, or looked for drift in it, since {since}");
    Error::new(ErrorKind::Locked, message)
        .help("wait for its end; if its provider does not answer, `timeouts.plan` of the target ends it")
}

/// How old a state may be that is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// As old as the target's options allow.
    Enough,
    /// As it is now.
    Now,
}

impl<'a> Site<'a> {
    /// Enters the root's folder: waits until nobody else of ours is in it, and takes in what an earlier process left.
    pub async fn enter(target: &'a Terraform, key: &'a Key, cx: &Cx) -> Result<Self> {
        Self::enter_as(target, key, cx, Unreachable::Wait).await.map(|(site, _)| site)
    }

    /// Enters it after a person said that its state is gone for good. Gives where the state was set aside that an apply left and
    /// nothing took.
    pub async fn enter_giving_up(
        target: &'a Terraform,
        key: &'a Key,
        cx: &Cx,
    ) -> Result<(Self, Option<PathBuf>)> {
        Self::enter_as(target, key, cx, Unreachable::GiveUp).await
    }

    /// Enters it after a person said that whatever an apply on another machine has under way is over.
    pub async fn enter_alone(target: &'a Terraform, key: &'a Key, cx: &Cx) -> Result<Self> {
        Self::enter_as(target, key, cx, Unreachable::Gone).await.map(|(site, _)| site)
    }

    async fn enter_as(
        target: &'a Terraform,
        key: &'a Key,
        cx: &Cx,
        unreachable: Unreachable,
    ) -> Result<(Self, Option<PathBuf>)> {
        let folder = Folder::open(&target.workshop().work, key)?;
        let lock = turn(target, key, &folder, cx).await?;
        let entry = target.workshop().records.load(cx, key).await?;
        let mut site = Self { target, key, folder, entry, _lock: Some(lock) };
        let set_aside = site.take_in_what_was_left(cx, unreachable).await?;
        Ok((site, set_aside))
    }

    /// The root as it is known now, whoever is at work on it. For reading only.
    pub async fn at_a_glance(target: &'a Terraform, key: &'a Key, cx: &Cx) -> Result<Self> {
        let folder = Folder::at(&target.workshop().work, key);
        let entry = target.workshop().records.load(cx, key).await?;
        Ok(Self { target, key, folder, entry, _lock: None })
    }

    pub fn workshop(&self) -> &'a Workshop {
        self.target.workshop()
    }

    pub fn record(&self) -> &Record {
        &self.entry.record
    }

    /// Makes a change of the record durable.
    pub async fn note(&mut self, cx: &Cx, change: impl FnOnce(&mut Record)) -> Result<()> {
        let before = self.entry.record.clone();
        change(&mut self.entry.record);
        if before == self.entry.record {
            return Ok(());
        }
        self.workshop().records.save(cx, self.key, &mut self.entry).await
    }

    /// The folder in which the tool is run.
    pub fn cwd(&self, place: &Place) -> PathBuf {
        place.cwd(&self.folder)
    }

    /// A run of the tool on the root.
    pub fn call(&self, cx: &Cx, place: &Place) -> Result<Call> {
        self.call_as(cx, &new_run(cx), place)
    }

    /// A run of the tool that is known by an id.
    pub fn call_as(&self, cx: &Cx, run: &str, place: &Place) -> Result<Call> {
        self.make_room_for_a_state(place)?;
        let environment = self.workshop().environment.clone().at_home_in(self.folder.path());
        let environment = environment.with("TF_DATA_DIR", place.data(&self.folder)).with(RUN, run);
        let call = |environment| {
            let patience = READING_PATIENCE.min(self.workshop().options.patience);
            let call = Call::new(&self.workshop().tool.program, &self.cwd(place), environment);
            call.patience(patience).confined(self.confinement())
        };
        if place.keeper != Keeper::Server {
            return Ok(call(environment.with("TF_WORKSPACE", &place.workspace)));
        }
        // The workspace is a part of the state's name there: the backend itself knows only one.
        let door = self.workshop().server()?.door(cx)?;
        let variables = door.variables(self.key, &place.workspace, run);
        let environment = variables.into_iter().fold(environment, |env, (name, value)| env.with(name, value));
        Ok(call(environment).keep(door))
    }

    /// Makes the folder of a local state that is not in the root's own folder. A run reads what lies beside the private folders when it
    /// starts, and so nothing that it makes there itself.
    ///
    /// # Errors
    /// `Invalid` if the file would lie in a folder above a private one or within one: what the tool makes there can't be made
    /// before.
    fn make_room_for_a_state(&self, place: &Place) -> Result<()> {
        let Home::File(path) = Home::of(&self.folder, place)? else { return Ok(()) };
        let Some(folder) = path.parent().filter(|folder| !folder.starts_with(self.folder.path())) else {
            return Ok(());
        };
        disk::private_folder(folder)?;
        let folder = folder.canonicalize().map_err(|error| disk::failed("find", folder, error))?;
        let workshop = self.workshop();
        let is_there = path.exists() && backup_of(&path).exists();
        let is_shut = |private: &PathBuf| {
            // A root may say that its state is the file of another one: nothing within is opened for it.
            folder.starts_with(private) || (private.starts_with(&folder) && !is_there)
        };
        if workshop.tool.program.is_unconfined() || !workshop.private.iter().any(is_shut) {
            return Ok(());
        }
        let message = format!(
            "the state would be the file {}, beside or in folders that roots may not read, where a run can read no file that it makes",
            path.display()
        );
        let help = "give states a folder of their own, as `path: ./states/{root}.tfstate` does";
        Err(Error::new(ErrorKind::Invalid, message).help(help))
    }

    /// Whether a state was seen at a place.
    fn is_known(&self, place: &Place) -> bool {
        self.record().place.as_ref() == Some(place) && self.record().seen.is_some()
    }

    /// What is ours and no business of this root: other roots, states and saved plans of theirs, and all else that lies
    /// in the private folders.
    fn confinement(&self) -> Confinement {
        let workshop = self.workshop();
        let mut open = vec![self.folder.path().to_owned(), workshop.work.join("cli.tfrc")];
        open.extend(workshop.tool.program.file());
        open.extend(workshop.plugin_cache.iter().chain(&workshop.mirror).cloned());
        Confinement { private: workshop.private.clone(), open }
    }

    /// What is known to be secret before the tool is run.
    pub fn redact(&self) -> Redact {
        let mut redact = Redact::knowing(self.record().secrets.clone(), &self.workshop().keys.secrets);
        self.workshop().secrets.iter().for_each(|secret| redact.learn(&Value::Secret(secret.clone())));
        redact
    }

    /// The root's state where it was applied last; nothing if it was never applied, or has none yet. What was planned
    /// since for another place does not count.
    pub async fn state(&self, cx: &Cx, fresh: Fresh) -> Result<Option<StateFile>> {
        let Some(place) = self.record().place.clone() else { return Ok(None) };
        let is_elsewhere = matches!(Home::of(&self.folder, &place)?, Home::Elsewhere { .. });
        if is_elsewhere && self.young_state(cx, &place, fresh).is_none() {
            self.stand_as_applied(cx, &place).await?;
        }
        self.state_at(cx, &place, fresh).await
    }

    /// The state at a place for which the folder is made ready.
    pub async fn state_at(&self, cx: &Cx, place: &Place, fresh: Fresh) -> Result<Option<StateFile>> {
        match Home::of(&self.folder, place)? {
            Home::Server(workspace) => {
                let bytes = self.workshop().server()?.read(cx, &name_of(self.key, &workspace)).await?;
                bytes.map_or(Ok(None), |bytes| StateFile::read(&bytes))
            }
            Home::File(path) => {
                let known = self.is_known(place);
                disk::blocking(move || read_file(&path, known)).await
            }
            Home::Elsewhere { .. } => self.pull(cx, place, fresh).await,
        }
    }

    /// Gives back the lock that a run of ours left in our server, if nothing of it is at work any more.
    pub async fn release_orphaned_lock(&self, cx: &Cx, place: &Place) -> Result<()> {
        match place.keeper {
            Keeper::Server => {
                self.workshop().server()?.release_orphaned(cx, &name_of(self.key, &place.workspace)).await
            }
            Keeper::Backend(_) => Ok(()),
        }
    }

    /// A state that was asked for and may still be taken for unchanged.
    fn young_state(&self, cx: &Cx, place: &Place, fresh: Fresh) -> Option<Pulled> {
        let pulled = self.target.pulled(self.key).filter(|pulled| pulled.place == *place)?;
        let is_young = cx.now().since(pulled.at) < self.workshop().options.pull_every;
        (fresh == Fresh::Enough && is_young).then_some(pulled)
    }

    async fn pull(&self, cx: &Cx, place: &Place, fresh: Fresh) -> Result<Option<StateFile>> {
        let now = cx.now();
        if let Some(pulled) = self.young_state(cx, place, fresh) {
            return Ok(pulled.state);
        }
        let call =
            self.call(cx, place)?.args(["state", "pull", "-no-color"]).output(Output::Document(STATE_BYTES));
        let ended = call.run(cx).await.map_err(Error::outcome_known)?;
        if !ended.status.success() {
            return Err(self.could_not_pull(&ended.stderr));
        }
        let state = StateFile::read(&ended.stdout)?;
        let place = place.clone();
        self.target.set_pulled(self.key, Pulled { place, at: now, state: state.clone() });
        Ok(state)
    }

    fn could_not_pull(&self, stderr: &str) -> Error {
        let said = failure::in_boxes(stderr).unwrap_or_default();
        let message = format!("the state could not be read: {}", self.redact().text(&said));
        Error::new(ErrorKind::Unavailable, message).help("check the backend and the credentials for it")
    }

    /// The root as an object; nothing if it was never applied and has no resources.
    ///
    /// # Errors
    /// `Corrupt` if there was a state and it is gone, or went back: a plan made from it would make everything anew.
    pub async fn live(&mut self, cx: &Cx) -> Result<Option<Live>> {
        let state = self.state(cx, Fresh::Enough).await?;
        self.live_of(state.as_ref()).await
    }

    pub async fn live_of(&self, state: Option<&StateFile>) -> Result<Option<Live>> {
        let record = self.record();
        self.check_line(state)?;
        let Some(state) = state else { return Ok(None) };
        let Some(owner) = &record.owner else {
            let is_empty = state.instances.is_empty();
            return Ok((!is_empty).then(|| self.bare(state, self.uid(state), Version::new("unlabelled"))));
        };
        let version = self.version(state, self.workshop().tool.digest().await?);
        let mut live = self.bare(state, self.uid(state), version).owned_by(owner.clone());
        // Whoever was killed while the tool went on learns by it that the change was made.
        live.op.clone_from(&record.done);
        live.outputs = self.outputs(state);
        Ok(Some(live))
    }

    fn bare(&self, state: &StateFile, uid: Uid, version: Version) -> Live {
        let mut live = Live::new(self.key.clone(), uid, version, Value::map([] as [(&str, Value); 0]));
        live.components = self.components(Some(state));
        live
    }

    fn uid(&self, state: &StateFile) -> Uid {
        Uid::new(format!("{}.{}", state.lineage, self.record().born))
    }

    /// Moves with every state, every program, the target's own backend, and with what is to be dealt with.
    fn version(&self, state: &StateFile, tool: Digest) -> Version {
        let record = self.record();
        let drift = record.drift.map(|drift| format!(".drift-{}", drift.short())).unwrap_or_default();
        let doubt = if record.doubts_after(Some(state)).next().is_none() { "" } else { ".in-doubt" };
        let place = if self.is_to_move() { ".to-move" } else { "" };
        let tool = tool.short();
        Version::new(format!("{}.{}.{tool}{drift}{doubt}{place}", state.serial, state.digest.short()))
    }

    fn outputs(&self, state: &StateFile) -> std::collections::BTreeMap<String, Value> {
        let keys = &self.workshop().keys;
        let shown = |(name, output): (&String, &crate::tool::json::StateOutput)| {
            (name.clone(), output.shown(&keys.secrets))
        };
        state.outputs.iter().map(shown).collect()
    }

    /// A root that was applied left a record, also where its resources are gone or given up since.
    pub fn check_known(&self) -> Result<()> {
        if *self.record() != Record::default() {
            return Ok(());
        }
        let message = format!(
            "it was applied, and nothing that was kept of it is in {} any more: neither its record nor its state",
            self.workshop().work.display()
        );
        Err(Error::new(ErrorKind::Corrupt, message).help(
            "restore this folder from a backup; or `gitops confirm ROOT state absent` if its state is gone for good, or is kept elsewhere",
        ))
    }

    /// Empty is never new, and a state never goes back.
    fn check_line(&self, state: Option<&StateFile>) -> Result<()> {
        let record = self.record();
        let Some(seen) = record.seen.as_ref().filter(|_| record.owner.is_some()) else { return Ok(()) };
        let lost = |what: String| {
            Err(Error::new(ErrorKind::Corrupt, what)
                .help("restore the state from a backup, then `gitops confirm ROOT state LINE` with its line of states; or `gitops confirm ROOT state absent` if it is gone for good"))
        };
        match state {
            None => lost(format!("its state is gone: it was at serial {} of {}", seen.serial, seen.lineage)),
            Some(state) if state.lineage == seen.lineage && state.serial < seen.serial => {
                lost(format!("its state went back from serial {} to {}", seen.serial, state.serial))
            }
            Some(_) => Ok(()),
        }
    }
}

impl Site<'_> {
    /// Tells of warnings of a look for drift, if they are others than those of the last look: one that stands is not told
    /// again every few seconds.
    pub fn warn_of_news(&self, warnings: &[Warning]) {
        let now: Vec<String> = warnings.iter().map(|warning| warning.message.clone()).collect();
        if self.target.has_news(self.key, now) {
            self.warn(warnings);
        }
    }

    /// Tells of warnings whoever wants to know.
    pub fn warn(&self, warnings: &[Warning]) {
        let Some(listener) = &self.workshop().warnings else { return };
        if self.workshop().tool.program.is_unconfined() {
            let message = "this system can't keep roots apart: a root may read the state of every other one";
            let help = "plan only what you trust, or use Linux 5.13 or newer with Landlock";
            listener(Diagnostic::warning("GO0509", self.key.name(), message).help(help));
        }
        for warning in warnings {
            let path = if warning.path.is_empty() { self.key.name() } else { &warning.path };
            let code = if warning.is_failed_check { "GO0508" } else { "GO0507" };
            listener(Diagnostic::warning(code, path, warning.message.clone()));
        }
    }
}
