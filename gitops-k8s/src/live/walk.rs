//! All objects of a collection, and each again when it changes.

use std::collections::VecDeque;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, Result};

use crate::client::cluster::{Failure, Wire};
use crate::live::events::{Events, Kind};
use crate::live::list::{List, escape};
use crate::live::object::Seen;

/// How long to wait before a watch that ended is begun anew.
const PAUSE: Duration = Duration::from_secs(1);

/// A walk over a collection that never ends by itself.
pub(crate) struct Walk<'a> {
    wire: &'a Wire,
    /// With a query of its own.
    uri: String,
    api_version: String,
    kind: &'static str,
    due: VecDeque<Seen>,
    events: Option<Events>,
}

impl<'a> Walk<'a> {
    pub fn new(wire: &'a Wire, uri: String, api_version: String, kind: &'static str) -> Self {
        Self { wire, uri, api_version, kind, due: VecDeque::new(), events: None }
    }

    /// The next object: each that is there, and from then on each that is made or changed.
    ///
    /// # Errors
    /// `Timeout` or `Cancelled` of the context; what the server refuses for good.
    pub async fn next(&mut self, cx: &Cx) -> Result<Seen> {
        loop {
            if let Some(seen) = self.due.pop_front() {
                return Ok(seen);
            }
            let failure = match &mut self.events {
                None => self.begin(cx).await.err(),
                Some(events) => match cx.bounded(events.next()).await {
                    Ok(Some(event)) => {
                        if matches!(event.kind, Kind::Added | Kind::Modified) {
                            self.due.push_back(Seen::new(event.object));
                        }
                        None
                    }
                    Ok(None) => {
                        self.events = None;
                        cx.sleep(PAUSE).await?;
                        None
                    }
                    Err(error) => Some(Failure::from(error)),
                },
            };
            match failure {
                None => {}
                Some(failure) if matches!(failure.kind(), ErrorKind::Stale | ErrorKind::Unavailable) => {
                    self.events = None;
                    cx.sleep(PAUSE).await?;
                }
                Some(failure) => return Err(failure.into()),
            }
        }
    }

    /// One list, and a watch from it on.
    async fn begin(&mut self, cx: &Cx) -> Result<(), Failure> {
        let mut list = List::new(self.uri.clone(), self.api_version.clone(), self.kind);
        while let Some(page) = list.next_page(self.wire, cx, |_| true).await? {
            self.due.extend(page.into_iter().map(|(_, seen)| seen));
        }
        let from = escape(list.resource_version());
        let joint = if self.uri.contains('?') { '&' } else { '?' };
        let watch = format!("{}{joint}watch=1&allowWatchBookmarks=true&resourceVersion={from}", self.uri);
        self.events = Some(Events::open(self.wire, cx, watch).await?);
        Ok(())
    }
}
