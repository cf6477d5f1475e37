//! Futures stopped at each of their awaits.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures::future::{BoxFuture, join};

/// Lets a future come to its `awaits`-th await at most; `None` if it is still pending there.
pub(super) async fn pause_at<T>(future: &mut BoxFuture<'_, T>, awaits: usize) -> Option<T> {
    let mut left = awaits;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Drops a future at its `awaits`-th await; what it gave, if it was done before.
pub(super) async fn drop_at<T>(mut future: BoxFuture<'_, T>, awaits: usize) -> Option<T> {
    pause_at(&mut future, awaits).await
}

/// What two futures gave, and whether the second one began before the first was done.
pub(super) struct Overlap<A, B> {
    pub(super) first: A,
    pub(super) second: B,
    pub(super) overlapped: bool,
}

/// Lets the first future come to an await, begins the second one there, and ends both.
pub(super) async fn overlap<A, B>(
    mut first: BoxFuture<'_, A>,
    awaits: usize,
    second: impl Future<Output = B>,
) -> Overlap<A, B> {
    if let Some(first) = pause_at(&mut first, awaits).await {
        return Overlap { first, second: second.await, overlapped: false };
    }
    let (second, first) = join(second, first).await;
    Overlap { first, second, overlapped: true }
}
