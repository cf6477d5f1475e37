//! Whether the server would take a new object, before anything is made, and let one go, before anything is deleted.

use std::collections::BTreeMap;

use async_trait::async_trait;
use gitops_core::capability::{Admission, Beside};
use gitops_core::{Cx, Desired, Error, ErrorKind, GroupKind, Key, Live, Object, Refusal, Result};
use serde_json::Value as Json;

use crate::change::apply::Dry;
use crate::change::document::{Document, Pin};
use crate::change::{going, removal, stored};
use crate::client::cluster::Failure;
use crate::client::kinds::{Known, Place, versions_served};
use crate::client::schema::{self, Misfit, Schema};
use crate::live::application::{Inner, Kubernetes};
use crate::live::clients::Decision;
use crate::live::object::Seen;

#[async_trait]
impl Admission for Kubernetes {
    async fn admits(&self, cx: &Cx, object: &Object, beside: &Beside) -> Result<()> {
        let answer = admits(self.inner(), cx, object, beside).await;
        answer.map_err(|error| match is_of_the_object(error.kind()) {
            true => placed(object, beside, error).at(&object.key),
            false => error.at(&object.key),
        })
    }

    async fn refuses_deletion(&self, cx: &Cx, live: &Live) -> Result<Option<Refusal>> {
        removal::refusal(self.inner(), cx, live).await.map_err(|error| error.at(&live.key))
    }

    async fn going(&self, cx: &Cx, keys: &[Key], live: &BTreeMap<Key, Live>) -> Result<BTreeMap<Key, Key>> {
        Ok(going::with_namespaces(self.inner(), cx, keys, live).await)
    }
}

/// Whether an error says something of what is declared, and not of the way to the server.
fn is_of_the_object(kind: ErrorKind) -> bool {
    use ErrorKind::{Denied, Forbidden, Invalid, Limit, NotFound, Unsupported};
    matches!(kind, Denied | Forbidden | Invalid | Limit | NotFound | Unsupported)
}

/// The error with the object's place, unless it has a nearer one.
fn placed(object: &Object, beside: &Beside, error: Error) -> Error {
    if !error.diagnostics().is_empty() {
        return error;
    }
    let help = error.help_text().map(str::to_owned);
    let misfit = Misfit { path: Vec::new(), message: error.to_string(), help };
    let place = schema::diagnostic(object, beside, &misfit);
    error.placed(vec![place])
}

async fn admits(inner: &Inner, cx: &Cx, object: &Object, beside: &Beside) -> Result<()> {
    inner.tenancy.check(&object.key)?;
    let document = Document::new(object, None)?;
    if let Some(definition) = pending_definition(object, beside) {
        // What the server serves by now may be another definition, or none.
        let served = versions_served(&definition);
        if !served.contains(&version(document.api_version())) {
            return Err(unserved(object, beside, document.api_version(), &served));
        }
        let schema = Schema::of_definition(&definition, version(document.api_version()));
        let found = schema.map(|schema| schema::check(schema, &document.json)).unwrap_or_default();
        return refuse(object, beside, &found);
    }
    let served = match inner.cluster.kinds().known_for(cx, inner.wire(), &object.key).await? {
        Known::Served(served) => served,
        // It is defined, and not served yet.
        Known::Unsure(_) => return Ok(()),
        Known::Nowhere => return Err(unknown(inner, object, beside)),
    };
    let place = Place::of(served, &object.key, &inner.tenancy)?;
    let uri = place.object_as(document.api_version())?;
    if beside.is_made(&namespace_of(&object.key)) {
        // The server refuses whatever is in a namespace that is not there.
        let found = misfits(inner, cx, object, &document).await?;
        return refuse(object, beside, &found);
    }
    match inner.submit(cx, &document, &uri, Pin::Absent, Dry::Run).await {
        Ok(json) => {
            let answer = Seen::new(json);
            let fields = stored::otherwise(&inner.eye, object, &answer, &Decision::default())?;
            if let Some(warning) = stored::warning(object, &fields) {
                inner.warnings.say(&object.key, warning);
            }
            Ok(())
        }
        Err(failure) => judge(inner, cx, object, &document, beside, failure).await,
    }
}

pub(super) fn namespace_of(key: &Key) -> Key {
    Key::new(key.target(), GroupKind::new("", "Namespace"), "", key.namespace())
}

fn version(api_version: &str) -> &str {
    api_version.rsplit('/').next().unwrap_or_default()
}

/// The definition of the object's kind, if the same plan makes or changes it.
fn pending_definition(object: &Object, beside: &Beside) -> Option<Json> {
    let definitions = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    let needs = beside.desired().needs(object).unwrap_or_default();
    let defines = |key: &Key| {
        let definition: Json = beside.desired().objects().get(key)?.body.decode().ok()?;
        let kind = (&definition["spec"]["group"], &definition["spec"]["names"]["kind"]);
        (kind == (&Json::from(object.key.kind().group()), &Json::from(object.key.kind().kind())))
            .then_some(definition)
    };
    let mut pending = needs.iter().filter(|key| *key.kind() == definitions && beside.is_pending(key));
    pending.find_map(defines)
}

/// What of an object does not fit the server's schema; nothing if the server has none.
async fn misfits(inner: &Inner, cx: &Cx, object: &Object, document: &Document) -> Result<Vec<Misfit>> {
    let (wire, api_version) = (inner.wire(), document.api_version());
    let Some(schemas) = inner.cluster.schemas().of(cx, wire, api_version).await? else {
        return Ok(Vec::new());
    };
    let kind = object.key.kind();
    let schema = Schema::of_kind(&schemas, kind.group(), version(api_version), kind.kind());
    Ok(schema.map(|schema| schema::check(schema, &document.json)).unwrap_or_default())
}

/// The first field of an object that is there which does not fit the server's schema: the server says it in words of its own.
pub(crate) async fn misfit(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    document: &Document,
) -> Result<Option<Error>> {
    let found = misfits(inner, cx, object, document).await?;
    let refused = refuse(object, &Beside::new(Desired::default(), None), &found[..found.len().min(1)]);
    Ok(refused.err())
}

/// What a refusal of a dry run means: some say nothing about the object.
async fn judge(
    inner: &Inner,
    cx: &Cx,
    object: &Object,
    document: &Document,
    beside: &Beside,
    failure: Failure,
) -> Result<()> {
    let needs = beside.desired().needs(object).unwrap_or_default();
    let may_be_lifted = needs.iter().any(|need| beside.is_pending(need) || is_stage_pending(beside, need));
    match failure.kind() {
        // Somebody made it meanwhile, or a webhook can't be asked without an effect.
        ErrorKind::Conflict => Ok(()),
        _ if failure.error.message().contains("does not support dry run") => Ok(()),
        ErrorKind::Invalid => {
            let mut found = misfits(inner, cx, object, document).await?;
            if found.is_empty() {
                found = told(&failure, document.has_secret);
            }
            refuse(object, beside, &found)
        }
        ErrorKind::Forbidden | ErrorKind::NotFound if may_be_lifted => Ok(()),
        // A policy, a quota or a namespace on its way out: no right is missing.
        ErrorKind::Forbidden if !is_about_rights(&failure) => refuse(object, beside, &[whole(&failure)]),
        _ if failure.answered => Err(placed(object, beside, failure.into())),
        _ => Err(failure.into()),
    }
}

/// Whether somebody may not do it, whatever is declared.
fn is_about_rights(failure: &Failure) -> bool {
    let message = failure.error.message();
    message.contains("User \"") && message.contains(" cannot ")
}

/// Whether anything in a stage that an object waits for is made or changed.
fn is_stage_pending(beside: &Beside, need: &Key) -> bool {
    beside.desired().members(need).iter().any(|member| beside.is_pending(member))
}

/// What the server says of single fields, or of the whole.
fn told(failure: &Failure, is_secret: bool) -> Vec<Misfit> {
    let of_fields = failure.causes.iter().filter(|cause| !cause.field.is_empty()).map(|cause| Misfit {
        path: schema::steps(&cause.field),
        message: if is_secret { "the API server refuses it".to_owned() } else { cause.message.clone() },
        help: None,
    });
    let found: Vec<Misfit> = of_fields.collect();
    if found.is_empty() { vec![whole(failure)] } else { found }
}

/// What the server says of the object as a whole.
fn whole(failure: &Failure) -> Misfit {
    let help = failure.error.help_text().map(str::to_owned);
    Misfit { path: Vec::new(), message: failure.error.message().to_owned(), help }
}

fn refuse(object: &Object, beside: &Beside, found: &[Misfit]) -> Result<()> {
    let Some(first) = found.first() else { return Ok(()) };
    let faults: Vec<_> = found.iter().map(|misfit| schema::diagnostic(object, beside, misfit)).collect();
    let help =
        first.help.clone().unwrap_or_else(|| "correct the declaration; nothing was applied".to_owned());
    Err(Error::invalid(faults[0].message.clone(), faults).help(help))
}

/// The definition that is declared beside the object does not have its version served.
fn unserved(object: &Object, beside: &Beside, api_version: &str, served: &[&str]) -> Error {
    let kind = object.key.kind();
    let message = format!("the definition of {kind} in the same revision does not have {api_version} served");
    let help = format!("it has served: {}", served.join(", "));
    let path = vec![schema::Step::Name("apiVersion".to_owned())];
    let misfit = Misfit { path, message: message.clone(), help: Some(help.clone()) };
    Error::invalid(message, vec![schema::diagnostic(object, beside, &misfit)]).help(help)
}

fn unknown(inner: &Inner, object: &Object, beside: &Beside) -> Error {
    let kind = object.key.kind();
    let help = match inner.cluster.kinds().nearest(kind) {
        Some(nearest) => format!("did you mean {nearest}? or declare its CustomResourceDefinition with it"),
        None => "declare its CustomResourceDefinition with it, or correct apiVersion and kind".to_owned(),
    };
    let message = format!("the server does not know the kind {kind}");
    let path = vec![schema::Step::Name("kind".to_owned())];
    let misfit = Misfit { path, message: message.clone(), help: Some(help.clone()) };
    Error::invalid(message, vec![schema::diagnostic(object, beside, &misfit)]).help(help)
}
