//! Mistakes of a service, under the adapter that looks before it writes: the kit names each all the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, ServiceTarget, Write};
use gitops_core::conformance::{self, Fault, Outside, Report, Samples, Subject};
use gitops_core::prelude::*;
use gitops_core::{GroupKind, MemoryStore, RecoveryClass, Retry};

/// Objects on one page of a list.
const PAGE: usize = 20;

/// How the service knows its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ids,
    IdsAndLedger,
    NamedAndConditional,
}

const MODES: [Mode; 3] = [Mode::Ids, Mode::IdsAndLedger, Mode::NamedAndConditional];

#[derive(Clone)]
struct Car {
    name: String,
    fields: Value,
    label: String,
    version: u64,
}

#[derive(Default)]
struct Lot {
    cars: BTreeMap<String, Car>,
    writes: u64,
    /// Pages of lists that were not the first.
    later_pages: usize,
    later_pages_fail: bool,
    /// How a request fails: after so many, and whether all later ones fail too.
    fails: Option<(usize, Fault, bool)>,
}

impl Lot {
    fn item(&self, id: &str) -> Option<Item> {
        let car = self.cars.get(id)?;
        Some(Item::new(id, &car.name, car.fields.clone()).label(&car.label).version(car.version))
    }

    fn put(&mut self, id: &str, name: &str, fields: Value, label: &str) {
        self.writes += 1;
        let car = Car { name: name.to_owned(), fields, label: label.to_owned(), version: self.writes };
        self.cars.insert(id.to_owned(), car);
    }

    fn next_fault(&mut self) -> Option<Fault> {
        match self.fails.take()? {
            (0, fault, true) => {
                self.fails = Some((0, fault, true));
                Some(fault)
            }
            (0, fault, false) => Some(fault),
            (left, fault, all) => {
                self.fails = Some((left - 1, fault, all));
                None
            }
        }
    }
}

/// Parked cars, with a mistake or without one.
struct Cars {
    lot: Mutex<Lot>,
    mode: Mode,
    mistake: &'static str,
}

struct Parked(Arc<Cars>);

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "no connection")
}

impl Cars {
    fn is_named(&self) -> bool {
        self.mode == Mode::NamedAndConditional
    }

    /// One request: it takes a while to come, is carried out, and its answer takes a while too.
    async fn request<T>(&self, make: impl FnOnce(&mut Lot, bool) -> Result<T> + Send) -> Result<T> {
        tokio::task::yield_now().await;
        let answer = {
            let mut lot = self.lot.lock().unwrap();
            match lot.next_fault() {
                None | Some(Fault::Quoted) => make(&mut lot, false),
                Some(Fault::LostAnswer) => match make(&mut lot, true) {
                    Ok(answer) if self.mistake == "a creation is sent twice" => Ok(answer),
                    _ => Err(unavailable().outcome_unknown()),
                },
                Some(Fault::Forbidden) => Err(Error::new(ErrorKind::Forbidden, "forbidden")),
                Some(Fault::Unauthenticated) => Err(Error::new(ErrorKind::Unauthenticated, "who is there?")),
                Some(Fault::Throttled(wait)) => Err(unavailable().retry_when(Retry::After(wait))),
                Some(_) => Err(unavailable()),
            }
        };
        tokio::task::yield_now().await;
        answer
    }

    fn is_moved(&self, lot: &Lot, id: &str, expect: Option<&Version>) -> bool {
        let now = lot.cars.get(id).map(|car| Version::new(car.version.to_string()));
        self.is_named() && now.as_ref() != expect
    }
}

/// How an error of the server quotes a secret.
fn spelled(secret: &str, mistake: &str) -> String {
    match mistake {
        "a secret in capitals" => secret.to_uppercase(),
        "a secret in hex" => secret.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat(),
        _ => "(sensitive)".to_owned(),
    }
}

/// How the service keeps a label.
fn kept(label: &str, mistake: &str) -> String {
    match mistake {
        "labels are cut" => label.chars().take(255).collect(),
        "labels in small letters" => label.to_lowercase(),
        _ => label.to_owned(),
    }
}

fn merged(under: &Value, over: &Value, keeps_null: bool) -> Value {
    let (Value::Map(below), Value::Map(above)) = (under, over) else { return over.clone() };
    let mut fields: BTreeMap<String, Value> =
        below.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    for (name, value) in above.iter() {
        match value {
            Value::Null if keeps_null => {}
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.to_string(), value.clone())),
        }
    }
    Value::map(fields)
}

#[async_trait]
impl Service for Parked {
    fn info(&self) -> ServiceInfo {
        let info = ServiceInfo::new("cars", "Car").secret("pin");
        if self.0.is_named() { info.named().conditional() } else { info }
    }

    async fn list(&self, _: &Cx, query: &Query) -> Result<Page> {
        let from: usize = query.page.as_deref().map_or(0, |page| page.parse().unwrap());
        let size = if self.0.mistake == "all on one page" { usize::MAX } else { PAGE };
        let page = self.0.request(|lot, _| {
            if from > 0 && lot.later_pages_fail {
                return Err(unavailable());
            }
            lot.later_pages += usize::from(from > 0);
            let items = lot.cars.keys().skip(from).take(size).filter_map(|id| lot.item(id));
            let next = (from.saturating_add(size) < lot.cars.len()).then(|| (from + size).to_string());
            Ok(Page::last(items).next(next))
        });
        match page.await {
            Err(_) if from > 0 && self.0.mistake == "a later page that fails is the end" => {
                Ok(Page::last([]))
            }
            page => page,
        }
    }

    async fn get(&self, _: &Cx, _: &Key, id: &str) -> Result<Option<Item>> {
        self.0.request(|lot, _| Ok(lot.item(id))).await
    }

    async fn create(&self, _: &Cx, key: &Key, write: &Write) -> Result<Item> {
        let (is_named, mistake) = (self.0.is_named(), self.0.mistake);
        if let (Some((0, Fault::Quoted, _)), Some(Value::Secret(pin))) =
            (self.0.lot.lock().unwrap().fails, write.fields.get("pin"))
        {
            return Err(Error::new(ErrorKind::Invalid, spelled(pin.expose(), mistake)));
        }
        self.0
            .request(|lot, is_lost| {
                let repeats = is_lost && !is_named && mistake == "a creation is sent twice";
                let mut made = None;
                for _ in 0..=usize::from(repeats) {
                    let id = if is_named { key.name().to_owned() } else { format!("t-{:05}", lot.writes) };
                    if lot.cars.contains_key(&id) && mistake != "a creation overwrites" {
                        return Err(Error::conflict(key));
                    }
                    lot.put(&id, key.name(), write.fields.clone(), &kept(&write.label, mistake));
                    made = lot.item(&id);
                }
                Ok(made.unwrap())
            })
            .await
    }

    async fn update(&self, _: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        let mistake = self.0.mistake;
        self.0
            .request(|lot, _| {
                let Some(car) = lot.cars.get(id).cloned() else {
                    if mistake == "an update makes an object" {
                        lot.put(id, key.name(), write.whole.clone(), &write.label);
                        return Ok(lot.item(id).unwrap());
                    }
                    return Err(Error::new(ErrorKind::NotFound, "no such car"));
                };
                if self.0.is_moved(lot, id, write.expect.as_ref()) {
                    return Err(Error::conflict(key));
                }
                let fields = merged(&car.fields, &write.fields, mistake == "null is ignored");
                lot.put(id, &car.name, fields, &kept(&write.label, mistake));
                Ok(lot.item(id).unwrap())
            })
            .await
    }

    async fn delete(&self, _: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()> {
        let mistake = self.0.mistake;
        self.0
            .request(|lot, _| {
                let is_there = lot.cars.contains_key(id);
                if is_there && mistake != "a deletion compares nothing" && self.0.is_moved(lot, id, expect) {
                    return Err(Error::conflict(key));
                }
                lot.cars.remove(id);
                Ok(())
            })
            .await
    }
}

#[async_trait]
impl Outside for Cars {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        if self.mistake == "the other client hangs" {
            return std::future::pending().await;
        }
        let mut lot = self.lot.lock().unwrap();
        let found = lot.cars.iter().find(|(_, car)| car.name == key.name());
        let found = found.map(|(id, car)| (id.clone(), car.label.clone()));
        let new = if self.is_named() { key.name().to_owned() } else { format!("t-{:05}", lot.writes) };
        match (body, found) {
            (Some(body), Some((id, label))) => lot.put(&id, key.name(), body.clone(), &label),
            (Some(body), None) => lot.put(&new, key.name(), body.clone(), ""),
            (None, Some((id, _))) => drop(lot.cars.remove(&id)),
            (None, None) => {}
        }
        Ok(())
    }

    async fn fault(&self, fault: Fault) -> Result<()> {
        self.lot.lock().unwrap().fails = Some((0, fault, true));
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        self.lot.lock().unwrap().fails = Some((passing, fault, false));
        Ok(())
    }

    async fn fault_later_pages(&self, _: Fault) -> Result<()> {
        self.lot.lock().unwrap().later_pages_fail = true;
        Ok(())
    }

    async fn later_pages(&self) -> Result<usize> {
        Ok(self.lot.lock().unwrap().later_pages)
    }

    async fn mend(&self) -> Result<()> {
        let mut lot = self.lot.lock().unwrap();
        (lot.fails, lot.later_pages_fail) = (None, false);
        Ok(())
    }
}

async fn report(mode: Mode, mistake: &'static str, only: Option<&'static [&'static str]>) -> Report {
    let kit = conformance::target(move || async move {
        let cars = Arc::new(Cars { lot: Mutex::default(), mode, mistake });
        let target: Arc<dyn Target> = match mode {
            Mode::IdsAndLedger => Arc::new(ServiceTarget::with_ledger(
                Parked(cars.clone()),
                Arc::new(MemoryStore::new()),
                "cars",
            )),
            _ => Arc::new(ServiceTarget::new(Parked(cars.clone()))),
        };
        let plate = |n: usize| Value::map([("plate", Value::from(format!("plate {n}").as_str()))]);
        let key = |n: usize| Key::new("cars", GroupKind::new("", "Car"), "", format!("car-{n:04}"));
        let wide = Value::map([("plate", Value::from("a")), ("owner", "b".into())]);
        let pin = |secret| Value::map([("plate", Value::from("a")), ("pin", Value::Secret(secret))]);
        let samples =
            Samples::new(key, plate).secret(pin).narrowing(wide, Value::map([("plate", Value::from("a"))]));
        Ok(Subject::new(target, samples).outside(cars).patience(Duration::from_millis(60)))
    });
    let kit = kit.seed(1);
    match only {
        Some(only) => kit.only(only).run().await,
        None => kit.run().await,
    }
}

#[tokio::test]
async fn a_sound_service_passes_and_earns_its_class() {
    for mode in MODES {
        let class = match mode {
            Mode::NamedAndConditional => RecoveryClass::Keyed,
            _ => RecoveryClass::Discoverable,
        };
        report(mode, "", None).await.assert_earned(class);
    }
}

/// In each of these modes, the check fails because of the mistake.
async fn is_named(mistake: &'static str, modes: &[Mode], number: &'static [&'static str]) {
    for mode in modes {
        let report = report(*mode, mistake, Some(number)).await;
        assert_eq!(report.failed(), number, "{mistake} in the mode {mode:?}: {report}");
    }
}

#[tokio::test]
async fn a_creation_that_overwrites_what_came_meanwhile_is_named() {
    is_named("a creation overwrites", &[Mode::NamedAndConditional], &["C27"]).await;
}

#[tokio::test]
async fn a_deletion_that_compares_nothing_is_named() {
    is_named("a deletion compares nothing", &[Mode::NamedAndConditional], &["C27"]).await;
}

#[tokio::test]
async fn a_field_that_left_and_stays_is_named() {
    is_named("null is ignored", &MODES, &["C32"]).await;
}

#[tokio::test]
async fn a_creation_that_the_client_sends_twice_is_named() {
    is_named("a creation is sent twice", &[Mode::Ids, Mode::IdsAndLedger], &["C18"]).await;
}

#[tokio::test]
async fn an_update_that_makes_an_object_is_named() {
    is_named("an update makes an object", &[Mode::Ids, Mode::IdsAndLedger], &["C23"]).await;
}

#[tokio::test]
async fn a_later_page_that_fails_and_is_taken_for_the_end_is_named() {
    // Behind a ledger, what is ours is asked for by its id.
    is_named("a later page that fails is the end", &[Mode::Ids, Mode::NamedAndConditional], &["C83"]).await;
}

#[tokio::test]
async fn a_list_without_a_second_page_proves_nothing_of_later_pages_and_the_report_says_so() {
    let long: &[&str] = &["C11", "C12", "C75"];
    let one = report(Mode::Ids, "all on one page", Some(long)).await;
    assert_eq!(one.skipped(), long, "{one}");
    assert!(one.to_string().contains("a list of 120 objects had no second page"), "{one}");
    let several = report(Mode::Ids, "", Some(long)).await;
    assert!(several.is_passed() && several.skipped().is_empty(), "{several}");
    // Ten names more than there are: the list is read twice.
    let said = "10 pages were read after the first one of a list of 120 objects";
    assert_eq!(several.checks[0].note.as_deref(), Some(said), "{several}");
}

#[tokio::test]
async fn a_label_that_is_cut_or_written_in_small_letters_is_named() {
    for mistake in ["labels are cut", "labels in small letters"] {
        is_named(mistake, &[Mode::Ids, Mode::NamedAndConditional], &["C52"]).await;
    }
}

#[tokio::test]
async fn a_secret_in_another_spelling_in_an_error_is_named() {
    for mistake in ["a secret in capitals", "a secret in hex"] {
        is_named(mistake, &MODES, &["C58"]).await;
    }
}

/// Met with a test whose other client tried one statement for ever: nothing said what hung.
#[tokio::test(start_paused = true)]
async fn what_hangs_behind_the_targets_back_is_named() {
    let mode = Mode::NamedAndConditional;
    let report = report(mode, "the other client hangs", Some(&["C27", "C53"])).await;
    assert_eq!(report.failed(), ["C27", "C53"], "{report}");
    assert_eq!(report.to_string().matches("`Outside::edit` did not end within 60 s").count(), 2, "{report}");
}
