use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, Error, ErrorKind};

use super::audience::Audience;
use crate::client::cluster::{Cluster, Failure};
use crate::client::kinds::{Served, collection};
use crate::live::events::{Event, Events, Kind};
use crate::live::list::{List, escape};
use crate::live::owner_label::LABEL;

/// How long to wait before a broken stream is opened again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// With signs of life; and after so many seconds the server is asked to end a watch, so that a dead connection does not go
/// unnoticed for ever.
const WATCH: &str = "allowWatchBookmarks=true&timeoutSeconds=290";

/// Waits before the next try, and longer before the one after it; says whether to go on.
async fn rest(cx: &Cx, pause: &mut Duration) -> bool {
    let now = *pause;
    *pause = (now * 2).min(PAUSES.1);
    cx.sleep(now).await.is_ok()
}

/// Whether a watch only ended early, and the next goes on from where it was.
fn is_cut(failure: &Failure) -> bool {
    matches!(failure.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// The watch on the labelled objects of one kind, in one namespace or (with none) in all.
pub(super) struct Stream {
    pub cluster: Cluster,
    /// Who listens to it.
    pub audience: Arc<Audience>,
    /// How long it may be silent before it is taken for dead.
    pub silence: Duration,
}

impl Stream {
    /// Runs until it is dropped. What goes wrong concerns this kind alone, and is tried again.
    pub async fn run(self) {
        let cx = Cx::system();
        let mut pause = PAUSES.0;
        loop {
            if let Err(failure) = self.once(&cx, &mut pause).await {
                tracing::warn!(kind = %self.audience.kind, error = %failure.error, "a watch is broken: its objects are looked at");
                self.audience.look_at_all();
            }
            if !rest(&cx, &mut pause).await {
                return;
            }
        }
    }

    /// All there is, and watches from it on for as long as the server can go on. Each event shortens the next pause.
    async fn once(&self, cx: &Cx, pause: &mut Duration) -> Result<(), Failure> {
        let wire = self.cluster.wire();
        let served = self.cluster.kinds().served(cx, wire, &self.audience.kind).await?;
        let version = &served.versions[0];
        let ours = escape(LABEL);
        let uri = format!("{}?labelSelector={ours}", collection(&served, version, &self.audience.namespace));
        let (mut from, mut begun) = match self.begin(cx, &uri).await {
            Ok((from, events)) => (from, Some(events)),
            // The server does not know how to begin a watch with all there is.
            Err(failure) if failure.kind() == ErrorKind::Invalid => {
                (self.list(cx, &served, version, &uri).await?, None)
            }
            Err(failure) if failure.kind() == ErrorKind::Stale => return Ok(()),
            Err(failure) => return Err(failure),
        };
        loop {
            let watch = format!("{uri}&watch=1&{WATCH}&resourceVersion={}", escape(&from));
            let events = match begun.take() {
                Some(events) => Ok(events),
                None => Events::open(wire, cx, watch).await,
            };
            let followed = match events {
                Ok(events) => self.follow(cx, events, &mut from, pause).await.map_err(Failure::from),
                Err(failure) => Err(failure),
            };
            match followed {
                // The server no longer has the state to go on from: list again.
                Err(failure) if failure.kind() == ErrorKind::Stale => return Ok(()),
                Err(failure) if !is_cut(&failure) => return Err(failure),
                _ => drop(rest(cx, pause).await),
            }
        }
    }

    /// Begins a watch with all there is: a list without pages, of which no more than one object is in memory at once. Gives
    /// the version that it was of, and the watch to go on with.
    ///
    /// # Errors
    /// `Invalid` if the server can't begin a watch so.
    async fn begin(&self, cx: &Cx, uri: &str) -> Result<(String, Events), Failure> {
        let watch = format!("{uri}&watch=1&{WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
        let mut events = Events::open(self.cluster.wire(), cx, watch).await?;
        let mut there = self.audience.begin();
        while let Some(event) = cx.within(self.silence).bounded(events.next()).await? {
            if event.ends_the_beginning() {
                let version = event.resource_version().to_owned();
                self.audience.complete(there, &version);
                return Ok((version, events));
            }
            if matches!(event.kind, Kind::Added | Kind::Modified) {
                self.audience.show_there(event.object, &mut there);
            }
        }
        let what = "the server ended a watch before it had shown all there is";
        Err(Error::new(ErrorKind::Unavailable, what).outcome_known().into())
    }

    /// Takes in the events of one watch to its end.
    async fn follow(
        &self,
        cx: &Cx,
        mut events: Events,
        from: &mut String,
        pause: &mut Duration,
    ) -> gitops_core::Result<()> {
        let _following = self.audience.follow();
        while let Some(event) = cx.within(self.silence).bounded(events.next()).await? {
            *from = self.take(event);
            *pause = PAUSES.0;
        }
        Ok(())
    }

    /// Compares all that is there with what was told, and gives the version to watch from.
    async fn list(&self, cx: &Cx, served: &Served, version: &str, uri: &str) -> Result<String, Failure> {
        let mut list = List::new(uri.to_owned(), served.api_version(version), self.audience.kind.kind());
        let mut there = self.audience.begin();
        while let Some(page) = list.next_page(self.cluster.wire(), cx, |_| true).await? {
            if list.has_begun_anew() {
                there = self.audience.begin();
            }
            for (_, seen) in page {
                self.audience.show_there(seen.json, &mut there);
            }
        }
        self.audience.complete(there, list.resource_version());
        Ok(list.resource_version().to_owned())
    }

    /// Takes in an event, and gives the version to go on from.
    fn take(&self, event: Event) -> String {
        let version = event.resource_version().to_owned();
        match event.kind {
            Kind::Added | Kind::Modified => self.audience.show(event.object, true),
            Kind::Deleted => self.audience.show(event.object, false),
            Kind::Bookmark | Kind::Error => {}
        }
        version
    }
}
