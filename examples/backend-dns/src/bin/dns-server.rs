//! A DNS service: `dns-server` prints the address that it listens on and serves until it is killed. Everything is in memory.
//!
//! It chooses the ids, takes records of one name twice, and answers lists by pages of 25. `PUT /zones/{zone}/{id}` damages a
//! record: it stands for a fault of the service's own storage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

const PAGE: usize = 25;
const LONGEST: usize = 16 << 10;

type Records = BTreeMap<u64, (String, Value)>;
type Refusal = (StatusCode, String);
type Answer = Result<Json<Value>, Refusal>;

#[derive(Clone, Default)]
struct Service {
    token: Arc<str>,
    records: Arc<Mutex<(u64, Records)>>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let token = std::env::var("DNS_TOKEN").unwrap_or_default();
    let service = Service { token: token.into(), ..Service::default() };
    let all = get(list).post(create);
    let one = get(read).patch(update).delete(remove).put(damage);
    let router =
        Router::new().route("/zones/{zone}", all).route("/zones/{zone}/{id}", one).with_state(service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await
}

impl Service {
    fn open(&self, headers: &HeaderMap) -> Result<MutexGuard<'_, (u64, Records)>, Refusal> {
        let token =
            headers.get("authorization").and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        match token == Some(&*self.token) {
            true => Ok(self.records.lock().expect("nobody panics with the records")),
            false => Err(refuse(StatusCode::UNAUTHORIZED, "who are you?")),
        }
    }
}

fn refuse(status: StatusCode, why: &str) -> Refusal {
    (status, why.to_owned())
}

/// A record as it is shown: the update key never is.
fn shown(id: u64, record: &Value) -> Value {
    let mut shown = record.clone();
    shown["id"] = id.to_string().into();
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("updateKey");
    }
    shown
}

/// Sets fields; null removes one. What is missing then has its default.
fn set(record: &mut Value, fields: Value) -> Result<(), Refusal> {
    let invalid = |why: &str| Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, why));
    let Value::Object(fields) = fields else { return invalid("a record is an object") };
    for (name, value) in fields {
        let is_known = ["name", "content", "ttl", "comment", "updateKey"].contains(&&*name);
        let fits = value.is_null() || value.is_number() == (name == "ttl") && !value.is_boolean();
        if !is_known || !fits {
            return invalid(&format!("{name}: {value} is not what a record has"));
        }
        match value {
            Value::Null => drop(record.as_object_mut().and_then(|record| record.remove(&name))),
            value => record[name] = value,
        }
    }
    if record.to_string().len() > LONGEST {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "a record has at most 16 KiB"));
    }
    if record["ttl"].is_null() {
        record["ttl"] = 3600.into();
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/*@".contains(&byte);
    match record["name"].as_str() {
        Some(name) if name.len() <= 253 && name.contains('/') && name.bytes().all(is_plain) => {}
        _ => return invalid("a record has a type and a name: A/www"),
    }
    if record["content"].is_string() { Ok(()) } else { invalid("a record has a content") }
}

async fn list(
    State(service): State<Service>,
    Path(zone): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let records = service.open(&headers)?;
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let of_zone: Vec<_> = records.1.iter().filter(|(_, (of, _))| *of == zone).collect();
    let from = (page - 1) * PAGE;
    let shown: Vec<_> =
        of_zone.iter().skip(from).take(PAGE).map(|(id, (_, record))| shown(**id, record)).collect();
    let next = (from + PAGE < of_zone.len()).then(|| (page + 1).to_string());
    Ok(Json(json!({ "records": shown, "next": next })))
}

async fn create(
    State(service): State<Service>,
    Path(zone): Path<String>,
    headers: HeaderMap,
    Json(fields): Json<Value>,
) -> Answer {
    let mut records = service.open(&headers)?;
    let mut record = json!({});
    set(&mut record, fields)?;
    records.0 += 1;
    let id = records.0;
    let answer = shown(id, &record);
    records.1.insert(id, (zone, record));
    Ok(Json(answer))
}

type Place = Path<(String, u64)>;

fn nothing() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "there is no such record")
}

async fn read(State(service): State<Service>, Path((zone, id)): Place, headers: HeaderMap) -> Answer {
    let records = service.open(&headers)?;
    let record = records.1.get(&id).filter(|(of, _)| *of == zone).ok_or_else(nothing)?;
    Ok(Json(shown(id, &record.1)))
}

async fn update(
    State(service): State<Service>,
    Path((zone, id)): Place,
    headers: HeaderMap,
    Json(fields): Json<Value>,
) -> Answer {
    let mut records = service.open(&headers)?;
    let (_, record) = records.1.get_mut(&id).filter(|(of, _)| *of == zone).ok_or_else(nothing)?;
    let mut changed = record.clone();
    set(&mut changed, fields)?;
    *record = changed;
    Ok(Json(shown(id, record)))
}

async fn remove(State(service): State<Service>, Path((zone, id)): Place, headers: HeaderMap) -> Answer {
    let mut records = service.open(&headers)?;
    records.1.get(&id).filter(|(of, _)| *of == zone).ok_or_else(nothing)?;
    records.1.remove(&id);
    Ok(Json(Value::Null))
}

async fn damage(State(service): State<Service>, Path((zone, id)): Place, headers: HeaderMap) -> Answer {
    let mut records = service.open(&headers)?;
    let (_, record) = records.1.get_mut(&id).filter(|(of, _)| *of == zone).ok_or_else(nothing)?;
    record["content"] = 0.into();
    Ok(Json(Value::Null))
}
