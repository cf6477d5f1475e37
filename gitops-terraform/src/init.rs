use std::fs::File;

use gitops_core::{Cx, Digest, Error, Hasher, Result};

use crate::disk;
use crate::failure;
use crate::json::{Redact, events};
use crate::module::RootModule;
use crate::root::Place;
use crate::site::Site;

impl Site<'_> {
    /// Initialises the root where its configuration, its lock file or the program is another than the last time.
    ///
    /// The lock file of providers is never changed, and a state is never moved from one backend to another.
    pub async fn init(&self, cx: &Cx, root: &RootModule, place: &Place, redact: &Redact) -> Result<()> {
        let (now, note) = (self.init_key(root, place).await?, self.folder.data().join("gitops-init"));
        if disk::read(&note, 1024)?.as_deref() == Some(now.as_bytes().as_slice()) {
            return Ok(());
        }
        disk::remove(&note)?;
        let _turn = self.turn_at_the_cache(cx).await?;
        let call = self.call(cx, place)?;
        let call = call.args(["init", "-input=false", "-no-color", "-json", "-lockfile=readonly"]);
        let ended = call.run(cx).await.map_err(Error::outcome_known)?;
        if !ended.status.success() {
            let events = events(&ended.stdout, redact);
            return Err(failure::of_run("init", &ended, &events, &redact.text(&ended.stderr)));
        }
        disk::replace(&note, now.as_bytes(), false)
    }

    async fn init_key(&self, root: &RootModule, place: &Place) -> Result<Digest> {
        let mut hasher = Hasher::new("gitops terraform init 1");
        hasher.field(self.workshop().tool.digest().await?.as_bytes()).field(&root.folder);
        hasher.field(self.workshop().backend.declaration(place)?.unwrap_or_default());
        for (path, content) in &root.files {
            if is_read_by_init(path) {
                hasher.field(path).field(content.digest().as_bytes());
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

fn is_read_by_init(path: &str) -> bool {
    [".tf", ".tf.json", ".tofu", ".tofu.json", ".terraform.lock.hcl"].iter().any(|end| path.ends_with(end))
}
