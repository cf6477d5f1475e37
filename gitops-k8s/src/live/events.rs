//! The events of a watch, one JSON document a line.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use gitops_core::{Cx, Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::client::cluster::{Call, Failure, Wire};

/// A line that is longer than any object can be is no event.
const MAX_LINE: usize = 16 << 20;

/// One event of a watch.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub object: Json,
}

impl Event {
    /// The version to go on from after it.
    pub fn resource_version(&self) -> &str {
        self.object["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    /// Whether it says that all there is has been shown, in a watch that began with that.
    pub fn ends_the_beginning(&self) -> bool {
        let annotations = &self.object["metadata"]["annotations"];
        self.kind == Kind::Bookmark && annotations["k8s.io/initial-events-end"] == "true"
    }
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// An open watch.
pub(crate) struct Events {
    bytes: Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>,
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
}

impl Events {
    /// Begins to watch at a URL with its query.
    pub async fn open(wire: &Wire, cx: &Cx, uri: String) -> Result<Self, Failure> {
        let stream = wire.stream(cx, Call::get(uri)).await?;
        let bytes = stream.map(|chunk| chunk.map(|chunk| chunk.as_ref().to_vec()));
        Ok(Self { bytes: Box::pin(bytes), buffer: Vec::new(), searched: 0 })
    }

    /// The next event; `None` when the server ends the watch.
    ///
    /// # Errors
    /// `Stale` if the server no longer has the state from which the watch goes on: list again.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(line) = self.line() {
                let event: Event = serde_json::from_slice(&line)?;
                return match event.kind {
                    Kind::Error => Err(ended(&event.object)),
                    _ => Ok(Some(event)),
                };
            }
            match self.bytes.next().await {
                Some(chunk) => self.buffer.extend(chunk?),
                None => return Ok(None),
            }
            if self.buffer.len() > MAX_LINE {
                return Err(
                    Error::new(ErrorKind::Limit, "an event of a watch is too long").with("limit", MAX_LINE)
                );
            }
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end else {
            self.searched = self.buffer.len();
            return None;
        };
        let rest = self.buffer.split_off(self.searched + end + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.buffer, rest))
    }
}

fn ended(status: &Json) -> Error {
    let kind = match status["code"].as_u64() {
        Some(410) => ErrorKind::Stale,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, status["message"].as_str().unwrap_or("the server ended the watch")).outcome_known()
}
