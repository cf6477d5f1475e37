//! Sessions that reviews leave open for the next ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use gitops_core::{Cx, ErrorKind, Result, Time};

use crate::clusters::Clusters;
use crate::config::{Config, WindowsConfig};
use crate::inputs::setting;
use crate::session::{Session, SessionBuilder};

/// How many sessions are kept open, and how many objects they have in all. Each may hold a watch of its own for each of its folders, of
/// which a system has few.
const SESSIONS: usize = 16;
const OBJECTS: usize = 200_000;

/// How long a review waits for another one of the same application, before it opens a session of its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a session is used. Whatever nobody noticed meanwhile is then looked at anew.
const LASTS: Duration = Duration::from_secs(60 * 60);

/// The sessions that reviews of one process leave open, one for each application, so that the next review costs what changed since:
/// what the last one read, rendered and asked about is not read, rendered or asked about again.
///
/// There are 16 at most, with 200,000 objects in all; those that were used least recently are closed first. None is used for more than an
/// hour, and none of a review of a request that nobody vouches for.
pub struct Warm {
    cx: Cx,
    clusters: Clusters,
    places: Mutex<BTreeMap<String, Place>>,
}

type Place = Arc<AsyncMutex<Option<Kept>>>;

struct Kept {
    session: Session,
    /// What the configuration said by which it was opened.
    setting: String,
    since: Time,
    used: Time,
    objects: usize,
}

/// The place of one application's session, for one review.
pub(super) struct Lent<'a> {
    warm: &'a Warm,
    /// Nothing where another review takes long.
    place: Option<OwnedMutexGuard<Option<Kept>>>,
    setting: String,
    since: Time,
}

impl Warm {
    /// None is open yet. They work until the context is cancelled, and share the connections and watches of others that were given
    /// the same clusters.
    pub fn new(cx: &Cx, clusters: Clusters) -> Self {
        Self { cx: cx.clone(), clusters, places: Mutex::default() }
    }

    /// How many sessions are open and wait for a review.
    pub fn open(&self) -> usize {
        let has_session = |place: &Place| place.try_lock().is_some_and(|kept| kept.is_some());
        self.places().values().filter(|place| has_session(place)).count()
    }

    /// Closes the session of an application whose configuration is another one now. One that is lent is closed when it comes back.
    pub fn forget(&self, application: &str) {
        self.lock().remove(application);
    }

    /// A session to look with: the one that was left last, brought up to what was recorded since, else a new one. It is left for
    /// the next one when it is dropped. Its gates know of no change window.
    ///
    /// # Errors
    /// As [`SessionBuilder::open`].
    ///
    /// # Cancel safety
    /// Dropping the future closes the session.
    pub async fn look(&self, cx: &Cx, config: &Config) -> Result<Borrowed<'_>> {
        let mut lent = self.lend(cx, config).await?;
        let mut session = lent.take(cx);
        if let Some(kept) = &mut session
            && kept.engine.catch_up(cx).await.is_err()
        {
            session = None;
        }
        let session = if let Some(session) = session {
            session
        } else {
            let open = Config { windows: WindowsConfig::default(), ..config.clone() };
            Box::pin(lent.open(cx, Session::builder(&open))).await?
        };
        Ok(Borrowed { back: Some((lent, session)), cx: cx.clone() })
    }

    /// Waits a while for the place of an application. A review that began with another configuration than the last one gets nothing
    /// of its session: it may have begun before the configuration was taken up, and end after it.
    pub(super) async fn lend(&self, cx: &Cx, config: &Config) -> Result<Lent<'_>> {
        let place = self.lock().entry(config.name.clone()).or_default().clone();
        let waited = cx.within(PATIENCE).bounded(async { Ok(place.lock_owned().await) }).await;
        let place = match waited {
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            waited => waited.ok(),
        };
        Ok(Lent { warm: self, place, setting: setting(config), since: cx.now() })
    }

    /// Closes what was used least recently until there is room for so many objects; gives whether there is.
    fn make_room(&self, objects: usize) -> bool {
        let places = self.places();
        // Those that are lent count when they come back.
        let mut kept: Vec<_> = places.values().filter_map(|place| place.try_lock()).collect();
        kept.retain(|kept| kept.is_some());
        kept.sort_by_key(|kept| kept.as_ref().map(|kept| kept.used));
        let mut all =
            objects + kept.iter().filter_map(|kept| kept.as_ref()).map(|kept| kept.objects).sum::<usize>();
        let mut count = kept.len() + 1;
        for kept in &mut kept {
            if all <= OBJECTS && count <= SESSIONS {
                break;
            }
            all -= kept.take().map_or(0, |kept| kept.objects);
            count -= 1;
        }
        all <= OBJECTS
    }

    fn places(&self) -> BTreeMap<String, Place> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Warm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warm").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// A session that is given back when it is dropped.
pub struct Borrowed<'a> {
    /// Nothing once it was given back.
    back: Option<(Lent<'a>, Session)>,
    cx: Cx,
}

impl Borrowed<'_> {
    /// The session.
    ///
    /// # Panics
    /// Never: it is given back when this is dropped.
    pub fn session(&self) -> &Session {
        &self.back.as_ref().expect("it is given back when this is dropped").1
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some((lent, session)) = self.back.take() {
            lent.keep(&self.cx, session);
        }
    }
}

impl fmt::Debug for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Borrowed")
    }
}

impl Lent<'_> {
    /// The session that an earlier review left, if it may still be used.
    pub fn take(&mut self, cx: &Cx) -> Option<Session> {
        let kept = self.place.as_mut()?.take()?;
        self.since = kept.since;
        let is_of_it = kept.setting == self.setting && cx.now().since(kept.since) < LASTS;
        is_of_it.then_some(kept.session)
    }

    /// Opens a session that outlives the review.
    pub async fn open(&mut self, cx: &Cx, builder: SessionBuilder) -> Result<Session> {
        self.since = cx.now();
        let opening = Box::pin(builder.clusters(self.warm.clusters.clone()).open(&self.warm.cx));
        let mut session = cx.bounded(opening).await?;
        // It is used for long, and who was at work when it was opened may be able to ask again soon.
        session.engine.doubted_elsewhere(BTreeMap::new());
        Ok(session)
    }

    /// Leaves a session for the next review.
    pub fn keep(self, cx: &Cx, session: Session) {
        let Self { warm, place, setting, since } = self;
        let Some(mut place) = place else { return };
        let objects = session.engine.inventory().entries().len() + 1;
        if session.has_state() && warm.make_room(objects) {
            *place = Some(Kept { session, setting, since, used: cx.now(), objects });
        }
    }
}
