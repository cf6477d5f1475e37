//! Time and chance as an engine in the world sees them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;

use super::random::Random;
use super::state::{Handle, Happening};
use crate::cx::{Clock, Entropy, Time};

/// The clock of one life; it can be off.
pub(super) struct SimClock {
    pub world: Handle,
    pub life: usize,
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Time {
        let world = self.world.lock();
        Time::from_micros(world.now + world.lives[self.life].skew)
    }

    async fn wait_until(&self, time: Time) {
        Wait { clock: self, until: time.as_micros(), place: None }.await;
    }
}

/// A wait in the world's queue; dropped, it leaves the queue.
struct Wait<'a> {
    clock: &'a SimClock,
    until: i64,
    place: Option<(i64, u64)>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut world = self.clock.world.lock();
        let left = self.until.saturating_sub(world.now + world.lives[self.clock.life].skew);
        if let Some(place) = self.place {
            world.queue.remove(&place);
        }
        if left <= 0 {
            return Poll::Ready(());
        }
        let place = world.after(left, Happening::Wake(cx.waker().clone()));
        drop(world);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.clock.world.lock().queue.remove(&place);
        }
    }
}

/// The entropy of one life.
pub(super) struct SimEntropy(Mutex<Random>);

impl SimEntropy {
    pub fn new(random: Random) -> Self {
        Self(Mutex::new(random))
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
