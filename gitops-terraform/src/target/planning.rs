//! Runs of the tool that plan, and what they show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::{Cx, Digest, Error, Result, Value};

use crate::declare::module::RootModule;
use crate::disk;
use crate::root::warning::Warning;
use crate::root::{Place, failure, materialise};
use crate::target::site::Site;
use crate::tool::json::{self, Event, Plan, Redact, StateFile, events_in};
use crate::tool::process::{Ended, Output};
use crate::tool::shown::Shown;

/// The most bytes that a plan may have when the tool shows it.
const PLAN_BYTES: usize = 256 << 20;

/// What a plan is made of.
pub(crate) struct Request {
    pub root: RootModule,
    pub purpose: Purpose,
    /// Where the state is that it goes by.
    pub place: Place,
    /// The state where the root was applied last, as it was before anything was laid out for this request.
    pub before: Option<StateFile>,
}

/// What a run that planned found, as its exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All is as it should be.
    Nothing,
    /// Something is to be done; the plan says what.
    Changes,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To make a root as declared; the digest of the declaration.
    Make(Digest),
    /// To remove all that it has.
    Destroy,
    /// To see what was changed behind the state's back.
    Refresh,
}

impl Request {
    /// The digest of the declaration; nothing for a plan that makes none.
    pub fn body(&self) -> Option<Digest> {
        match self.purpose {
            Purpose::Make(body) => Some(body),
            Purpose::Destroy | Purpose::Refresh => None,
        }
    }

    pub fn option(&self) -> Option<&'static str> {
        match self.purpose {
            Purpose::Make(_) => None,
            Purpose::Destroy => Some("-destroy"),
            Purpose::Refresh => Some("-refresh-only"),
        }
    }
}

impl Site<'_> {
    /// Plans into a file. Where the tool says that it must be initialised first, that is done, and it plans again.
    pub async fn run_plan(
        &self,
        cx: &Cx,
        request: &Request,
        redact: &Redact,
    ) -> Result<(Found, Vec<Warning>)> {
        let mut ended = self.try_plan(cx, request).await?;
        if wants_init(&ended, redact) {
            self.init_anew(cx, &request.root, &request.place, redact).await?;
            ended = self.try_plan(cx, request).await?;
        }
        if let Some(code @ (0 | 2)) = ended.status.code() {
            self.make_private()?;
            let found = if code == 0 { Found::Nothing } else { Found::Changes };
            let events = events_in(&request.place.folder, &ended.stdout, redact);
            return Ok((found, Warning::of(events)));
        }
        self.folder.drop_plans()?;
        let events = events_in(&request.place.folder, &ended.stdout, redact);
        Err(failure::of_run("plan", &ended, &events, &redact.text(&ended.stderr)))
    }

    async fn try_plan(&self, cx: &Cx, request: &Request) -> Result<Ended> {
        let call = self.call(cx, &request.place)?;
        let mut call = call.args(["plan", "-input=false", "-no-color", "-json", "-detailed-exitcode"]);
        call = call.args([format!("-out={}", self.folder.new_plan().display())]);
        call = call.args(request.option());
        call = call.args(self.variable_options(&request.root, &request.place)?);
        let ended = call.run(cx).await;
        disk::remove(&self.folder.variables())?;
        ended.map_err(Error::outcome_known)
    }

    /// The options by which the tool finds a root's variables, of which ours come last and win. An apply gets the same:
    /// the tool compares them with those in the plan.
    pub fn variable_options(&self, root: &RootModule, place: &Place) -> Result<Vec<String>> {
        let tree = place.tree(&self.folder);
        let mut files: Vec<PathBuf> = root.var_files.iter().map(|file| tree.join(file)).collect();
        if !root.variables.is_empty() {
            let text = json::write(&Value::map(root.variables.clone()))?;
            disk::write(&self.folder.variables(), text.as_bytes())?;
            files.push(self.folder.variables());
        }
        Ok(files.iter().map(|file| format!("-var-file={}", file.display())).collect())
    }

    pub fn make_private(&self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let (path, private) = (self.folder.new_plan(), std::fs::Permissions::from_mode(0o600));
        std::fs::set_permissions(&path, private).map_err(|error| disk::failed("make private", &path, error))
    }

    /// The plan that was just made, without any secret. The tool need not show one that does nothing.
    pub async fn found(&self, cx: &Cx, place: &Place, redact: &mut Redact, found: Found) -> Result<Plan> {
        let file = self.folder.new_plan();
        if found == Found::Nothing {
            let keys = &self.workshop().keys;
            let shown =
                Shown { plan: Plan::nothing(&keys.secrets, &*keys.effects)?, secrets: Redact::default() };
            self.target.shown().put(self.key, content(&file)?, shown);
        }
        self.shown(cx, place, redact, &file).await
    }

    /// The plan in a file, as the tool shows it, without any secret.
    pub async fn shown(&self, cx: &Cx, place: &Place, redact: &mut Redact, file: &Path) -> Result<Plan> {
        let shown = self.show(cx, place, redact, file).await?;
        redact.join(&shown.secrets);
        Ok(shown.plan.clone().redacted(redact))
    }

    /// What the tool says of a saved plan. It is asked once about a file of the same content.
    pub async fn show(&self, cx: &Cx, place: &Place, redact: &Redact, file: &Path) -> Result<Arc<Shown>> {
        let content = content(file)?;
        if let Some(shown) = self.target.shown().get(self.key, &content) {
            return Ok(shown);
        }
        let document = self.document(cx, place, file, redact).await?;
        let (mut secrets, keys) = (Redact::default(), &self.workshop().keys);
        secrets.of_plan(&document)?;
        let plan = Plan::read(&document, &keys.secrets, &*keys.effects)?;
        Ok(self.target.shown().put(self.key, content, Shown { plan, secrets }))
    }

    async fn document(&self, cx: &Cx, place: &Place, file: &Path, redact: &Redact) -> Result<Value> {
        let call = self.call(cx, place)?.args(["show", "-no-color", "-json"]).args([file]);
        let ended = call.output(Output::Document(PLAN_BYTES)).run(cx).await.map_err(Error::outcome_known)?;
        match ended.status.success() {
            true => json::parse_part(&ended.stdout, json::READ),
            false => Err(failure::of_run("show", &ended, &[], &redact.text(&ended.stderr))),
        }
    }

    /// Lays the files out as declared, with ours beside them.
    pub fn lay_out(&self, root: &RootModule, place: &Place) -> Result<()> {
        materialise(root, &place.tree(&self.folder))?;
        self.learn_the_backend(root, place)?;
        self.override_files(root, place)
    }

    /// Makes the folder ready for a run: the files as declared, no lock of a dead run of ours, initialised.
    pub async fn prepare(&self, cx: &Cx, root: &RootModule, place: &Place, redact: &Redact) -> Result<()> {
        self.lay_out(root, place)?;
        self.drop_data_but_of(place)?;
        self.release_orphaned_lock(cx, place).await?;
        self.init(cx, root, place, redact).await
    }
}

/// The digest of a saved plan's file.
fn content(file: &Path) -> Result<Digest> {
    Ok(Digest::of(&disk::read(file, PLAN_BYTES as u64)?.unwrap_or_default()))
}

/// Whether a run failed only because the root is not initialised for what is declared now.
fn wants_init(ended: &Ended, redact: &Redact) -> bool {
    let says_so = |event: &Event| matches!(event, Event::Diagnostic(said) if said.wants_init());
    !matches!(ended.status.code(), Some(0 | 2)) && events_in("", &ended.stdout, redact).iter().any(says_so)
}
