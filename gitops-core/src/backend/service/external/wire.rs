//! The lines: what is asked, and what is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::backend::service::{Item, Page, ServiceInfo, Write};
use crate::value::{Error, ErrorKind, GroupKind, Key, Refusal, Result, Retry, Value, Version, redact};

/// The protocol that is spoken.
pub(super) const PROTOCOL: u64 = 1;

/// How much of a line is quoted.
const QUOTED: usize = 200;

/// What a program says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    protocol: u64,
    name: String,
    kinds: Vec<String>,
    #[serde(default)]
    named: bool,
    #[serde(default)]
    conditional: bool,
    #[serde(default)]
    defaults: BTreeMap<String, Json>,
    #[serde(default)]
    secrets: Vec<String>,
    max_bytes: Option<usize>,
    max_name: Option<usize>,
    lands_within_seconds: Option<u64>,
}

/// An object on a line.
#[derive(Deserialize)]
struct WireItem {
    id: String,
    name: String,
    #[serde(default)]
    fields: Json,
    unreadable: Option<String>,
    version: Option<String>,
    incarnation: Option<String>,
    label: Option<String>,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    outputs: BTreeMap<String, Json>,
}

/// What a program could not do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    kind: FailureKind,
    message: String,
    retry_after_seconds: Option<u64>,
    #[serde(default)]
    unknown: bool,
}

/// What a program may say of a call. The other kinds of errors are about what the engine alone knows: gates, plans and its state.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FailureKind {
    NotFound,
    Conflict,
    Unauthenticated,
    Forbidden,
    Invalid,
    Limit,
    Unavailable,
    Timeout,
    Unsupported,
    Internal,
}

impl From<FailureKind> for ErrorKind {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::NotFound => Self::NotFound,
            FailureKind::Conflict => Self::Conflict,
            FailureKind::Unauthenticated => Self::Unauthenticated,
            FailureKind::Forbidden => Self::Forbidden,
            FailureKind::Invalid => Self::Invalid,
            FailureKind::Limit => Self::Limit,
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::Timeout => Self::Timeout,
            FailureKind::Unsupported => Self::Unsupported,
            FailureKind::Internal => Self::Internal,
        }
    }
}

/// The answer on a line, if it is that of this request.
pub(super) fn of_request(line: &[u8], id: u64) -> Result<Json> {
    let quoted = || String::from_utf8_lossy(line).chars().take(QUOTED).collect::<String>();
    let corrupt = |message: &str| {
        Error::new(ErrorKind::Corrupt, message)
            .with("line", quoted())
            .help("write nothing but answers to the standard output; messages go to the standard error")
            .outcome_unknown()
    };
    let answer: Json = serde_json::from_slice(line)
        .map_err(|_| corrupt("the program wrote a line that is no JSON to its standard output"))?;
    match answer["id"] == id {
        true => Ok(answer),
        false => Err(corrupt("the program wrote a line that answers no request")),
    }
}

/// The answer itself, or the error that it is.
pub(super) fn answer(mut answer: Json) -> Result<Json> {
    if answer["error"].is_null() {
        return Ok(answer);
    }
    let failure: Failure = decode(answer["error"].take())?;
    let error = Error::new(failure.kind.into(), failure.message);
    let error = match failure.retry_after_seconds {
        Some(seconds) => error.retry_when(Retry::After(Duration::from_secs(seconds))),
        None => error,
    };
    Err(if failure.unknown { error.outcome_unknown() } else { error.outcome_known() })
}

pub(super) fn info(answer: Json) -> Result<ServiceInfo> {
    let hello: Hello = decode(answer)?;
    if hello.protocol != PROTOCOL {
        let message = format!("the program speaks protocol {}, and this version {PROTOCOL}", hello.protocol);
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let Some((first, others)) = hello.kinds.split_first() else {
        return Err(Error::new(ErrorKind::Invalid, "the program names no kind of objects"));
    };
    let mut info = ServiceInfo::new(hello.name, first).limits(|info| info.concurrency(1));
    info = others.iter().fold(info, |info, kind| info.kind(GroupKind::new("", kind.as_str())));
    info = hello.secrets.iter().fold(info, |info, field| info.secret(field));
    if hello.named {
        info = info.named();
    }
    if hello.conditional {
        info = info.conditional();
    }
    if let Some(bytes) = hello.max_bytes {
        info = info.max_bytes(bytes);
    }
    if let Some(bytes) = hello.max_name {
        info = info.max_name(bytes);
    }
    if let Some(seconds) = hello.lands_within_seconds {
        info = info.limits(|info| info.lands_within(Duration::from_secs(seconds)));
    }
    let defaults =
        hello.defaults.iter().map(|(field, value)| (field.as_str(), Value::from_json(value.clone())));
    Ok(info.defaults(defaults))
}

pub(super) fn of_key(key: &Key, id: Option<&str>) -> Json {
    let (group, kind) = (key.kind().group(), key.kind().kind());
    json!({ "group": group, "kind": kind, "namespace": key.namespace(), "name": key.name(), "item": id })
}

pub(super) fn of_write(key: &Key, id: Option<&str>, write: &Write) -> Result<Json> {
    let reveal = |value: &Value| {
        value.decode::<Json>().map_err(|reason| Error::new(ErrorKind::Invalid, reason).outcome_known())
    };
    let mut request = of_key(key, id);
    request["fields"] = reveal(&write.fields)?;
    request["whole"] = reveal(&write.whole)?;
    request["label"] = write.label.as_str().into();
    request["expect"] = write.expect.as_ref().map(Version::as_str).into();
    Ok(request)
}

pub(super) fn page(mut answer: Json) -> Result<Page> {
    let items: Vec<WireItem> = decode(answer["items"].take())?;
    let next: Option<String> = decode(answer["next"].take())?;
    let items: Vec<Item> = items.into_iter().map(item).collect::<Result<_>>()?;
    Ok(Page::last(items).next(next))
}

/// What was asked for by its id. Only a null that is written says that nothing is there.
pub(super) fn found(mut answer: Json, id: &str) -> Result<Option<Item>> {
    match answer.get_mut("object").map(Json::take) {
        None => Err(other_shape("missing field `object`, which is null if nothing is there")),
        Some(Json::Null) => Ok(None),
        Some(object) => decode(object).and_then(item).and_then(|item| of_this_id(item, id)).map(Some),
    }
}

pub(super) fn created(mut answer: Json) -> Result<Item> {
    decode(answer["object"].take()).and_then(item)
}

pub(super) fn updated(answer: Json, id: &str) -> Result<Item> {
    created(answer).and_then(|item| of_this_id(item, id))
}

/// Hides the forms of secrets in the reasons that a program gives for what it can't read.
pub(super) fn hide_in_reasons(answer: &mut Json, forms: &[Zeroizing<String>]) {
    let hide = |object: &mut Json| {
        if let Some(Json::String(reason)) = object.get_mut("unreadable") {
            *reason = redact::hide(reason, forms);
        }
    };
    answer.get_mut("object").into_iter().for_each(hide);
    answer.get_mut("items").and_then(Json::as_array_mut).into_iter().flatten().for_each(hide);
}

fn of_this_id(item: Item, id: &str) -> Result<Item> {
    match item.id == id {
        true => Ok(item),
        false => {
            Err(other_shape(format!("the object `{}` was asked for, and `{}` is answered", id, item.id)))
        }
    }
}

fn item(wire: WireItem) -> Result<Item> {
    let mut item = match (wire.unreadable, wire.fields) {
        (Some(reason), _) => Item::unreadable(wire.id, wire.name, Refusal::from(reason)),
        (None, fields @ Json::Object(_)) => Item::new(wire.id, wire.name, Value::from_json(fields)),
        (None, _) => return Err(other_shape(format!("`fields` of the object `{}` is no mapping", wire.id))),
    };
    item.version = wire.version.map(Version::new);
    item.incarnation = wire.incarnation;
    item.outputs = wire.outputs.into_iter().map(|(name, value)| (name, Value::from_json(value))).collect();
    Ok(item.label(wire.label.unwrap_or_default()).deleting(wire.deleting))
}

/// What an answer should be. Whether the request was carried out, nobody knows.
fn decode<T: DeserializeOwned>(json: Json) -> Result<T> {
    serde_json::from_value(json).map_err(other_shape)
}

fn other_shape(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the program's answer is not as the protocol has it: {why}"))
        .outcome_unknown()
}
