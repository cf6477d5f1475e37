//! The other applications beside which an engine works.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt;
use futures::future::select_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::needs::Held;
use super::{Engine, EngineHandle};
use crate::value::Revision;

/// The engines that work side by side, or one after the other, by the names of their applications: each that has needs sees by it how far
/// the others have come ([`Engine::check_needs`]). A [`Supervisor`](crate::Supervisor) has one of its own.
pub struct Company {
    members: RwLock<BTreeMap<String, Member>>,
    /// Moves when an application comes or goes.
    moved: watch::Sender<()>,
    /// How many applications may plan at once.
    room: Arc<Semaphore>,
}

/// An application among the others.
#[derive(Clone)]
pub(super) struct Member {
    pub handle: EngineHandle,
    /// What its revisions are revisions of.
    pub line: (String, String),
}

/// One engine's place among the others.
pub(crate) struct Place {
    company: Arc<Company>,
    /// The applications that come first.
    needs: Vec<String>,
    /// How they were when one of them had not come as far; nothing while nobody is waited for.
    pub(super) waits: Option<Seen>,
}

/// How the applications that come first were; nothing of one that was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen(Vec<Option<Look>>);

/// How one of them was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    /// The revision that it had converged on.
    reached: Option<Revision>,
    looked_at: Option<Revision>,
    held: Held,
}

impl Company {
    /// Nobody yet; so many engines may plan at once while they run.
    pub fn new(at_once: usize) -> Arc<Self> {
        let (members, room) = (RwLock::default(), Arc::new(Semaphore::new(at_once.max(1))));
        Arc::new(Self { members, moved: watch::Sender::new(()), room })
    }

    pub(crate) fn members(&self) -> BTreeMap<String, EngineHandle> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        members.iter().map(|(name, member)| (name.clone(), member.handle.clone())).collect()
    }

    /// Seats an engine among the others, after those that it needs. How far it came is known also once it is gone.
    pub fn join(self: &Arc<Self>, engine: &mut Engine, needs: Vec<String>) -> EngineHandle {
        let handle = engine.handle();
        let member = Member { handle: handle.clone(), line: engine.source().info().line() };
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        members.insert(engine.name().to_owned(), member);
        drop(members);
        engine.place = Some(Place { company: self.clone(), needs, waits: None });
        self.moved.send_replace(());
        handle
    }

    pub(crate) fn leave(&self, name: &str) {
        self.members.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.moved.send_replace(());
    }
}

impl std::fmt::Debug for Company {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.members().keys()).finish()
    }
}

impl Place {
    pub(super) fn needs(&self) -> &[String] {
        &self.needs
    }

    pub(super) fn member(&self, name: &str) -> Option<Member> {
        self.company.members.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// How the applications that come first are; nothing where none does.
    pub(super) fn seen(&self) -> Option<Seen> {
        let of = |name: &String| {
            let status = self.member(name)?.handle.now();
            let (reached, looked_at) = (status.reached.clone(), status.looked_at.clone());
            Some(Look { reached, looked_at, held: Held::of(&status) })
        };
        (!self.needs.is_empty()).then(|| Seen(self.needs.iter().map(of).collect()))
    }

    /// Returns once an application that comes first is otherwise than when it was waited for; never where nobody is waited for.
    pub async fn moved(&self) {
        loop {
            let mut membership = self.company.moved.subscribe();
            let members = self.needs.iter().filter_map(|name| self.member(name));
            let moves = members.map(|member| {
                let mut status = member.handle.status();
                async move { drop(status.changed().await) }.boxed()
            });
            let came_or_went = async move { drop(membership.changed().await) }.boxed();
            let moves: Vec<_> = moves.chain([came_or_went]).collect();
            // What moved before it was listened to is not waited for.
            if self.waits.is_some() && self.waits != self.seen() {
                return;
            }
            select_all(moves).await;
        }
    }

    /// Waits for room to plan. Who waits longest is next, so that nobody starves.
    pub fn room(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let room = self.company.room.clone();
        async move { room.acquire_owned().await.ok() }
    }
}
