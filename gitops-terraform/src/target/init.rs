use std::fs::File;
use std::path::PathBuf;

use gitops_core::{Cx, Digest, Error, Hasher, Result};

use crate::declare::hcl;
use crate::declare::module::RootModule;
use crate::disk;
use crate::root::{Keeper, Place, failure};
use crate::target::site::Site;
use crate::tool::json::{Redact, events_in};

impl Site<'_> {
    /// Initialises the root where its settings, its lock file or the program is another than the last time.
    ///
    /// What else calls for it, the tool says by itself when it plans: a module or a provider that is not there yet.
    pub async fn init(&self, cx: &Cx, root: &RootModule, place: &Place, redact: &Redact) -> Result<()> {
        let now = self.init_key(root).await?;
        match disk::read(&self.init_note(place), 1024)?.as_deref() == Some(now.as_bytes().as_slice()) {
            true => Ok(()),
            false => self.init_anew(cx, root, place, redact).await,
        }
    }

    /// Initialises the root, whatever was done before.
    ///
    /// The lock file of providers is never changed, and a state is never moved from one backend to another.
    pub async fn init_anew(&self, cx: &Cx, root: &RootModule, place: &Place, redact: &Redact) -> Result<()> {
        let (now, note) = (self.init_key(root).await?, self.init_note(place));
        disk::remove(&note)?;
        let _turn = self.turn_at_the_cache(cx).await?;
        let call = self.call(cx, place)?;
        let call = call.args(["init", "-input=false", "-no-color", "-json", "-lockfile=readonly"]);
        // Our own door is another one for each run, and other programs write its settings down otherwise.
        let call = call.args((place.keeper == Keeper::Server).then_some("-reconfigure"));
        let ended = call.run(cx).await.map_err(Error::outcome_known)?;
        if !ended.status.success() {
            let events = events_in(&place.folder, &ended.stdout, redact);
            return Err(failure::of_run("init", &ended, &events, &redact.text(&ended.stderr)));
        }
        disk::place(&note, now.as_bytes(), false)
    }

    fn init_note(&self, place: &Place) -> PathBuf {
        place.data(&self.folder).join("gitops-init")
    }

    async fn init_key(&self, root: &RootModule) -> Result<Digest> {
        let mut hasher = Hasher::new("gitops terraform init 2");
        hasher.field(self.workshop().tool.digest().await?.as_bytes()).field(&root.folder);
        for (path, content) in &root.files {
            if path.ends_with(".terraform.lock.hcl") {
                hasher.field(path).field(content.digest().as_bytes());
            }
            let read = hcl::read(path, content.as_text().unwrap_or_default());
            for settings in read.and_then(Result::ok).unwrap_or_default().settings {
                hasher.field(path).field(settings);
            }
        }
        Ok(hasher.finish())
    }

    /// The shared cache of providers bears one writer at a time.
    async fn turn_at_the_cache(&self, cx: &Cx) -> Result<Option<File>> {
        match &self.workshop().plugin_cache {
            Some(cache) => crate::root::lock(&cache.join(".gitops-lock"), cx).await.map(Some),
            None => Ok(None),
        }
    }
}
