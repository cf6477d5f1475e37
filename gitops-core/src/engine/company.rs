//! The other applications beside which an engine works.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt;
use futures::future::select_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Engine, EngineHandle};

/// The engines that work side by side, by the names of their applications.
pub(crate) struct Company {
    members: RwLock<BTreeMap<String, EngineHandle>>,
    /// Moves when an application comes or goes.
    moved: watch::Sender<()>,
    /// How many applications may plan at once.
    room: Arc<Semaphore>,
}

/// One engine's place among the others.
pub(crate) struct Place {
    company: Arc<Company>,
    /// The applications that must have converged before this one takes up something new.
    needs: Vec<String>,
}

impl Company {
    pub fn new(at_once: usize) -> Arc<Self> {
        let (members, room) = (RwLock::default(), Arc::new(Semaphore::new(at_once.max(1))));
        Arc::new(Self { members, moved: watch::Sender::new(()), room })
    }

    pub fn members(&self) -> BTreeMap<String, EngineHandle> {
        self.members.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seats an engine among the others.
    pub fn join(self: &Arc<Self>, engine: &mut Engine, needs: Vec<String>) -> EngineHandle {
        let handle = engine.handle();
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        members.insert(engine.name().to_owned(), handle.clone());
        drop(members);
        engine.place = Some(Place { company: self.clone(), needs });
        self.moved.send_replace(());
        handle
    }

    pub fn leave(&self, name: &str) -> Option<EngineHandle> {
        let left = self.members.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.moved.send_replace(());
        left
    }
}

impl Place {
    /// The first need that is not met: an application that did not converge, or that is not there.
    pub fn unmet(&self) -> Option<&str> {
        let members = self.company.members.read().unwrap_or_else(PoisonError::into_inner);
        let is_unmet = |name: &&String| members.get(*name).is_none_or(|handle| !handle.now().is_converged());
        self.needs.iter().find(is_unmet).map(String::as_str)
    }

    /// Returns once a needed application moved, or any came or went; at once if no need is unmet.
    pub async fn moved(&self) {
        let mut membership = self.company.moved.subscribe();
        let members = self.company.members();
        let needed = self.needs.iter().filter_map(|name| members.get(name));
        let moves = needed.map(|handle| {
            let mut status = handle.status();
            async move { drop(status.changed().await) }.boxed()
        });
        let came_or_went = async move { drop(membership.changed().await) }.boxed();
        let moves: Vec<_> = moves.chain([came_or_went]).collect();
        // What moved before it was listened to is not waited for.
        if self.unmet().is_some() {
            select_all(moves).await;
        }
    }

    /// Waits for room to plan. Who waits longest is next, so that nobody starves.
    pub fn room(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let room = self.company.room.clone();
        async move { room.acquire_owned().await.ok() }
    }
}
