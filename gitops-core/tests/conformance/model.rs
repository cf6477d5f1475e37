//! A target with every power, and one fault: it breaks the check of that number.

mod outside;
mod powers;
mod reads;
mod server;
mod writes;

use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitops_core::capability::{Batch, DryRun, Health, Identity, Import, Watch};
use gitops_core::conformance::{Fault, Samples, Subject};
use gitops_core::*;
use tokio::sync::Notify;

use self::server::Server;

/// A model of a server, and its client.
pub struct Model {
    fault: &'static str,
    recovery_class: RecoveryClass,
    server: Mutex<Server>,
    moved: Notify,
}

impl Model {
    /// Sound except for one check; with `""`, sound.
    pub fn broken(fault: &'static str, recovery_class: RecoveryClass) -> Arc<Self> {
        Arc::new(Self { fault, recovery_class, server: Mutex::default(), moved: Notify::new() })
    }

    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    fn tell(&self, key: &Key) {
        self.server().moved.insert(key.clone());
        self.moved.notify_one();
    }

    /// How this request fails, if it does.
    fn fault_of_request(&self) -> Option<Fault> {
        let mut server = self.server();
        match server.one_request.take() {
            Some((0, fault)) => Some(fault),
            Some((passing, fault)) => {
                server.one_request = Some((passing - 1, fault));
                server.requests
            }
            None => server.requests,
        }
    }

    /// What stands in the way of a request, before it has an effect.
    fn request(&self, fault: Option<Fault>) -> Result<()> {
        let unavailable = |text: &str| Error::new(ErrorKind::Unavailable, text);
        match fault {
            None | Some(Fault::LostAnswer | Fault::CutAnswer | Fault::Quoted) => Ok(()),
            Some(Fault::Throttled(_)) if self.is("C40") => Err(unavailable("too many requests")),
            Some(Fault::Throttled(wait)) => {
                Err(unavailable("too many requests").retry_when(Retry::After(wait)))
            }
            Some(Fault::Overloaded) if self.is("C45") => {
                Err(unavailable("overloaded").retry_when(Retry::Never))
            }
            Some(Fault::Overloaded) => Err(unavailable("overloaded")),
            Some(Fault::Unreachable) if self.is("C42") => Err(unavailable("no connection").outcome_unknown()),
            Some(Fault::Unreachable) => Err(unavailable("no connection")),
            Some(Fault::Unauthenticated) if !self.is("C46") => {
                Err(Error::new(ErrorKind::Unauthenticated, "who are you?"))
            }
            Some(_) => Err(Error::new(ErrorKind::Forbidden, "not for you")),
        }
    }

    /// The answer to a change, unless it is lost on the way.
    fn answer(&self, fault: Option<Fault>, answer: Result<Applied>) -> Result<Applied> {
        match fault {
            Some(Fault::LostAnswer) if self.is("C41") => Err(Error::new(ErrorKind::Unavailable, "no answer")),
            Some(Fault::LostAnswer) => Err(Error::new(ErrorKind::Unavailable, "no answer").outcome_unknown()),
            _ => answer,
        }
    }

    /// What a server says that quotes the request.
    fn quoted(&self, change: &Change) -> Error {
        let error = Error::new(ErrorKind::Invalid, "the request is wrong");
        let body = change.body().map(ToString::to_string).unwrap_or_default();
        match (self.is("C58"), change.body().and_then(|body| body.get("secret"))) {
            (true, Some(Value::Secret(secret))) => error.with("request", secret.expose()),
            (_, Some(Value::Secret(secret))) if self.is(ENCODED) => {
                error.with("authorization", STANDARD.encode(format!("{}, and more", secret.expose())))
            }
            _ => error.with("request", body),
        }
    }

    /// A client that sends again what got no answer, as something new: what it did itself is then in its way.
    async fn again(&self, change: &Change) -> Result<Applied> {
        self.server().answers.remove(change.owner_label().op.as_str());
        match change {
            Change::Create { .. } | Change::Update { .. } => Err(self.refused(change)),
            _ => self.change(change).await,
        }
    }

    /// A creation is under way. It goes on where its caller is gone before it arrives.
    fn send(&self, change: &Change) {
        if self.is(LATE) && change.action() == Action::Create {
            self.server().sent.insert(change.key().clone(), change.clone());
        }
    }

    /// A creation was carried out; one whose caller is gone comes right after it.
    fn arrived(&self, key: &Key) {
        let mut server = self.server();
        if server.sent.remove(key).is_some() && server.late.remove(key).is_some() {
            server.duplicates.insert(key.clone());
        }
    }

    /// A list by pages, each a request of its own.
    async fn pages(&self, scope: &Scope) -> Result<Vec<Live>> {
        let live = self.list(scope).await?;
        for page in 1..=scope.len() / PAGE {
            let of_later_pages = self.server().fault_of_later_pages;
            match self.fault_of_request().or(of_later_pages) {
                Some(Fault::Unreachable)
                    if self.is("C75") || (self.is("C83") && of_later_pages.is_some()) =>
                {
                    return Ok(live.into_iter().take(page * PAGE).collect());
                }
                fault => self.request(fault)?,
            }
            self.server().later_pages += 1;
        }
        Ok(live)
    }

    /// What is in flight, counted until it is dropped.
    fn enter(&self, change: &Change) -> Flight<'_> {
        self.server().flights.push((change.key().clone(), change.action()));
        Flight { model: self, key: change.key().clone(), action: change.action() }
    }

    fn refused(&self, change: &Change) -> Error {
        let conflict = match self.is("C43") {
            true => Error::new(ErrorKind::Internal, "HTTP 409"),
            false => Error::conflict(change.key()),
        };
        match (self.is("C58"), change.body().and_then(|body| body.get("secret"))) {
            (true, Some(Value::Secret(secret))) => conflict.with("body", secret.expose()),
            _ => conflict,
        }
    }
}

/// The fault of a server on which a creation may land after its caller is gone.
pub const LATE: &str = "late";

/// The fault of a client whose errors show what it sent, as it was encoded.
pub const ENCODED: &str = "encoded";

/// How many objects a page has.
const PAGE: usize = 50;

struct Flight<'a> {
    model: &'a Model,
    key: Key,
    action: Action,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut server = self.model.server();
        let of_this = |flight: &(Key, Action)| *flight == (self.key.clone(), self.action);
        let place = server.flights.iter().position(of_this).unwrap();
        server.flights.remove(place);
        let sent = server.sent.remove(&self.key);
        server.late.extend(sent.map(|change| (self.key.clone(), change)));
    }
}

#[async_trait]
impl Target for Model {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("model").recovery_class(self.recovery_class).shows_owner()
    }

    async fn observe(&self, _: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        if self.is("C14") && self.server().requests == Some(Fault::Forbidden) {
            return Ok(Vec::new());
        }
        let fault = self.fault_of_request();
        self.request(fault)?;
        tokio::task::yield_now().await;
        let live = self.pages(scope).await?;
        tokio::task::yield_now().await;
        match fault {
            Some(Fault::CutAnswer) if !self.is("C13") => {
                Err(Error::new(ErrorKind::Unavailable, "the answer was cut short"))
            }
            Some(Fault::CutAnswer) => Ok(live.into_iter().take(3).collect()),
            _ => Ok(live),
        }
    }

    async fn apply(&self, _: &Cx, change: &Change) -> Result<Applied> {
        let _flight = self.enter(change);
        let fault = self.fault_of_request();
        self.request(fault)?;
        if fault == Some(Fault::Quoted) {
            return Err(self.quoted(change));
        }
        self.send(change);
        tokio::task::yield_now().await;
        let answer = self.change(change).await;
        self.arrived(change.key());
        if answer.is_ok() {
            self.tell(change.key());
        }
        tokio::task::yield_now().await;
        if self.is("C77") && fault == Some(Fault::LostAnswer) && self.server().requests.is_none() {
            return self.again(change).await;
        }
        self.answer(fault, answer)
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }

    fn import(&self) -> Option<&dyn Import> {
        Some(self)
    }

    fn batch(&self) -> Option<&dyn Batch> {
        Some(self)
    }

    fn identity(&self) -> Option<&dyn Identity> {
        Some(self)
    }
}

pub fn subject(model: Arc<Model>) -> Subject {
    Subject::new(model.clone(), samples()).outside(model).patience(std::time::Duration::from_millis(60))
}

fn named(kind: &str, namespace: &str, name: &str) -> Key {
    Key::new("model", GroupKind::new("", kind), namespace, name)
}

pub fn samples() -> Samples {
    let body = |text: &str| Value::map([("text", Value::from(text)), ("size", Value::from(1))]);
    let wide = Value::map([("text", Value::from("t")), ("size", 1.into()), ("note", "n".into())]);
    let near = [
        ("Item", "shop", "near"),
        ("Item", "shop", "near-by"),
        ("Item", "store", "near"),
        ("Thing", "shop", "near"),
    ];
    Samples::new(
        |n| named("Item", "shop", &format!("item-{n:04}")),
        |n| {
            Value::map([
                ("text", Value::from(format!("text {n}").as_str())),
                ("size", Value::from(i64::try_from(n).unwrap())),
            ])
        },
    )
    .text(body)
    .secret(|secret| Value::map([("secret", Value::Secret(secret)), ("size", Value::from(1))]))
    .neighbours(near.map(|(kind, namespace, name)| named(kind, namespace, name)))
    .defaulted([Value::map([("text", Value::from("no size"))]), body("1000m")])
    .narrowing(wide, body("t"))
    .container((named("Item", "shop", "box"), body("a box")), (named("Item", "box", "theirs"), body("in it")))
    .unknown_kind(named("Unknown", "shop", "a"))
    .invalid(Value::map([("colour", Value::from("red"))]))
    .too_large(body(&"x".repeat(20_000)))
    .illegal_keys([named("Item", "shop", "no!"), named("Item", "shop", &"n".repeat(100))])
}
