//! The optional powers of the model.

use gitops_core::capability::{
    Batch, DryRun, Health, Identity, Import, MovedObjects, Preview, Readiness, Watch,
};
use gitops_core::*;

use super::Model;
use super::server::present;

impl Model {
    fn masked(&self, body: &Value) -> Value {
        match (self.is("C59"), body) {
            (true, Value::Map(fields)) => Value::map(fields.iter().map(|(name, value)| match value {
                Value::Secret(_) => (name.to_owned(), Value::from("***")),
                value => (name.to_owned(), value.clone()),
            })),
            _ => body.clone(),
        }
    }
}

/// What stands for all that a change would do.
pub fn digest(body: Option<&Value>) -> Digest {
    body.map_or(Digest::of(b"nothing"), Value::digest)
}

#[async_trait]
impl DryRun for Model {
    async fn preview(
        &self,
        _: &Cx,
        key: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        let body = object.map(|object| &object.body);
        let mut diff = match (body, live) {
            (Some(body), Some(live)) => {
                Structural::default().diff(&self.masked(body), &self.masked(&live.body))
            }
            _ => Diff::default(),
        };
        let is_foretold_only = body.and_then(|body| body.get("size")) == Some(&Value::from(77));
        if self.is("C73") && is_foretold_only && live.is_some() {
            let version = self.server().next_version();
            self.server().items.get_mut(key).into_iter().for_each(|item| item.version = version.clone());
        }
        let digest = digest(body);
        let is_new = || self.server().previewed.insert(format!("{key} {digest}"));
        if self.is("C33") && !diff.is_empty() && !is_new() {
            let change = FieldChange::new("/again", None, Some("more".into()));
            diff = diff.fields().iter().cloned().chain([change]).collect();
        }
        let takes = match (object, live) {
            (None, Some(live)) if !self.is("C80") => self.takes(live.key.name()),
            _ => Vec::new(),
        };
        Ok(Preview::new(diff, digest).taking(takes))
    }
}

impl Model {
    /// What is in an object: what is in the namespace of its name.
    fn takes(&self, name: &str) -> Vec<Taken> {
        let server = self.server();
        let inner = server.items.keys().filter(|key| key.namespace() == name);
        let names: Vec<String> = inner.map(|key| key.name().to_owned()).collect();
        if names.is_empty() { Vec::new() } else { vec![Taken::new("Item", Whose::Others, names)] }
    }
}

#[async_trait]
impl Identity for Model {
    async fn place(&self, _: &Cx) -> Result<Option<String>> {
        let writes = self.server().next_version();
        Ok(Some(if self.is("C81") { format!("server at {writes}") } else { "server".to_owned() }))
    }
}

#[async_trait]
impl Watch for Model {
    async fn moved(&self, _: &Cx) -> Result<MovedObjects> {
        loop {
            if self.is("C66") {
                let moved = std::mem::take(&mut self.server().moved);
                tokio::task::yield_now().await;
                self.server().moved.extend(moved.clone());
                if moved.is_empty() {
                    self.moved.notified().await;
                }
            }
            let moved = std::mem::take(&mut self.server().moved);
            if !moved.is_empty() {
                return Ok(MovedObjects::Keys(moved.into_iter().collect()));
            }
            self.moved.notified().await;
        }
    }
}

#[async_trait]
impl Health for Model {
    async fn ready(&self, _: &Cx, _: &Key, _: &Applied) -> Result<Readiness> {
        match self.is("C67") {
            true => Ok(Readiness::Progressing("for ever".into())),
            false => Ok(Readiness::Ready),
        }
    }
}

#[async_trait]
impl Import for Model {
    async fn adopt(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let mut server = self.server();
        let version = server.next_version();
        let item =
            server.items.get_mut(&self.slot(change.key())).ok_or_else(|| Error::conflict(change.key()))?;
        let is_expected = match change.expects() {
            Precondition::Exactly(expect) => expect.version == item.version || self.is("C69"),
            Precondition::Absent => false,
        };
        if !is_expected || item.owner.as_ref().is_some_and(|owner| *owner != change.owner_label().owner) {
            return Err(Error::conflict(change.key()));
        }
        item.owner = Some(change.owner_label().owner.to_string());
        item.version = version;
        if let (true, Some(body)) = (self.is("C68"), change.body()) {
            item.body = body.clone();
        }
        Ok(present(item))
    }
}

#[async_trait]
impl Batch for Model {
    fn limit(&self) -> usize {
        5
    }

    async fn apply_all(&self, cx: &Cx, changes: &[Change]) -> Vec<Result<Applied>> {
        let mut answers = Vec::new();
        for change in changes {
            let stopped = self.is("C71") && answers.iter().any(Result::is_err);
            answers.push(match stopped {
                true => Err(Error::new(ErrorKind::Unavailable, "an earlier change failed")),
                false => self.apply(cx, change).await,
            });
        }
        if self.is("C70") {
            answers.reverse();
        }
        answers
    }
}
