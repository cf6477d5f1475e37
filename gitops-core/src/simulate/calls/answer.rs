//! The caller's side of a call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Ask, Reply};
use crate::simulate::state::{Handle, Inner};
use crate::value::{Expect, Key};

/// Waits for the answer of a call.
pub(in crate::simulate) struct Answer {
    pub world: Handle,
    pub id: usize,
}

impl Future for Answer {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        let handle = self.world.clone();
        let mut world = handle.lock();
        let id = self.id;
        let call = world.calls.get_mut(&id).expect("a call stays until its caller is gone");
        let reply = if call.due { call.reply.take() } else { None };
        let Some(reply) = reply else {
            call.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if let (Reply::Applied(Ok(applied)), Ask::Apply(change) | Ask::Adopt(change)) = (&reply, &call.ask)
            && let Some((uid, version)) = applied.state()
        {
            let (life, key, adopts) = (call.life, change.key().clone(), call.adopts());
            let expect = Expect { uid: uid.clone(), version: version.clone() };
            world.learned(life, &key, &expect);
            if adopts {
                world.lives[life].adopted.insert((key, expect.uid, expect.version));
            }
        }
        Poll::Ready(reply)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        if let Some(call) = world.calls.get_mut(&self.id) {
            call.gone = true;
        }
        world.strike_off(self.id);
    }
}

impl Inner {
    /// An engine was told the identity of what it wrote.
    fn learned(&mut self, life: usize, key: &Key, expect: &Expect) {
        self.lives[life].seen.insert((key.clone(), expect.uid.clone(), expect.version.clone()));
        if let Some(item) = self.server.find_mut(key, &expect.uid) {
            item.known = true;
        }
    }
}
