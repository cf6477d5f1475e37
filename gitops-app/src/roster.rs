//! What a process keeps at work, each by itself, while a configuration changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Shared};
use futures::stream::{FuturesUnordered, StreamExt};
use gitops_core::{Cx, Digest};

/// What a process keeps at work: applications, or what it does for several of them. Each is a task with a context of its own, and is
/// told apart from others by its name, and from what it was before by its mark: see [`Inputs::mark`](crate::Inputs::mark).
///
/// # Guarantees
/// - *Who is wanted with the mark that it has goes on*, and notices nothing.
/// - *All others are asked to stop at once*, by their contexts, and none waits for another one's end.
/// - *Two of one name never work at once*, nor two that are not apart: the later one begins once the former one has ended.
///
/// ```
/// # use futures::FutureExt;
/// # use gitops_app::Roster;
/// # use gitops_core::{Cx, Digest};
/// # async fn example(cx: &Cx) {
/// let mut roster = Roster::new();
/// let wanted = [("shop".to_owned(), Digest::of(b"its settings"), "shop")];
/// let taken = roster.take(cx, wanted, |_, _| true, |name, cx| async move {
///     cx.cancelled().await;
///     format!("{name} has ended")
/// }.boxed());
/// assert_eq!(taken.begun, ["shop"]);
/// # }
/// ```
pub struct Roster<'a, K, T> {
    seats: BTreeMap<String, Seat<K>>,
    /// Those that were asked to stop.
    leaving: Vec<(String, Seat<K>)>,
    tasks: FuturesUnordered<BoxFuture<'a, Ended<T>>>,
    /// Those that have ended by themselves.
    ended: BTreeSet<String>,
    next: u64,
}

struct Seat<K> {
    number: u64,
    mark: Digest,
    member: Arc<K>,
    cx: Cx,
    gone: Gone,
}

/// Ends once a task has ended: nothing is ever sent.
type Gone = Shared<oneshot::Receiver<()>>;

/// The name and the number of a task that has ended, with what it gave; nothing if it was asked to stop before it began.
type Ended<T> = (String, u64, Option<T>);

/// What came of a change, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Those that were not there before.
    pub begun: Vec<String>,
    /// Those that differ, and stop first, or that had ended: they begin anew.
    pub renewed: Vec<String>,
    /// Those that are not wanted any more: they stop.
    pub left: Vec<String>,
}

impl<'a, K: Send + Sync + 'a, T: Send + 'a> Roster<'a, K, T> {
    /// Nobody yet.
    pub fn new() -> Self {
        let (leaving, tasks) = (Vec::new(), FuturesUnordered::new());
        Self { seats: BTreeMap::new(), leaving, tasks, ended: BTreeSet::new(), next: 0 }
    }

    /// From now on these are wanted, each by its name and mark, and nobody else. `are_apart` says of one that stops and one that
    /// begins whether they may work at once. Returns without waiting: who begins waits in its own task, which [`next`](Self::next)
    /// works on.
    pub fn take(
        &mut self,
        cx: &Cx,
        wanted: impl IntoIterator<Item = (String, Digest, K)>,
        are_apart: impl Fn(&K, &K) -> bool,
        begin: impl Fn(Arc<K>, Cx) -> BoxFuture<'a, T>,
    ) -> Taken {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut taken = Taken::default();
        let left = self.stop_others(&wanted.iter().map(|(name, mark, _)| (&**name, *mark)).collect());
        for (name, mark, member) in wanted {
            if self.seats.contains_key(&name) {
                continue;
            }
            let is_former =
                |(former, seat): &&(String, Seat<K>)| *former == name || !are_apart(&seat.member, &member);
            let formers: Vec<_> =
                self.leaving.iter().filter(is_former).map(|(_, seat)| seat.gone.clone()).collect();
            let (member, own, number) = (Arc::new(member), cx.child(), self.next);
            let (ends, gone) = oneshot::channel();
            let (task, of) = (begin(member.clone(), own.clone()), (name.clone(), number));
            self.tasks.push(Box::pin(once_gone(formers, own.clone(), ends, task, of)));
            let is_renewed = self.ended.remove(&name) || left.contains(&name);
            if is_renewed { &mut taken.renewed } else { &mut taken.begun }.push(name.clone());
            self.seats.insert(name, Seat { number, mark, member, cx: own, gone: gone.shared() });
            self.next += 1;
        }
        taken.left = left.into_iter().filter(|name| !self.seats.contains_key(name)).collect();
        taken
    }

    /// Who works under a name.
    pub fn get(&self, name: &str) -> Option<&K> {
        self.seats.get(name).map(|seat| &*seat.member)
    }

    /// Asks all to stop that are not wanted with the mark that they have; gives their names.
    fn stop_others(&mut self, marks: &BTreeMap<&str, Digest>) -> Vec<String> {
        let mut stopped = Vec::new();
        for (name, seat) in std::mem::take(&mut self.seats) {
            if marks.get(name.as_str()) == Some(&seat.mark) {
                self.seats.insert(name, seat);
            } else {
                seat.cx.cancel();
                stopped.push(name.clone());
                self.leaving.push((name, seat));
            }
        }
        stopped
    }

    /// Works on all until the next of them ends; gives its name and what it came to, and whether it ended by itself: then it begins anew
    /// with the next configuration that is taken, also if it does not differ. Nothing once all have ended.
    ///
    /// # Cancel safety
    /// May be dropped at any time: nobody works until it is called again.
    pub async fn next(&mut self) -> Option<(String, T, bool)> {
        while let Some((name, number, ended)) = self.tasks.next().await {
            self.leaving.retain(|(_, seat)| seat.number != number);
            let is_by_itself = self.seats.get(&name).is_some_and(|seat| seat.number == number);
            if is_by_itself {
                self.seats.remove(&name);
                self.ended.insert(name.clone());
            }
            if let Some(ended) = ended {
                return Some((name, ended, is_by_itself));
            }
        }
        None
    }
}

/// A task that begins once others have ended, if nobody has asked it to stop by then. It does not end before they have: who comes
/// after it need not know them.
async fn once_gone<T>(
    formers: Vec<Gone>,
    cx: Cx,
    ends: oneshot::Sender<()>,
    task: BoxFuture<'_, T>,
    (name, number): (String, u64),
) -> Ended<T> {
    for former in formers {
        // It ends with an error, once the other end is dropped.
        let _ = former.await;
    }
    let ended = match cx.is_cancelled() {
        true => None,
        false => Some(task.await),
    };
    drop(ends);
    (name, number, ended)
}

impl<'a, K: Send + Sync + 'a, T: Send + 'a> Default for Roster<'a, K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> fmt::Debug for Roster<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("at_work", &self.seats.keys()).finish_non_exhaustive()
    }
}
