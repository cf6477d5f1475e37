//! Machines that take turns by a lease, which is the one that ships.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::process::Process;
use super::state::Inner;
use crate::cx::Cx;
use crate::state::lease::{Lease, LeaseGrant, MemoryLease};
use crate::value::{Error, ErrorKind, Result};

const TERM: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// A lease of the machines of an application, and the life that has it.
#[derive(Default)]
pub(super) struct Turns {
    lease: Arc<MemoryLease>,
    leader: Option<usize>,
}

impl Inner {
    /// Lets the machines of an application take turns.
    pub fn add_turns(&mut self, house: usize) {
        self.houses[house].turns = Some(Turns::default());
    }

    /// A life was given the lease.
    pub fn leads(&mut self, life: usize) {
        let house = self.apps[self.lives[life].app].house;
        self.say(format_args!("e{life} has the lease"));
        if let Some(turns) = &mut self.houses[house].turns {
            turns.leader = Some(life);
        }
    }

    /// Whether a life may be at work: it has the lease, or there is none, or no clock can be trusted.
    pub fn has_its_turn(&self, life: usize) -> bool {
        let house = self.apps[self.lives[life].app].house;
        let is_trusted = !self.is_quiet && !self.faults.is_on(Fault::ClockJumps);
        self.houses[house].turns.as_ref().is_none_or(|turns| turns.leader == Some(life) || !is_trusted)
    }
}

impl Process {
    pub fn lease(&self) -> Option<Arc<MemoryLease>> {
        let world = self.world.lock();
        let house = world.apps[self.app].house;
        world.houses[house].turns.as_ref().map(|turns| turns.lease.clone())
    }

    /// Waits for the lease, and works until it is lost.
    pub async fn in_turn(
        &self,
        cx: &Cx,
        lease: &MemoryLease,
        work: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let holder = format!("e{}", self.life);
        let held = loop {
            match lease.acquire(cx, &holder, TERM).await? {
                Some(held) => break held,
                None => cx.sleep(RENEW_EVERY).await?,
            }
        };
        self.world.lock().leads(self.life);
        tokio::select! {
            biased;
            lost = self.keep(cx, lease, held) => Err(lost),
            ended = work => ended,
        }
    }

    /// Renews the lease; ends when it is lost, or so close to its end that it may be.
    async fn keep(&self, cx: &Cx, lease: &MemoryLease, mut held: LeaseGrant) -> Error {
        loop {
            if let Err(error) = cx.sleep(RENEW_EVERY).await {
                return error;
            }
            let is_lost = self.world.lock().faults.strikes(Fault::RequestLost);
            match lease.renew(cx, &held, TERM).await {
                Err(error) => return error,
                Ok(renewed) if !is_lost => held = renewed,
                Ok(_) if held.until.since(cx.now()) > RENEW_EVERY => {}
                Ok(_) => return Error::new(ErrorKind::Unavailable, "the lease could not be renewed in time"),
            }
        }
    }
}
