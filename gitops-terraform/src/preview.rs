use async_trait::async_trait;
use gitops_core::capability::{NativePlan, Preview};
use gitops_core::{Cx, Diff, Digest, Error, ErrorKind, FieldChange, Hasher, Key, Live, Object, Result};

use crate::fields;
use crate::json::{self, Plan, Redact, StateFile};
use crate::module::{Removal, RootModule};
use crate::planning::{Purpose, Request};
use crate::root::{Kept, Pins, Place, Stamp};
use crate::site::{Fresh, Site};
use crate::terraform::{Terraform, is_over};

#[async_trait]
impl NativePlan for Terraform {
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
        let request = Request { root, purpose: Purpose::Make(object.body.digest()) };
        let plan = self.plan(cx, &request).await?;
        let (mut diff, digest) = (fields::of_plan(&plan), plan_digest(&plan, &request));
        if let Some(before) = self.bundle()?.map(|bundle| bundle.removal)
            && before != request.root.removal
        {
            diff = removal_changed(diff, before, request.root.removal);
        }
        if live.is_some() && diff.is_empty() {
            // What is declared now does what was applied: from here on it is what a removal would be made with.
            self.folder.keep_nothing()?;
            self.keep_bundle(&request.root)?;
        }
        Ok(Preview::new(diff, digest).made_of(fields::components_of_plan(&plan)))
    }

    async fn preview_removal(&mut self, cx: &Cx) -> Result<Preview> {
        let root = self.bundle()?.ok_or_else(no_bundle)?.whole()?;
        if root.removal == Removal::Forget {
            let state = self.state(cx, Fresh::Now).await?;
            let components = fields::components_of_forgotten(state.as_ref());
            let diff = fields::of_forgotten(state.as_ref());
            return Ok(Preview::new(diff, forgotten(state)).made_of(components));
        }
        let request = Request { root, purpose: Purpose::Destroy };
        let plan = self.plan(cx, &request).await?;
        let preview = Preview::new(fields::of_plan(&plan), plan_digest(&plan, &request));
        Ok(preview.made_of(fields::components_of_plan(&plan)))
    }

    /// A plan of the root: the kept one if it is young and all that it was made from still holds, else a new one.
    async fn plan(&mut self, cx: &Cx, request: &Request) -> Result<Plan> {
        let workshop = self.workshop();
        workshop.tool.info(cx).await?;
        let place = request.place();
        self.remember_secrets(cx, &request.root).await?;
        let mut redact = self.redact();
        request.root.variables.values().for_each(|value| redact.learn_secrets(value));
        self.prepare(cx, &request.root, &place, &redact).await?;
        self.note(cx, |record| record.place = Some(place.clone())).await?;
        let state = self.state(cx, Fresh::Now).await?;
        self.check_strange(state.as_ref())?;
        let pins = self.pins(request, state.as_ref()).await?;
        if let Some(kept) = self.young(cx, &pins)? {
            let plan = self.kept_as_shown(cx, &place, &mut redact, &kept).await?;
            if plan_digest(&plan, request) == kept.digest {
                return Ok(plan);
            }
        }
        self.new_plan(cx, request, pins, &mut redact).await
    }

    async fn new_plan(
        &mut self,
        cx: &Cx,
        request: &Request,
        pins: Pins,
        redact: &mut Redact,
    ) -> Result<Plan> {
        let place = request.place();
        self.folder.drop_plans()?;
        let imports = self.import_what_is_lost(&place)?;
        let found = match self.run_plan(cx, request, &place, redact).await {
            // Not every provider can import, and not every address is still declared: then a person decides.
            Err(error) if imports && !is_over(&error) => {
                self.import_nothing(&place)?;
                self.run_plan(cx, request, &place, redact).await?
            }
            found => found?,
        };
        let plan = self.found(cx, &place, redact, found).await?;
        // A state that is kept elsewhere is asked for again when the plan is applied, before anything is done.
        let after = self.state(cx, Fresh::Enough).await?;
        if after.as_ref().map(Stamp::from) != pins.state {
            return Err(Error::new(ErrorKind::Unavailable, "the state moved while the plan was made"));
        }
        if !plan.complete || plan.errored {
            return Err(Error::new(ErrorKind::Invalid, "the plan does not cover the whole root"));
        }
        self.check_doubts(cx, &plan, after.as_ref()).await?;
        let digest = plan_digest(&plan, request);
        let kept = Kept { digest, pins, at: cx.now(), root_folder: place.folder, does_nothing: false };
        self.folder.keep(&kept)?;
        Ok(plan)
    }

    /// What was changed behind the state's back, asked for with the declaration that was applied last.
    pub async fn refresh(
        &mut self,
        cx: &Cx,
        root: &RootModule,
        place: &Place,
    ) -> Result<Vec<json::ResourceChange>> {
        let mut redact = self.redact();
        self.prepare(cx, root, place, &redact).await?;
        let request = Request { root: root.clone(), purpose: Purpose::Refresh };
        self.import_nothing(place)?;
        self.folder.drop_plans()?;
        let found = self.run_plan(cx, &request, place, &redact).await?;
        let plan = self.found(cx, place, &mut redact, found).await?;
        self.folder.drop_plans()?;
        Ok(plan.drift)
    }

    /// Remembers the digests of secrets that the root gets: an old one may still stand in its state.
    async fn remember_secrets(&mut self, cx: &Cx, root: &RootModule) -> Result<()> {
        let mut redact = Redact::default();
        root.variables.values().for_each(|value| redact.learn_secrets(value));
        let digests = redact.digests(&self.workshop().keys.secrets);
        self.note(cx, |record| record.remember_secrets(digests)).await
    }

    /// What the kept plan would do.
    pub async fn kept_plan(&self, cx: &Cx) -> Result<Option<Plan>> {
        match (self.folder.kept()?, self.record().place.clone()) {
            (Some(kept), Some(place)) => {
                self.kept_as_shown(cx, &place, &mut self.redact(), &kept).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn kept_as_shown(&self, cx: &Cx, place: &Place, redact: &mut Redact, kept: &Kept) -> Result<Plan> {
        let keys = &self.workshop().keys;
        match kept.does_nothing {
            true => Plan::nothing(&keys.secrets, &*keys.effects),
            false => self.shown(cx, place, redact, &self.folder.kept_plan()).await,
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
            workspace: request.root.workspace.clone(),
        })
    }

    /// A state with resources that was not made for this root is somebody else's.
    fn check_strange(&self, state: Option<&StateFile>) -> Result<()> {
        match state {
            Some(state) if self.record().owner.is_none() && !state.instances.is_empty() => {
                let message = format!("its state already holds {} resources", state.instances.len());
                Err(Error::new(ErrorKind::NotOwned, message)
                    .help("allow taking over what others made, if they are to become this application's"))
            }
            _ => Ok(()),
        }
    }

    /// What may exist without being in the state is not made a second time.
    async fn check_doubts(&mut self, cx: &Cx, plan: &Plan, state: Option<&StateFile>) -> Result<()> {
        if let Some(state) = state {
            self.note(cx, |record| record.settle_doubts(state)).await?;
        }
        let makes = |change: &json::ResourceChange| {
            matches!(change.action, json::Action::Create | json::Action::Replace) && !change.imported
        };
        let made: Vec<&str> = plan
            .changes
            .iter()
            .filter(|change| makes(change))
            .map(|change| change.address.as_str())
            .collect();
        let doubts = self.record().doubts.iter().filter(|doubt| made.contains(&doubt.address.as_str()));
        let doubts: Vec<String> = doubts.map(ToString::to_string).collect();
        if doubts.is_empty() {
            return Ok(());
        }
        self.folder.drop_plans()?;
        Err(Error::new(ErrorKind::Denied, doubts.join("; ")).help(
            "look for each at its provider: import what is there with an `import` block, and call the others absent",
        ))
    }
}

/// The digest of what a plan would do to a root, and of what it does not show and would change.
fn plan_digest(plan: &Plan, request: &Request) -> Digest {
    let mut hasher = Hasher::new("gitops terraform preview 1");
    hasher.field(plan.effect.as_bytes()).field(request.option().unwrap_or_default());
    hasher.field(&request.root.workspace).field(request.root.removal.word()).finish()
}

fn removal_changed(diff: Diff, before: Removal, after: Removal) -> Diff {
    let change = FieldChange {
        path: "/removal".to_owned(),
        before: Some(before.word().into()),
        after: Some(after.word().into()),
    };
    diff.fields().iter().cloned().chain([change]).collect()
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
