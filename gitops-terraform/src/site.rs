use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use gitops_core::{Cx, Digest, Error, ErrorKind, Key, Live, Result, Uid, Value, Version};

use crate::disk;
use crate::json::{Redact, StateFile};
use crate::process::{Call, Output, RUN, new_run};
use crate::root::{Entry, Folder, Home, Place, Record, read_file};
use crate::state_server::name_of;
use crate::terraform::{Pulled, Terraform, Workshop};

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
    _lock: File,
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
        let folder = Folder::open(&target.workshop().work, key)?;
        let lock = folder.lock(cx).await?;
        let entry = target.workshop().records.load(cx, key).await?;
        let mut site = Self { target, key, folder, entry, _lock: lock };
        site.take_in_what_was_left(cx).await?;
        Ok(site)
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
        self.folder.tree().join(&place.folder)
    }

    /// A run of the tool on the root.
    pub fn call(&self, cx: &Cx, place: &Place) -> Result<Call> {
        self.call_as(cx, &new_run(cx), place)
    }

    /// A run of the tool that is known by an id.
    pub fn call_as(&self, cx: &Cx, run: &str, place: &Place) -> Result<Call> {
        let environment = self.workshop().environment.clone().at_home_in(self.folder.path()).with(RUN, run);
        let call = |environment| {
            let patience = READING_PATIENCE.min(self.workshop().options.patience);
            Call::new(&self.workshop().tool.program, &self.cwd(place), environment).patience(patience)
        };
        let Some(server) = self.workshop().backend.server() else {
            return Ok(call(environment.with("TF_WORKSPACE", &place.workspace)));
        };
        // The workspace is a part of the state's name there: the backend itself knows only one.
        let door = server.door(cx)?;
        let variables = door.variables(self.key, &place.workspace, run);
        let environment = variables.into_iter().fold(environment, |env, (name, value)| env.with(name, value));
        Ok(call(environment).keep(door))
    }

    /// What is known to be secret before the tool is run.
    pub fn redact(&self) -> Redact {
        let mut redact = Redact::knowing(self.record().secrets.clone(), &self.workshop().keys.secrets);
        self.workshop().secrets.iter().for_each(|secret| redact.learn(&Value::Secret(secret.clone())));
        redact
    }

    /// The root's state; nothing if it has none yet.
    pub async fn state(&self, cx: &Cx, fresh: Fresh) -> Result<Option<StateFile>> {
        let Some(place) = self.record().place.clone() else { return Ok(None) };
        if let Some(server) = self.workshop().backend.server() {
            let bytes = server.read(cx, &name_of(self.key, &place.workspace)).await?;
            return bytes.map_or(Ok(None), |bytes| StateFile::read(&bytes));
        }
        match Home::of(&self.folder, &place.folder, &place.workspace)? {
            Home::File(path) => {
                let known = self.record().seen.is_some();
                disk::blocking(move || read_file(&path, known)).await
            }
            Home::Elsewhere => self.pull(cx, &place, fresh).await,
        }
    }

    /// Gives back the lock that a run of ours left in our server, if nothing of it is at work any more.
    pub async fn release_orphaned_lock(&self, cx: &Cx, place: &Place) -> Result<()> {
        match self.workshop().backend.server() {
            Some(server) => server.release_orphaned(cx, &name_of(self.key, &place.workspace)).await,
            None => Ok(()),
        }
    }

    async fn pull(&self, cx: &Cx, place: &Place, fresh: Fresh) -> Result<Option<StateFile>> {
        let now = cx.now();
        if let Some(pulled) = self.target.pulled(self.key)
            && fresh == Fresh::Enough
            && now.since(pulled.at) < self.workshop().options.pull_every
        {
            return Ok(pulled.state);
        }
        let call = self.call(cx, place)?.args(["state", "pull"]).output(Output::Document(STATE_BYTES));
        let ended = call.run(cx).await.map_err(Error::outcome_known)?;
        if !ended.status.success() {
            return Err(self.could_not_pull(&ended.stderr));
        }
        let state = StateFile::read(&ended.stdout)?;
        self.target.set_pulled(self.key, Pulled { at: now, state: state.clone() });
        Ok(state)
    }

    fn could_not_pull(&self, stderr: &str) -> Error {
        let said: Vec<&str> = stderr.lines().map(|line| line.trim_matches(['│', '╷', '╵', ' '])).collect();
        let said = said.into_iter().filter(|line| !line.is_empty()).take(6).collect::<Vec<_>>().join(" ");
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
            return Ok((!is_empty).then(|| self.bare(state, self.uid(state), Version::new("unmarked"))));
        };
        let version = self.version(state, self.workshop().tool.digest().await?);
        let mut live = self.bare(state, self.uid(state), version).owned_by(owner.clone());
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

    /// Moves with every state, every program, and with what is to be dealt with.
    fn version(&self, state: &StateFile, tool: Digest) -> Version {
        let record = self.record();
        let drift = record.drift.map(|drift| format!(".drift-{}", drift.short())).unwrap_or_default();
        let doubt = if record.doubts.is_empty() { "" } else { ".in-doubt" };
        Version::new(format!("{}.{}.{}{drift}{doubt}", state.serial, state.digest.short(), tool.short()))
    }

    fn outputs(&self, state: &StateFile) -> std::collections::BTreeMap<String, Value> {
        let keys = &self.workshop().keys;
        let shown = |(name, output): (&String, &crate::json::StateOutput)| {
            (name.clone(), output.shown(&keys.secrets))
        };
        state.outputs.iter().map(shown).collect()
    }

    /// Empty is never new, and a state never goes back.
    fn check_line(&self, state: Option<&StateFile>) -> Result<()> {
        let record = self.record();
        let Some(seen) = record.seen.as_ref().filter(|_| record.owner.is_some()) else { return Ok(()) };
        let lost = |what: String| {
            Err(Error::new(ErrorKind::Corrupt, what)
                .help("restore the state from a backup, or give the root up and take it over again"))
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
