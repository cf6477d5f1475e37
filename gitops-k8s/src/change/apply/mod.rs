//! One change of one object, made under its precondition.

mod body;
mod create;
pub(crate) mod delete;
pub(crate) mod replace;
mod update;

use gitops_core::{Applied, Change, Cx, Error, ErrorKind, Expect, Key, Object, OwnerLabel, Result, Value};

use serde_json::Value as Json;

use crate::change::document::{Document, Pin};
use crate::change::effect::Sent;
use crate::change::{preview, stored};
use crate::client::cluster::{Call, Failure};
use crate::client::kinds::Place;
use crate::live::application::{Conflicts, Inner};
use crate::live::list::escape;
use crate::live::object::Seen;
use crate::live::told::State;

/// Whether a call is only asked what it would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dry {
    Run,
    No,
}

pub(crate) async fn apply(inner: &Inner, cx: &Cx, change: &Change) -> Result<Applied> {
    preview::check(inner, change)?;
    let _flight = inner.book.begin(change.key());
    match change {
        Change::Create { object, owner_label, .. } => create::create(inner, cx, object, owner_label).await,
        Change::Update { object, expect, owner_label, preview } => {
            let decided = preview.as_ref().map(|shown| inner.book.decided(&object.key, shown));
            Box::pin(update::update(inner, cx, object, expect, owner_label, decided)).await
        }
        Change::Replace { object, expect, owner_label, .. } => {
            Box::pin(replace::replace(inner, cx, object, expect, owner_label)).await
        }
        Change::Delete { key, expect, owner_label, .. } => {
            delete::delete(inner, cx, key, expect, owner_label).await
        }
    }
}

impl Inner {
    /// A server-side apply. Without force first: the answer says whose fields it would take.
    pub async fn submit(
        &self,
        cx: &Cx,
        document: &Document,
        uri: &str,
        pin: Pin<'_>,
        dry: Dry,
    ) -> Result<Json, Failure> {
        let body = self.body(cx, document, pin).await?;
        let call =
            |force| self.call(document, uri, body.clone(), (force, dry)).with_secret(document.has_secret);
        match self.send(cx, document, call(self.conflicts == Conflicts::Take)).await {
            Err(failure) if self.conflicts == Conflicts::Restore && failure.is_of_edits() => {
                self.send(cx, document, call(true)).await
            }
            answer => answer,
        }
    }

    /// The answer to a document; what the server warns of beside it is told, unless it could quote a secret.
    async fn send(&self, cx: &Cx, document: &Document, call: Call) -> Result<Json, Failure> {
        let (json, said) = self.wire().json_and_warnings(cx, call).await?;
        if !document.has_secret {
            self.warnings.tell(&document.key, &document.declared_at, said);
        }
        Ok(json)
    }

    /// A dry run over an object, that takes fields of others or does not.
    pub async fn ask(&self, cx: &Cx, document: &Document, uri: &str, force: bool) -> Result<Json, Failure> {
        self.write(cx, document, uri, Pin::Free, (force, Dry::Run)).await
    }

    /// One server-side apply, that takes fields of others or does not.
    pub async fn write(
        &self,
        cx: &Cx,
        document: &Document,
        uri: &str,
        pin: Pin<'_>,
        (force, dry): (bool, Dry),
    ) -> Result<Json, Failure> {
        let (force, body) = (force || self.conflicts == Conflicts::Take, self.body(cx, document, pin).await?);
        let call = self.call(document, uri, body, (force, dry)).with_secret(document.has_secret);
        self.send(cx, document, call).await
    }

    /// Fields that the kind does not have are refused whatever is asked for. To ask for more than `Ignore` only has the
    /// server read the body a second time, for names that are there twice; a body of ours has none.
    ///
    /// What was applied under a former name is asked about under that name: it is handed over before it is written.
    fn call(&self, document: &Document, uri: &str, body: Vec<u8>, (force, dry): (bool, Dry)) -> Call {
        let former = document.former_manager.as_ref().filter(|_| dry == Dry::Run);
        let manager = escape(former.unwrap_or(&self.eye.manager));
        let uri = format!("{uri}?fieldManager={manager}&force={force}&fieldValidation=Ignore");
        match dry {
            Dry::Run => Call::apply(format!("{uri}&dryRun=All"), body).without_effect(),
            Dry::No => Call::apply(uri, body),
        }
    }

    /// What the engine is told of a write's answer.
    pub fn applied(&self, key: &Key, seen: &Seen) -> Applied {
        let version = seen.version(&self.eye);
        self.streams.want(key);
        self.book.told.tell(key, State::at(seen, &version));
        seen.applied(version)
    }

    /// The answer of a change that was made before, and whose answer was lost.
    ///
    /// Nobody may take what others did since for its effect: a dry run of the same apply says whether it would
    /// change anything.
    pub async fn answer_again(
        &self,
        cx: &Cx,
        Sent { object, document, decision, uri }: Sent<'_>,
        seen: &Seen,
    ) -> Result<Applied> {
        let key = &object.key;
        let edited = || Error::conflict(key).outcome_unknown();
        match self.submit(cx, document, uri, Pin::Free, Dry::Run).await {
            Ok(json) => {
                let again = Seen::new(json);
                let is_as_left =
                    again.uid() == seen.uid() && again.version(&self.eye) == seen.version(&self.eye);
                match (is_as_left, self.applied(key, seen)) {
                    (true, Applied::Present { uid, version }) => {
                        let fields = stored::otherwise(&self.eye, object, seen, decision)?;
                        let fields: Vec<String> = fields.into_iter().map(|field| field.path).collect();
                        Ok(match fields.is_empty() {
                            true => Applied::Present { uid, version },
                            false => Applied::Differs { uid, version, fields },
                        })
                    }
                    (true, applied) => Ok(applied),
                    (false, _) => Err(edited()),
                }
            }
            Err(failure) if failure.kind() == ErrorKind::Conflict => Err(edited()),
            Err(failure) => Err(Error::from(failure).outcome_unknown()),
        }
    }

    /// Whether an object is what this operation left: then the change was made, and its answer was lost.
    pub fn is_done(seen: &Seen, owner_label: &OwnerLabel) -> bool {
        seen.owner_label.as_ref() == Some(owner_label) && !seen.is_deleting()
    }

    /// The object in the version that is declared; where that is not served, in the one that our fields are recorded in.
    pub async fn read_as_declared(
        &self,
        cx: &Cx,
        place: &Place,
        object: &Object,
    ) -> Result<Option<Seen>, Failure> {
        let declared = object.body.get("apiVersion").and_then(Value::as_text).unwrap_or_default();
        match place.object_as(declared) {
            Ok(uri) => self.read(cx, uri).await,
            Err(_) => self.read_as_applied(cx, place).await,
        }
    }

    /// The object in the version that our fields are recorded in.
    pub async fn read_as_applied(&self, cx: &Cx, place: &Place) -> Result<Option<Seen>, Failure> {
        let version = &place.served.versions[0];
        let Some(seen) = self.read(cx, place.object(version)).await? else { return Ok(None) };
        let ours = seen.ours(&self.eye).map(|ours| ours.api_version.clone());
        match ours.filter(|ours| *ours != place.served.api_version(version)) {
            Some(other) if place.object_as(&other).is_ok() => self.read(cx, place.object_as(&other)?).await,
            _ => Ok(Some(seen)),
        }
    }

    /// Whether the object is the one that a change was planned for, in the state that it was planned for.
    pub fn check(&self, key: &Key, seen: &Seen, expect: &Expect, owner_label: &OwnerLabel) -> Result<()> {
        let is_ours = seen.owner_label.as_ref().is_some_and(|found| owner_label.is_of(&found.owner));
        let is_as_planned = seen.uid() == expect.uid && seen.version(&self.eye) == expect.version;
        match is_ours && is_as_planned && !seen.is_deleting() {
            true => Ok(()),
            false => Err(Error::conflict(key)),
        }
    }
}
