//! A service that is a program of its own, in any language: JSON lines over its standard input and output.
//!
//! `docs/external-backends.md` is the protocol, with a transcript that a test checks.

mod child;
mod program;
mod wire;

pub use program::Program;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use self::child::Child;
use super::Service;
use super::info::ServiceInfo;
use super::item::{Item, Page, Query, Write};
use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Key, Result, Version};

/// A [`Service`] in a process of its own.
///
/// One request is under way at a time. The process is started again by the next request after it ended.
///
/// # Guarantees
/// - Whatever the program does, a call ends within its time limit, and holds no more than one line in memory.
/// - The program and all that it started end with this value.
/// - Nothing that the program writes to its standard error is lost silently: the end of it is in the error of the call.
/// - No error shows a secret of the program's settings or of its environment, also not the program's own answer. Those of a call
///   are hidden by [`ServiceTarget`](super::ServiceTarget).
///
/// # Errors
/// - The program's own answer, with the kind that it names.
/// - `Unavailable` with an unknown outcome if it ended before it answered; `Timeout` if it did not answer in time.
/// - `Corrupt` with an unknown outcome if it wrote what is no answer, `Limit` if a line is too long.
///
/// After an error that is not its own answer, the process is killed.
///
/// # Cancel safety
/// A dropped call kills the process: nobody would know which answer is the next one's.
#[derive(Debug)]
pub struct External {
    program: Program,
    info: ServiceInfo,
    child: Mutex<Option<Child>>,
}

impl External {
    /// Starts a program, and asks it what it is.
    ///
    /// # Errors
    /// `NotFound` if there is no such program, `Unsupported` if it speaks no protocol of ours.
    pub async fn start(cx: &Cx, program: Program) -> Result<Self> {
        let (child, info) = Child::start(cx, &program).await?;
        Ok(Self { program, info, child: Mutex::new(Some(child)) })
    }

    /// Sends one request and reads the answer, which shows no secret of the program.
    async fn ask<T>(
        &self,
        cx: &Cx,
        call: &str,
        request: Json,
        read: impl FnOnce(Json) -> Result<T> + Send,
    ) -> Result<T> {
        let mut answer = self.answer(cx, call, request).await?;
        let forms = self.program.forms();
        wire::hide_in_reasons(&mut answer, &forms);
        wire::answer(answer).and_then(read).map_err(|error| error.without(&forms))
    }

    /// The child is away from its place until it answered: a call that fails or is dropped drops it, and so kills it.
    async fn answer(&self, cx: &Cx, call: &str, mut request: Json) -> Result<Json> {
        let mut place = self.child.lock().await;
        let running = place.take().and_then(Child::still_alive);
        let mut child = match running {
            Some(child) => child,
            None => self.start_again(cx).await.map_err(Error::outcome_known)?,
        };
        request["call"] = call.into();
        let answer = child.ask(cx, &self.program, request).await?;
        *place = Some(child);
        Ok(answer)
    }

    async fn start_again(&self, cx: &Cx) -> Result<Child> {
        let (child, info) = Child::start(cx, &self.program).await?;
        match info == self.info {
            true => Ok(child),
            false => Err(Error::new(ErrorKind::Stale, "the program says now that it is another service")
                .help("restart, so that it is asked anew what it is")),
        }
    }
}

#[async_trait]
impl Service for External {
    fn info(&self) -> ServiceInfo {
        self.info.clone()
    }

    async fn list(&self, cx: &Cx, query: &Query) -> Result<Page> {
        let request = json!({
            "group": query.kind.group(),
            "kind": query.kind.kind(),
            "namespace": query.namespace,
            "name": query.name,
            "page": query.page,
        });
        self.ask(cx, "list", request, wire::page).await
    }

    async fn get(&self, cx: &Cx, key: &Key, id: &str) -> Result<Option<Item>> {
        self.ask(cx, "get", wire::of_key(key, Some(id)), |answer| wire::found(answer, id)).await
    }

    async fn create(&self, cx: &Cx, key: &Key, write: &Write) -> Result<Item> {
        self.ask(cx, "create", wire::of_write(key, None, write)?, wire::created).await
    }

    async fn update(&self, cx: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        let request = wire::of_write(key, Some(id), write)?;
        self.ask(cx, "update", request, |answer| wire::updated(answer, id)).await
    }

    async fn delete(&self, cx: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()> {
        let mut request = wire::of_key(key, Some(id));
        request["expect"] = expect.map(Version::as_str).into();
        self.ask(cx, "delete", request, |_| Ok(())).await
    }
}
