use std::collections::BTreeSet;

use async_trait::async_trait;
use gitops_core::capability::{DryRun, Preview};
use gitops_core::{Cx, Diff, Digest, Error, ErrorKind, FieldChange, Hasher, Key, Live, Object, Result};

use crate::declare::module::{Removal, RootModule};
use crate::root::warning::Warning;
use crate::root::{Doubt, DoubtKind, Kept, Pins, Place, Stamp};
use crate::target::moved::MovedPlace;
use crate::target::planning::{Purpose, Request};
use crate::target::site::{Fresh, Site};
use crate::target::terraform::{Terraform, is_over};
use crate::tool::fields;
use crate::tool::json::{self, Plan, Redact, StateFile};

/// A plan of the tool, the digest of all that it would do, and what it leaves behind at another place.
struct Planned {
    plan: Plan,
    digest: Digest,
    moved: Option<MovedPlace>,
    /// The outputs that are there before.
    outputs: Vec<String>,
}

impl Planned {
    /// The outputs that are there afterwards.
    fn outputs_after(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.outputs.iter().cloned().collect();
        for (name, change) in &self.plan.outputs {
            match change.action {
                json::Action::Delete | json::Action::Forget => names.remove(name),
                _ => names.insert(name.clone()),
            };
        }
        names
    }
}

#[async_trait]
impl DryRun for Terraform {
    async fn preview(
        &self,
        cx: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        let mut site = Site::enter(self, key, cx).await?;
        match object {
            Some(object) => site.preview(cx, object, live).await,
            None => site.preview_removal(cx).await,
        }
    }
}

impl Site<'_> {
    async fn preview(&mut self, cx: &Cx, object: &Object, live: Option<&Live>) -> Result<Preview> {
        let root = RootModule::of_body(&object.body)?;
        let place = self.place_of(&root)?;
        let before = self.state(cx, Fresh::Enough).await?;
        let request = Request { root, purpose: Purpose::Make(object.body.digest()), place, before };
        let planned = self.plan(cx, &request).await?;
        let outputs = planned.outputs_after();
        let Planned { plan, digest, moved, .. } = planned;
        let mut diff = fields::of_plan(&plan);
        if let Some(before) = self.bundle(cx).await?.map(|bundle| bundle.removal)
            && before != request.root.removal
        {
            diff = with_field(diff, "/removal", before.word(), request.root.removal.word());
        }
        for (path, digest) in hidden(&plan, object.body.digest()) {
            let change = FieldChange::new(path, None, Some(digest.short().as_str().into()));
            diff = diff.fields().iter().cloned().chain([change]).collect();
        }
        let mut components = fields::components_of_plan(&plan);
        if let Some(moved) = &moved {
            diff = with_field(diff, "/place", &moved.from, &moved.to);
            components.extend(fields::components_of_forgotten(moved.left_behind.as_ref(), &self.redact()));
        }
        if live.is_some() && diff.is_empty() {
            if let Some((before, after)) = self.checks_turn(cx, &request).await? {
                diff = with_field(diff, "/checks", &before, &after);
            } else {
                self.note_checks(cx, &request.root).await?;
                self.folder.keep_nothing()?;
            }
        }
        let preview = Preview::new(diff, digest).made_of(components).with_outputs(outputs);
        let preview = if moved.is_some() { preview.configured() } else { preview };
        let preview = preview.replacing(moved.map(|moved| moved.words));
        // What is there is known by its line of states.
        Ok(if live.is_some() { preview } else { preview.placed(request.place.digest()) })
    }

    /// What the checks said and say now, if those begin to fail or to hold that the new plan is made with. A plan of nothing else is
    /// applied for that: only then the state says it, and whoever asks the providers later asks what is declared now.
    async fn checks_turn(&self, cx: &Cx, request: &Request) -> Result<Option<(String, String)>> {
        if self.is_declared_as_applied(cx, &request.root).await? {
            return Ok(None);
        }
        let Some(after) = self.checks_of_the_kept_plan()? else { return Ok(None) };
        let before = self.failed_checks(request.before.as_ref());
        let redact = self.redact();
        let said = |failed: &[String]| match failed.is_empty() {
            true => "hold".to_owned(),
            false => redact.text(&failed.join("; ")),
        };
        Ok((before.is_empty() != after.is_empty()).then(|| (said(before), said(&after))))
    }

    /// The checks that do not hold by the plan that was just made; nothing if none was made.
    fn checks_of_the_kept_plan(&self) -> Result<Option<Vec<String>>> {
        let Some(kept) = self.folder.kept()?.filter(|kept| !kept.does_nothing) else { return Ok(None) };
        let failed = kept.warnings.into_iter().filter(|warning| warning.is_failed_check);
        Ok(Some(failed.map(|warning| warning.message).collect()))
    }

    /// Of a root that is as it was applied, a plan is also a look for drift: what a look can't be made with, such as a secret
    /// input, the plan has. That a check turns is no change then.
    async fn note_checks(&mut self, cx: &Cx, root: &RootModule) -> Result<()> {
        match self.checks_of_the_kept_plan()? {
            Some(failed) if self.is_declared_as_applied(cx, root).await? => {
                self.note(cx, |record| record.failed_checks = Some(failed)).await
            }
            _ => Ok(()),
        }
    }

    async fn preview_removal(&mut self, cx: &Cx) -> Result<Preview> {
        let bundle = self.bundle(cx).await?.ok_or_else(no_bundle)?;
        let state = self.state(cx, Fresh::Now).await?;
        self.check_nothing_is_left_in_doubt(state.as_ref())?;
        if bundle.removal == Removal::Forget {
            let redact = self.redact();
            let components = fields::components_of_forgotten(state.as_ref(), &redact);
            let diff = fields::of_forgotten(state.as_ref(), &redact);
            return Ok(Preview::new(diff, forgotten(state)).made_of(components));
        }
        let place = self.record().place.clone().ok_or_else(no_bundle)?;
        let request = Request { root: bundle.whole()?, purpose: Purpose::Destroy, place, before: None };
        let Planned { plan, digest, .. } = self.plan(cx, &request).await?;
        let preview = Preview::new(fields::of_plan(&plan), digest).taking(fields::taken_by(&plan));
        Ok(preview.made_of(fields::components_of_plan(&plan)))
    }

    /// A plan of the root: the kept one if it is young and all that it was made from still holds, else a new one.
    async fn plan(&mut self, cx: &Cx, request: &Request) -> Result<Planned> {
        let (workshop, place) = (self.workshop(), &request.place);
        workshop.tool.info(cx).await?;
        let mut redact = self.redact();
        request.root.variables.values().for_each(|value| redact.learn_secrets(value));
        self.prepare(cx, &request.root, place, &redact).await?;
        self.carry_local_state(place)?;
        let state = self.state_at(cx, place, Fresh::Now).await?;
        self.check_strange(place, state.as_ref())?;
        let pins = self.pins(request, state.as_ref()).await?;
        let moved = self.moved(cx, request).await?;
        let outputs = state.iter().flat_map(|state| state.outputs.keys().cloned()).collect();
        if let Some(kept) = self.young(cx, &pins)? {
            let plan = self.kept_as_shown(cx, &mut redact, &kept).await?;
            let digest = plan_digest(&plan, request, moved.as_ref());
            if digest == kept.digest {
                self.warn(&kept.warnings);
                return Ok(Planned { plan, digest, moved, outputs });
            }
        }
        let (plan, warnings) = self.new_plan(cx, request, &pins, &mut redact).await?;
        self.warn(&warnings);
        let digest = plan_digest(&plan, request, moved.as_ref());
        self.folder.keep(&Kept { digest, pins, at: cx.now(), does_nothing: false, warnings })?;
        Ok(Planned { plan, digest, moved, outputs })
    }

    async fn new_plan(
        &mut self,
        cx: &Cx,
        request: &Request,
        pins: &Pins,
        redact: &mut Redact,
    ) -> Result<(Plan, Vec<Warning>)> {
        let place = &request.place;
        self.folder.drop_plans()?;
        let imports = self.import_what_is_lost(place)?;
        let (found, warnings) = match self.run_plan(cx, request, redact).await {
            // Not every provider can import, and not every address is still declared: then a person decides.
            Err(error) if imports && !is_over(&error) => {
                self.import_nothing(place)?;
                self.run_plan(cx, request, redact).await?
            }
            found => found?,
        };
        let plan = self.found(cx, place, redact, found).await?;
        // A state that is kept elsewhere is asked for again when the plan is applied, before anything is done.
        let after = self.state_at(cx, place, Fresh::Enough).await?;
        if after.as_ref().map(Stamp::from) != pins.state {
            return Err(Error::new(ErrorKind::Unavailable, "the state moved while the plan was made"));
        }
        if !plan.complete || plan.errored {
            return Err(Error::new(ErrorKind::Invalid, "the plan does not cover the whole root"));
        }
        self.check_doubts(&plan, after.as_ref())?;
        Ok((plan, warnings))
    }

    /// What was changed behind the state's back, asked for with the declaration that was applied last, and the checks that
    /// do not hold.
    pub async fn refresh(
        &mut self,
        cx: &Cx,
        root: &RootModule,
        place: &Place,
    ) -> Result<(Vec<json::ResourceChange>, Vec<String>)> {
        let mut redact = self.redact();
        self.prepare(cx, root, place, &redact).await?;
        let request =
            Request { root: root.clone(), purpose: Purpose::Refresh, place: place.clone(), before: None };
        self.import_nothing(place)?;
        self.folder.drop_plans()?;
        let (found, warnings) = self.run_plan(cx, &request, &redact).await?;
        self.warn_of_news(&warnings);
        let plan = self.found(cx, place, &mut redact, found).await?;
        self.folder.drop_plans()?;
        let failed = warnings.into_iter().filter(|warning| warning.is_failed_check);
        Ok((plan.drift, failed.map(|warning| warning.message).collect()))
    }

    /// What the kept plan would do.
    pub async fn kept_plan(&self, cx: &Cx) -> Result<Option<Plan>> {
        match self.folder.kept()? {
            Some(kept) => self.kept_as_shown(cx, &mut self.redact(), &kept).await.map(Some),
            None => Ok(None),
        }
    }

    async fn kept_as_shown(&self, cx: &Cx, redact: &mut Redact, kept: &Kept) -> Result<Plan> {
        let keys = &self.workshop().keys;
        match kept.does_nothing {
            true => Plan::nothing(&keys.secrets, &*keys.effects),
            false => self.shown(cx, &kept.pins.place, redact, &self.folder.kept_plan()).await,
        }
    }

    /// The kept plan, if it may still be applied as it is.
    fn young(&self, cx: &Cx, pins: &Pins) -> Result<Option<Kept>> {
        let age = |kept: &Kept| cx.now().since(kept.at);
        let is_young = |kept: &Kept| kept.pins == *pins && age(kept) < self.workshop().options.keep_plans;
        Ok(self.folder.kept()?.filter(is_young))
    }

    pub async fn pins(&self, request: &Request, state: Option<&StateFile>) -> Result<Pins> {
        Ok(Pins {
            state: state.map(Stamp::from),
            body: request.body(),
            tool: self.workshop().tool.digest().await?,
            place: request.place.clone(),
        })
    }

    /// A state with resources that was not made for this root is somebody else's.
    fn check_strange(&self, place: &Place, state: Option<&StateFile>) -> Result<()> {
        let record = self.record();
        let is_applied = record.owner.is_some() && record.place.as_ref() == Some(place);
        let Some(state) = state.filter(|state| !is_applied && !state.instances.is_empty()) else {
            return Ok(());
        };
        if record.lines.contains(&state.lineage) {
            return Ok(());
        }
        let count = state.instances.len();
        let message =
            format!("its state already holds {count} resources, and is none that this root left there");
        Err(Error::new(ErrorKind::NotOwned, message).with("line of states", &state.lineage).help(
            "if they are to become this application's: `gitops confirm ROOT state LINE`, with the line of states",
        ))
    }

    /// What may exist without being in the state is not made a second time.
    fn check_doubts(&self, plan: &Plan, state: Option<&StateFile>) -> Result<()> {
        let made: Vec<&str> = plan.created().map(|change| change.address.as_str()).collect();
        self.refuse_for(
            self.record().doubts_after(state).filter(|doubt| made.contains(&doubt.address.as_str())),
            "look for each at its provider, then `gitops confirm ROOT ADDRESS ID` for what is there, and `gitops confirm ROOT ADDRESS absent` for the others",
        )
    }

    /// What may exist and is not in the state would not go with the root, and nobody would hear of it again.
    fn check_nothing_is_left_in_doubt(&self, state: Option<&StateFile>) -> Result<()> {
        self.refuse_for(
            self.record().doubts_after(state).filter(|doubt| doubt.kind != DoubtKind::HalfProvisioned),
            "it would be left behind: put the root back, so that a plan imports what is there, or remove it at its provider; \
             then `gitops confirm ROOT ADDRESS absent`",
        )
    }

    fn refuse_for<'d>(&self, doubts: impl Iterator<Item = &'d Doubt>, help: &str) -> Result<()> {
        let redact = self.redact();
        let doubts: Vec<String> = doubts.map(|doubt| redact.text(&doubt.to_string())).collect();
        if doubts.is_empty() {
            return Ok(());
        }
        self.folder.drop_plans()?;
        Err(Error::new(ErrorKind::Denied, doubts.join("; ")).help(help))
    }
}

/// The digest of what a plan would do to a root, and of what it does not show and would change.
fn plan_digest(plan: &Plan, request: &Request, moved: Option<&MovedPlace>) -> Digest {
    let mut hasher = Hasher::new("gitops terraform preview 1");
    hasher.field(plan.effect.as_bytes()).field(request.option().unwrap_or_default());
    hasher.field(&request.root.workspace).field(request.root.removal.word());
    if let Some(moved) = moved {
        moved.add_to(&mut hasher);
    }
    hasher.finish()
}

fn with_field(diff: Diff, path: &str, before: &str, after: &str) -> Diff {
    let change = FieldChange::new(path, Some(before.into()), Some(after.into()));
    diff.fields().iter().cloned().chain([change]).collect()
}

/// What a plan does not show, by what stands for it in what people approve: provisioners do what the files say, with all that they read.
fn hidden(plan: &Plan, declared: Digest) -> impl Iterator<Item = (&'static str, Digest)> {
    let provisioners = plan.runs_provisioners.then_some(("/provisioners", declared));
    provisioners.into_iter().chain(plan.beside.map(|beside| ("/actions", beside)))
}

fn no_bundle() -> Error {
    Error::new(ErrorKind::NotFound, "the files with which the root was applied are gone")
        .help("put the root back into the source, apply it once, and remove it again")
}

/// What giving a root up would do: the digest of the state that is left alone.
pub(crate) fn forgotten(state: Option<StateFile>) -> Digest {
    let mut hasher = Hasher::new("gitops terraform forget 1");
    if let Some(state) = state {
        hasher.field(state.lineage).field(state.digest.as_bytes());
    }
    hasher.finish()
}
